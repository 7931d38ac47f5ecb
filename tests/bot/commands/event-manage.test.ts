import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import {
  auditActions,
  cardOf,
  createEvent,
  fieldOf,
  findEvent,
  ownMessages,
  press,
  requireEvent,
  use,
  waitForCard,
  type Options,
} from "./event-rig.ts";

const HOUR_MS = 3_600_000;

let bot: TestBot;
let moderator: string;
let members: readonly string[];
beforeAll(async () => {
  bot = await startTestBot();
  moderator = bot.ids.moderatorId;
  members = bot.ids.memberIds;
});
afterAll(() => bot.stop());
afterEach(() => bot.sandbox.faults.clear());

async function manage(subcommand: string, event: string, options: Options = {}, userId = moderator): Promise<string> {
  return (await use(bot, userId, `event ${subcommand}`, { event, ...options })).text;
}

describe("/event pause, resume and close", () => {
  it("take an event through its states, shown on the card and told in the audit log", async () => {
    const event = await createEvent(bot);
    expect(await manage("pause", event.id)).toContain("paused");
    const paused = await requireEvent(bot, event.id);
    expect([paused.state, paused.nextReminderAt]).toEqual(["paused", undefined]);
    await waitForCard(bot, event, (card) => fieldOf(card, "Next reminder") === "None while paused");

    expect(await manage("resume", event.id)).toContain("open again");
    const resumed = await requireEvent(bot, event.id);
    expect(resumed).toEqual(event);

    expect(await manage("close", event.id)).toContain("closed");
    await waitForCard(bot, event, (card) => card.description!.includes("Closed"));
    expect((await auditActions(bot, event.id)).map(({ action }) => action)).toEqual([
      ...["event.create", "event.pause", "event.resume", "event.close"],
    ]);
  });

  it("refuse what makes no sense, in plain words", async () => {
    const event = await createEvent(bot);
    expect(await manage("resume", event.id)).toBe("This event is open already.\n".trim());
    await manage("close", event.id);
    for (const subcommand of ["pause", "resume", "close", "remind"]) {
      expect(await manage(subcommand, event.id)).toMatch(/^This event is closed/);
    }
    expect(await manage("edit", event.id, { title: "New" })).toMatch(/^This event is closed/);
  });

  it("are for the creator and for members with Manage Events", async () => {
    await use(bot, bot.ids.ownerId, "admin-set-flag set", { flag: "event-creators", value: "everyone" });
    const event = await createEvent(bot, {}, members[0]);
    expect(await manage("pause", event.id, {}, members[1])).toContain("Only the person who created this event");
    expect(await manage("pause", event.id, {}, members[0])).toContain("paused");
    expect(await manage("close", event.id, {}, moderator)).toContain("closed");
  });

  it("find the event by an id in any case and by a title that only one has", async () => {
    const event = await createEvent(bot, { title: "The only one of this name" });
    expect(await manage("pause", event.id.toLowerCase())).toContain("paused");
    expect(await manage("resume", "The only one of this name")).toContain("open again");
    await createEvent(bot, { title: "The only one of this name" });
    expect(await manage("pause", "The only one of this name")).toContain("Several events");
    expect(await manage("pause", "Nothing of this name @everyone")).toContain("no such event");
  });
});

describe("/event edit", () => {
  it("changes what is given, plans the next reminder anew, and refreshes the card", async () => {
    const event = await createEvent(bot, { every: "24h" });
    const text = await manage("edit", event.id, { title: "Sunday raid", every: "2h", audience: bot.ids.crewRoleId });
    expect(text).toContain("Sunday raid");
    const edited = await requireEvent(bot, event.id);
    expect(edited).toMatchObject({ title: "Sunday raid", intervalMs: 2 * HOUR_MS, audienceRoleId: bot.ids.crewRoleId });
    expect(edited.nextReminderAt).toBe(event.createdAt + 2 * HOUR_MS);
    await waitForCard(bot, event, (card) => card.title === "Sunday raid");
    expect(fieldOf(cardOf(bot, event), "Missing")).toBe("4 of 4");
  });

  it("puts new reactions on the message, takes old ones away, and counts what was there before", async () => {
    const event = await createEvent(bot, { reactions: "✅ ❌" });
    await bot.as(members[0]!).react(event.channelId, event.messageId, "👍");
    await manage("edit", event.id, { reactions: "✅ 👍" });
    const message = ownMessages(bot).find(({ id }) => id === event.messageId)!;
    expect(message.reactions?.map(({ emoji }) => emoji.name).sort()).toEqual(["✅", "👍"]);
    await waitForCard(bot, event, (card) => fieldOf(card, "👍 1") === `<@${members[0]}>`);
    expect(fieldOf(cardOf(bot, event), "❌ 0")).toBeUndefined();
  });

  it("changes nothing when Discord refuses a new reaction", async () => {
    const event = await createEvent(bot, { reactions: "✅" });
    bot.sandbox.faults.add({
      ...{ method: "PUT", path: `/channels/${bot.channelId}/messages/*/reactions/👎/@me` },
      effect: { kind: "error", status: 403, code: 50013 },
    });
    expect(await manage("edit", event.id, { reactions: "✅ 👍 👎" })).toContain("Nothing was changed");
    expect((await requireEvent(bot, event.id)).reactions).toEqual(["✅"]);
    const message = ownMessages(bot).find(({ id }) => id === event.messageId)!;
    expect(message.reactions?.map(({ emoji }) => emoji.name)).toEqual(["✅"]);
  });

  it("removes what is optional, and refuses an edit that changes nothing", async () => {
    const event = await createEvent(bot, { closes: "in 2 hours", description: "Bring food" });
    expect(event.nextReminderAt).toBeUndefined();
    await manage("edit", event.id, { closes: "never", description: "none" });
    const edited = await requireEvent(bot, event.id);
    expect([edited.closesAt, edited.description]).toEqual([undefined, ""]);
    expect(edited.nextReminderAt).toBe(event.createdAt + 24 * HOUR_MS);
    expect(await manage("edit", event.id, { closes: "never" })).toContain("Nothing would be different");
  });
});

