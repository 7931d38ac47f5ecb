import { once } from "node:events";
import { WebSocket } from "ws";
import { homeServer } from "../../src/sandbox/home-server.ts";
import type { LiveFrame, Snapshot } from "../../src/sandbox/live/live-frames.ts";
import { startTestBot, type TestBot } from "./test-bot.ts";

type Dispatch = Extract<LiveFrame, { op: "dispatch" }>;

/** An open page, as far as the sandbox knows it. */
class Viewer {
  readonly frames: LiveFrame[] = [];
  readonly #socket: WebSocket;

  constructor(url: string, userId: string) {
    this.#socket = new WebSocket(`${url.replace("http", "ws")}/sandbox/live?user=${userId}`, { origin: url });
    this.#socket.on("message", (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as LiveFrame));
  }

  get world(): Snapshot {
    return this.frames.filter((frame) => frame.op === "hello").at(-1)!;
  }
  get dispatches(): Dispatch[] {
    return this.frames.filter((frame) => frame.op === "dispatch");
  }
  get channelNames(): string[] {
    return this.world.guilds.flatMap(({ channels }) => channels.map(({ name }) => name));
  }

  close(): void {
    this.#socket.terminate();
  }
}

describe("what a page is told", () => {
  let bot: TestBot;
  let moderator: Viewer;
  let member: Viewer;
  const seed = homeServer();
  const { generalChannelId, memberIds, moderatorId } = seed.ids;
  const bridgeId = seed.guilds[0]!.channels.find(({ name }) => name === "bridge")!.id;

  beforeAll(async () => {
    bot = await startTestBot({ seed });
    bot.onInteraction = async (interaction) => {
      if (interaction.isChatInputCommand()) await interaction.reply({ content: "for you", flags: "Ephemeral" });
    };
    await bot.client.application.commands.set([{ name: "ping", description: "ping" }]);
    moderator = new Viewer(bot.sandbox.url, moderatorId);
    member = new Viewer(bot.sandbox.url, memberIds[0]!);
    await bot.sandbox.waitFor(() => moderator.frames.length > 0 && member.frames.length > 0);
  });

  afterAll(async () => {
    moderator.close();
    member.close();
    await bot.stop();
  });

  it("is a world as one person sees it", () => {
    expect(moderator.channelNames).toEqual(["general", "roll-calls", "bridge"]);
    expect(member.channelNames).toEqual(["general", "roll-calls"]);
    expect(member.world.messages[generalChannelId]?.length).toBeGreaterThan(2);
    expect(member.world.commands.map(({ name }) => name)).toEqual(["ping"]);
    expect(member.world.people.map(({ role }) => role)).toEqual([
      "owner",
      "moderator",
      ...memberIds.map(() => "member"),
    ]);
    expect(member.world.bot).toEqual({ isConnected: true });
  });

  it("is what happens where that person sees it", async () => {
    await bot.sandbox.as(moderatorId).send(bridgeId, { content: "among us" });
    await bot.sandbox.as(moderatorId).send(generalChannelId, { content: "to all" });
    await bot.sandbox.waitFor(() => member.dispatches.length > 0 && moderator.dispatches.length > 1);
    const contents = (viewer: Viewer): unknown[] =>
      viewer.dispatches.map(({ d }) => (d as { content: string }).content);
    expect(contents(moderator)).toEqual(["among us", "to all"]);
    expect(contents(member)).toEqual(["to all"]);
  });

  it("is an ephemeral answer only for whoever asked", async () => {
    await bot.sandbox.as(memberIds[0]!).command("ping", {}, { channelId: generalChannelId });
    await bot.sandbox.as(moderatorId).send(generalChannelId, { content: "later" });
    const saw = (viewer: Viewer, text: string): boolean => JSON.stringify(viewer.dispatches).includes(text);
    await bot.sandbox.waitFor(() => saw(member, "later") && saw(moderator, "later"));
    expect(saw(member, "for you")).toBe(true);
    expect(saw(moderator, "for you")).toBe(false);
  });

  it("says of each reaction whether it is that person's own", async () => {
    const author = bot.sandbox.as(moderatorId);
    const { id } = await author.send(generalChannelId, { content: "react" });
    await author.react(generalChannelId, id, "✅");
    await author.edit(id, "react!");
    const reactionOf = (viewer: Viewer): unknown =>
      viewer.dispatches.filter(({ t, d }) => t === "MESSAGE_UPDATE" && (d as { id: string }).id === id).at(-1)?.d;
    await bot.sandbox.waitFor(() => reactionOf(member) !== undefined && reactionOf(moderator) !== undefined);
    expect(reactionOf(moderator)).toMatchObject({ reactions: [{ count: 1, me: true }] });
    expect(reactionOf(member)).toMatchObject({ reactions: [{ count: 1, me: false }] });
  });

  it("is a new world when somebody may see more", async () => {
    bot.sandbox.world.giveRole(seed.ids.guildId, memberIds[0]!, seed.ids.moderatorsRoleId);
    await bot.sandbox.waitFor(() => member.channelNames.includes("bridge"));
    bot.sandbox.world.takeRole(seed.ids.guildId, memberIds[0]!, seed.ids.moderatorsRoleId);
    await bot.sandbox.waitFor(() => !member.channelNames.includes("bridge"));
  });

  it("is nothing for pages of others, nor may they do anything", async () => {
    const { url } = bot.sandbox;
    const foreign = new WebSocket(`${url.replace("http", "ws")}/sandbox/live`, { origin: "https://example.org" });
    const [error] = (await once(foreign, "error")) as [Error];
    expect(error.message).toMatch(/403/);
    const headers = { origin: "https://example.org" };
    expect((await fetch(`${url}/sandbox/gateway/cut`, { method: "POST", headers })).status).toBe(403);
    expect((await fetch(`${url}/sandbox/bot`)).status).toBe(200);
  });
});
