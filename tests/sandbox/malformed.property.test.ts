import fc from "fast-check";
import { Sandbox } from "../../src/sandbox/sandbox.ts";
import { smallServer } from "../../src/sandbox/seeds.ts";

/** Words that the routes look for, so that random bodies get past the first check. */
const FIELDS = [
  "content",
  "embeds",
  "components",
  "allowed_mentions",
  "attachments",
  "flags",
  "message_reference",
  "fields",
  "footer",
  "options",
  "choices",
  "type",
  "name",
  "description",
  "custom_id",
  "parse",
  "users",
  "messages",
  "recipient_id",
  "data",
];

const leaf = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean());
const { body } = fc.letrec((tie) => ({
  body: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("body"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...FIELDS), tie("body"), { maxKeys: 5 }),
  ),
}));

describe("bodies that make no sense", () => {
  let sandbox: Sandbox;
  const { ids, ...seed } = smallServer();

  beforeAll(async () => {
    const generous = { bucketRequests: 1e9, globalRequests: 1e9 };
    sandbox = await Sandbox.start({ port: 0, seed, limits: generous });
    sandbox.world.createMessage(ids.generalChannelId, { authorId: sandbox.botUserId, content: "x" });
  });

  afterAll(() => sandbox.stop());

  const routes = (): (readonly [string, string])[] => [
    ["POST", `/channels/${ids.generalChannelId}/messages`],
    ["PATCH", `/channels/${ids.generalChannelId}/messages/${sandbox.world.messages(ids.generalChannelId)[0]!.id}`],
    ["POST", `/channels/${ids.generalChannelId}/messages/bulk-delete`],
    ["POST", `/applications/${sandbox.applicationId}/commands`],
    ["PUT", `/applications/${sandbox.applicationId}/commands`],
    ["POST", "/users/@me/channels"],
    ["PATCH", `/guilds/${ids.guildId}/members/@me`],
    ["POST", "/interactions/1/none/callback"],
  ];

  it("are answered, and never with a fault of the sandbox", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 7 }), body, async (index, value) => {
        const [method, path] = routes()[index]!;
        const response = await fetch(sandbox.apiUrl + path, {
          method,
          headers: { "content-type": "application/json", authorization: `Bot ${sandbox.botToken}` },
          body: JSON.stringify(value),
        });
        await response.arrayBuffer();
        expect(response.status).toBeLessThan(500);
      }),
      {
        numRuns: 500,
        examples: [
          [2, { messages: null }],
          [3, null],
          [0, { components: "" }],
        ],
      },
    );
  });

  it("that are not JSON are refused as such", async () => {
    const response = await fetch(`${sandbox.apiUrl}/channels/${ids.generalChannelId}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bot ${sandbox.botToken}` },
      body: "{",
    });
    expect([response.status, ((await response.json()) as { code: number }).code]).toEqual([400, 50_109]);
  });
});
