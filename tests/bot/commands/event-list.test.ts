import { PermissionFlagsBits } from "discord.js";
import { createId } from "../../../src/core/ids.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { createEvent, deleteEvents, press, use } from "./event-rig.ts";

let bot: TestBot;
let moderator: string;
let members: readonly string[];
beforeAll(async () => {
  bot = await startTestBot();
  moderator = bot.ids.moderatorId;
  members = bot.ids.memberIds;
});
afterEach(() => deleteEvents(bot));
afterAll(() => bot.stop());

async function createHiddenEvent(title: string): Promise<void> {
  const { id: channelId } = bot.sandbox.world.createChannel(bot.guildId, { name: "staff" });
  bot.sandbox.world.setOverwrite(channelId, bot.guildId, { deny: PermissionFlagsBits.ViewChannel });
  for (const id of [bot.sandbox.botUserId, moderator]) {
    bot.sandbox.world.setOverwrite(channelId, id, { allow: PermissionFlagsBits.ViewChannel });
  }
  await createEvent(bot, { title, channel: channelId });
}

/** Past Discord: only the list knows them. */
async function storeEvents(count: number): Promise<void> {
  const { guildId, channelId } = bot;
  const firstMessageId = 200_000_000_000_000_000n;
  const firstAt = Date.now();
  await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const messageId = String(firstMessageId + BigInt(index));
      return bot.store.events.create({
        ...{ id: createId(firstAt + index), guildId, channelId, messageId, cardMessageId: messageId },
        ...{ creatorId: moderator, title: `E${index + 1}`, description: "", intervalMs: 3_600_000, reactions: ["✅"] },
      });
    }),
  );
}

function titlesIn(text: string): string[] {
  return [...text.matchAll(/\*\*(.+?)\*\*/g)].map(([, title]) => title!);
}

describe("/event list", () => {
  it("says that there is nothing, and shows the states that are asked for", async () => {
    expect((await use(bot, members[0]!, "event list")).text).toContain("There are no open events");
    expect((await use(bot, members[0]!, "event list", { state: "all" })).text).toContain("/event create");
    await createEvent(bot, { title: "One" });
    const two = await createEvent(bot, { title: "Two" });
    await use(bot, moderator, "event close", { event: two.id });
    expect(titlesIn((await use(bot, members[0]!, "event list")).text)).toEqual(["One"]);
    expect(titlesIn((await use(bot, members[0]!, "event list", { state: "closed" })).text)).toEqual(["Two"]);
    expect(titlesIn((await use(bot, members[0]!, "event list", { state: "all" })).text)).toEqual(["Two", "One"]);
  });

  it("turns pages of ten, there and back, without gaps", async () => {
    await storeEvents(23);
    const titles = Array.from({ length: 23 }, (_, index) => `E${23 - index}`);
    const first = await use(bot, members[0]!, "event list");
    expect(titlesIn(first.text)).toEqual(titles.slice(0, 10));
    const second = await press(bot, members[0]!, first.message, "Older");
    expect(titlesIn(second.text)).toEqual(titles.slice(10, 20));
    const third = await press(bot, members[0]!, second.message, "Older");
    expect(titlesIn(third.text)).toEqual(titles.slice(20));
    await expect(press(bot, members[0]!, third.message, "Older")).rejects.toThrow("disabled");
    expect(titlesIn((await press(bot, members[0]!, third.message, "Newer")).text)).toEqual(titles.slice(10, 20));
    const back = await press(bot, members[0]!, second.message, "Newer");
    expect(titlesIn(back.text)).toEqual(titles.slice(0, 10));
  });

  it("leaves out events of channels that the member cannot see, and so do autocomplete and show", async () => {
    await createHiddenEvent("Secret");
    await createEvent(bot, { title: "Public" });
    expect(titlesIn((await use(bot, members[0]!, "event list")).text)).toEqual(["Public"]);
    expect(titlesIn((await use(bot, moderator, "event list")).text)).toEqual(["Public", "Secret"]);
    const where = { channelId: bot.channelId };
    const choices = await bot.as(members[0]!).autocomplete("event show", { event: "" }, "event", where);
    expect(choices.map(({ name }) => name)).toEqual(["Public · open"]);
    expect((await use(bot, members[0]!, "event show", { event: "Secret" })).text).toContain("no such event");
  });
});

describe("/event autocomplete", () => {
  it("offers what the subcommand and the member can act on", async () => {
    const open = await createEvent(bot, { title: "Open raid" });
    const paused = await createEvent(bot, { title: "Paused raid" });
    const closed = await createEvent(bot, { title: "Closed raid" });
    await use(bot, moderator, "event pause", { event: paused.id });
    await use(bot, moderator, "event close", { event: closed.id });
    const offer = async (userId: string, subcommand: string, text: string): Promise<string[]> => {
      const where = { channelId: bot.channelId };
      const choices = await bot.as(userId).autocomplete(`event ${subcommand}`, { event: text }, "event", where);
      return choices.map(({ value }) => String(value));
    };
    expect(await offer(moderator, "pause", "raid")).toEqual([open.id]);
    expect(await offer(moderator, "resume", "")).toEqual([paused.id]);
    expect(await offer(moderator, "close", "RAID")).toEqual([paused.id, open.id]);
    expect(await offer(moderator, "delete", "")).toEqual([paused.id, open.id, closed.id]);
    expect(await offer(moderator, "show", closed.id.slice(0, 24).toLowerCase())).toContain(closed.id);
    expect(await offer(members[0]!, "close", "")).toEqual([]);
    expect(await offer(members[0]!, "show", "open")).toEqual([open.id]);
  });
});

describe("/event show", () => {
  it("shows answers, who is missing and the last reminders, and refreshes them", async () => {
    const event = await createEvent(bot, { audience: bot.ids.crewRoleId });
    const first = await use(bot, members[5]!, "event show", { event: event.id });
    expect(first.text).toContain("Missing (4)");
    expect(first.text).toContain("None were sent yet");
    await bot.as(members[0]!).react(event.channelId, event.messageId, "✅");
    await use(bot, moderator, "event remind", { event: event.id });
    await bot.app.bot.settle();
    const second = await press(bot, members[5]!, first.message, "Refresh");
    expect(second.text).toContain("Missing (3)");
    expect(second.text).toContain(`<@${members[0]}>`);
    expect(second.text).toContain("3 reminded");
    expect(second.message.mentions).toEqual([]);
  });

  it("still works on a button from before a restart", async () => {
    const event = await createEvent(bot);
    const shown = await use(bot, members[0]!, "event show", { event: event.id });
    await bot.restart();
    expect((await press(bot, members[0]!, shown.message, "Refresh")).text).toContain("Friday raid");
  });
});
