import { REMINDER_MODES } from "../../../src/store/users.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";

let bot: TestBot;
beforeAll(async () => {
  bot = await startTestBot();
});
afterAll(() => bot.stop());

async function setMode(mode: string): Promise<{ content: string | undefined; isEphemeral: boolean }> {
  const member = bot.as(bot.ids.memberIds[0]!);
  const outcome = await member.command("reminders", { mode }, { channelId: bot.channelId });
  const message = await outcome.settled();
  return { content: message?.content, isEphemeral: outcome.isEphemeral };
}

describe("/reminders", () => {
  it.each(REMINDER_MODES)("stores %s, and says what it means", async (mode) => {
    const { content, isEphemeral } = await setMode(mode);
    expect(isEphemeral).toBe(true);
    expect(content).toContain({ mention: "mentioned", dm: "direct message", off: "not reminded" }[mode]);
    const modes = await bot.store.users.listReminderModes({ guildId: bot.guildId });
    expect(modes).toEqual(mode === "mention" ? [] : [{ id: bot.ids.memberIds[0], mode }]);
  });

  it("knows no other mode", async () => {
    await expect(setMode("carrier-pigeon")).rejects.toThrow("one of mention, dm, off");
  });
});
