import { PermissionFlagsBits } from "discord.js";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { createEvent, deleteEvents, use } from "./event-rig.ts";

let bot: TestBot;
beforeAll(async () => {
  bot = await startTestBot();
});
afterEach(() => deleteEvents(bot));
afterAll(() => bot.stop());

async function mine(userId: string): Promise<string> {
  return (await use(bot, userId, "mine")).text;
}

describe("/mine", () => {
  it("lists what waits for the member's answer, what closes first at the top", async () => {
    const [crew, , , , other] = bot.ids.memberIds as [string, string, string, string, string];
    await createEvent(bot, { title: "Whenever" });
    await createEvent(bot, { title: "Later", closes: "in 3 days" });
    const soon = await createEvent(bot, { title: "Soon", closes: "in 1 day", audience: bot.ids.crewRoleId });
    const titles = (text: string): string[] => [...text.matchAll(/\*\*(\w+)\*\*/g)].map(([, title]) => title!);
    const text = await mine(crew);
    expect(titles(text)).toEqual(["Soon", "Later", "Whenever"]);
    expect(text).toContain(`/${soon.channelId}/${soon.messageId}`);
    expect(text).toContain(`<t:${Math.floor(soon.closesAt! / 1_000)}:R>`);
    expect(titles(await mine(other))).toEqual(["Later", "Whenever"]);

    await bot.as(crew).react(soon.channelId, soon.messageId, "✅");
    await bot.sandbox.waitFor(async () => titles(await mine(crew)).join() === "Later,Whenever");
  });

  it("says that nothing waits", async () => {
    expect(await mine(bot.ids.memberIds[0]!)).toContain("Nothing waits for you");
  });

  it("leaves out paused events, hidden channels and what the member is excused from", async () => {
    const [member] = bot.ids.memberIds as [string];
    const paused = await createEvent(bot, { title: "Paused" });
    await use(bot, bot.ids.moderatorId, "event pause", { event: paused.id });
    await createEvent(bot, { title: "Hidden", channel: bot.ids.generalChannelId });
    bot.sandbox.world.setOverwrite(bot.ids.generalChannelId, member, { deny: PermissionFlagsBits.ViewChannel });
    expect(await mine(member)).toContain("Nothing waits for you");
    await createEvent(bot, { title: "Open" });
    expect(await mine(member)).toContain("Open");
    await use(bot, bot.ids.ownerId, "admin-set-flag set", { flag: "excused", value: "yes", member });
    expect(await mine(member)).toContain("Nothing waits for you");
  });
});