describe("/event remind", () => {
  it("reminds at once, and says how many", async () => {
    const event = await createEvent(bot, { audience: bot.ids.crewRoleId });
    expect(await manage("remind", event.id)).toContain("Reminded: 4");
    expect((await auditActions(bot, event.id)).at(-1)?.action).toBe("event.remind");
    expect(await manage("remind", event.id, {}, bot.ids.ownerId)).toContain("The last reminder went out");
  });

  it("reminds once when two ask at the same time", async () => {
    const event = await createEvent(bot, { audience: bot.ids.crewRoleId });
    const answers = await Promise.all([moderator, bot.ids.ownerId].map((id) => manage("remind", event.id, {}, id)));
    expect(answers.filter((text) => text.includes("Reminded: 4"))).toHaveLength(1);
    expect(answers.filter((text) => /on its way already|went out/.test(text))).toHaveLength(1);
    const { guildId } = bot;
    expect(await bot.store.reminders.listHistory({ guildId, eventId: event.id, limit: 10 })).toHaveLength(1);
  });

  it("closes an event whose message turns out to be unknown", async () => {
    const event = await createEvent(bot);
    bot.sandbox.faults.add({
      ...{ method: "GET", path: `/channels/${bot.channelId}/messages/${event.messageId}` },
      effect: { kind: "error", status: 404, code: 10008 },
    });
    expect(await manage("remind", event.id, {}, bot.ids.ownerId)).toContain("was deleted");
    expect((await requireEvent(bot, event.id)).state).toBe("closed");
  });
});

describe("/event delete", () => {
  it("asks first, and removes event, answers and message when it is confirmed", async () => {
    const event = await createEvent(bot);
    const question = await use(bot, moderator, "event delete", { event: event.id });
    expect(question.text).toContain("Delete **Friday raid**");
    const done = await press(bot, moderator, question.message, "Delete");
    expect(done.text).toContain("is deleted");
    expect(done.message.components).toEqual([]);
    expect(await findEvent(bot, event.id)).toBeNull();
    expect(ownMessages(bot).some(({ id }) => id === event.messageId)).toBe(false);
  });

  it("keeps everything when it is cancelled", async () => {
    const event = await createEvent(bot);
    const question = await use(bot, moderator, "event delete", { event: event.id });
    expect((await press(bot, moderator, question.message, "Cancel")).text).toContain("was kept");
    expect((await requireEvent(bot, event.id)).state).toBe("open");
  });

  it("looks again at who presses the button", async () => {
    const event = await createEvent(bot, {}, bot.ids.ownerId);
    const question = await use(bot, moderator, "event delete", { event: event.id });
    bot.sandbox.world.takeRole(bot.guildId, moderator, bot.ids.moderatorsRoleId);
    const refused = await press(bot, moderator, question.message, "Delete");
    bot.sandbox.world.giveRole(bot.guildId, moderator, bot.ids.moderatorsRoleId);
    expect(refused.text).toContain("Only the person who created this event");
    expect((await requireEvent(bot, event.id)).state).toBe("open");
  });

  it("says so when the message could not be deleted", async () => {
    const event = await createEvent(bot);
    bot.sandbox.faults.add({
      ...{ method: "DELETE", path: `/channels/${bot.channelId}/messages/${event.messageId}` },
      effect: { kind: "error", status: 403, code: 50013 },
    });
    const question = await use(bot, moderator, "event delete", { event: event.id });
    expect((await press(bot, moderator, question.message, "Delete")).text).toContain("could not be deleted");
    expect(await findEvent(bot, event.id)).toBeNull();
  });
});
