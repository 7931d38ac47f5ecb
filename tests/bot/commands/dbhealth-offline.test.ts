import type { APIMessage } from "discord-api-types/v10";
import { MusterError } from "../../../src/core/errors.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";

let bot: TestBot;
beforeEach(async () => {
  bot = await startTestBot({ settings: { DB_RETRY_DELAY: "2s", DB_MAX_RETRIES: "5" } });
});
afterEach(() => bot.stop());

async function use(name: string, userId: string): Promise<APIMessage> {
  const where = { channelId: bot.channelId, bypassPermissionCheck: true };
  const outcome = await bot.as(userId).command(name, {}, where);
  return (await outcome.settled())!;
}

describe("/dbhealth, /ping and /help", () => {
  it("answer at once while the database is away, and /dbhealth says why and what is done about it", async () => {
    const { moderatorId } = bot.ids;
    expect((await use("dbhealth", moderatorId)).embeds[0]?.title).toBe("🟢 Normal");
    const cause = new MusterError("DATABASE_UNAVAILABLE", `lost ${bot.databasePath}`);
    await bot.app.engine.connections.writer!.terminate(cause);
    await bot.sandbox.waitFor(() => bot.app.degradation.state.kind === "offline");

    const offline = (await use("dbhealth", moderatorId)).embeds[0]!;
    expect(offline.title).toBe("🔴 Offline");
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
