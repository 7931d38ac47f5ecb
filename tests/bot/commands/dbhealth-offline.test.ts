import type { APIMessage } from "discord-api-types/v10";
import { MusterError } from "../../../src/core/errors.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { createJobsBesideBot } from "../../helpers/jobs-here.ts";

let bot: TestBot;
beforeAll(async () => {
  const settings = { DB_RETRY_DELAY: "2s", DB_MAX_RETRIES: "5", DB_HEALTH_CHECK_INTERVAL: "200ms" };
  bot = await startTestBot({ settings, createMaintenance: createJobsBesideBot });
});
afterAll(() => bot.stop());

async function use(name: string, userId: string): Promise<APIMessage> {
  const where = { channelId: bot.channelId, bypassPermissionCheck: true };
  const outcome = await bot.as(userId).command(name, {}, where);
  return (await outcome.settled())!;
}

/** The width and height of the PNG that a message shows in its embed; undefined when it has none. */
function pictureSize({ embeds, attachments }: APIMessage): readonly [width: number, height: number] | undefined {
  const [attachment] = attachments;
  if (!attachment) return undefined;
  expect(embeds[0]?.image?.url).toBe(`attachment://${attachment.filename}`);
  const png = Buffer.from(bot.sandbox.world.state.attachments.get(attachment.id)!.data);
  expect(png.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

/** Uses a command until its answer has a picture: a drawing process that is being started may take too long for one. */
async function seePicture(name: string): Promise<APIMessage> {
  let message: APIMessage | undefined;
  await bot.sandbox.waitFor(async () => {
    message = await use(name, bot.ids.moderatorId);
    return message.attachments.length > 0;
  }, 10_000);
  return message!;
}

describe("/dbhealth, /ping and /help", () => {
  it("answer at once while the database is away, and /dbhealth says why and what is done about it", async () => {
    const { moderatorId } = bot.ids;
    expect((await use("dbhealth", moderatorId)).embeds[0]?.title).toBe("🟢 Normal");
    expect((await use("stats", moderatorId)).embeds[0]?.description).toBe("No command was used in the last 7 days.");
    expect(pictureSize(await seePicture("dbhealth"))).toEqual([1200, 720]);
    await bot.app.usage.flush();
    const stats = await seePicture("stats");
    expect(pictureSize(stats)).toEqual([1200, 800]);
    expect(stats.embeds[0]?.description).toMatch(
      /commands? (was|were) used in the last 7 days, .*\nall were answered\.$/,
    );
    expect(stats.embeds[0]?.fields?.[0]?.value).toMatch(/^`\/dbhealth` \d+ × · /);

    const cause = new MusterError("DATABASE_UNAVAILABLE", `lost ${bot.databasePath}`);
    await bot.app.engine.connections.writer!.terminate(cause);
    await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "offline");

    const offline = (await use("dbhealth", moderatorId)).embeds[0]!;
    expect(offline.title).toBe("🔴 Offline");
    expect(offline.description).toContain("The figures are the last known ones.");
    expect(offline.description).toContain("The connection to the database was lost.");
    expect(JSON.stringify(offline)).not.toContain(bot.databasePath);
    expect((await use("ping", moderatorId)).content).toMatch(/^Pong!/);
    expect((await use("help", moderatorId)).embeds[0]?.title).toContain("Muster");

    await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "normal", 10_000);
    const recovered = (await use("dbhealth", moderatorId)).embeds[0]!;
    expect(recovered.title).toBe("🟢 Normal");
    expect(recovered.fields?.find(({ name }) => name === "Restarts of connections")?.value).toBe("1");
  });

  it("show a member what is theirs, and nothing of the database", async () => {
    const [memberId] = bot.ids.memberIds;
    expect((await use("dbhealth", memberId!)).content).toContain("Moderate Members");
    const forMember = JSON.stringify((await use("help", memberId!)).embeds[0]);
    expect(forMember).toContain("/ping");
    expect(forMember).toContain("/help");
    expect(forMember).toContain("/reminders");
    expect(forMember).not.toMatch(/dbhealth|admin-/);
    expect(JSON.stringify((await use("help", bot.ids.ownerId)).embeds[0])).toMatch(
      /dbhealth.*admin-audit|admin-audit.*dbhealth/,
    );
  });
});
