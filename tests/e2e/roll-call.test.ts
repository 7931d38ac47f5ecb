import type { APIMessage } from "discord-api-types/v10";
import { escapeInline } from "../../src/bot/input/escape.ts";
import { english } from "../../src/bot/texts/texts.ts";
import { createId } from "../../src/core/ids.ts";
import { breakMentions } from "../../src/roll-call/mentions.ts";
import { SandboxClock } from "../../src/sandbox/sandbox-clock.ts";
import type { EventRecord } from "../../src/store/events.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { createJobsBesideBot } from "../helpers/jobs-here.ts";

const CROSS = "❌";
const CHECK = "✅";
const HOUR_MS = 3_600_000;
/** For what takes a moment, but on a busy machine with a slow disk. */
const PATIENCE_MS = 30_000;

/** One bot for all: each roll call has a channel of its own, and is due within the hour only where that is the matter. */
let bot: TestBot;
let members: readonly [string, string, string, string];
const clock = new SandboxClock();
beforeAll(async () => {
  bot = await startTestBot({ clock, createMaintenance: createJobsBesideBot });
  const [first, second, third, fourth] = bot.ids.memberIds as [string, string, string, string];
  members = [first, second, third, fourth];
});
afterAll(() => bot.stop());

/** Creates an event as the moderator, for the role "Crew" (members 1 to 4), and returns its record. */
async function createEvent(options: Record<string, string> = {}): Promise<EventRecord> {
  const channel = bot.sandbox.world.createChannel(bot.guildId, { name: "roll-call" }).id;
  const outcome = await bot
    .as(bot.ids.moderatorId)
    .command(
      "event create",
      { title: "Friday raid", every: "52w", audience: bot.ids.crewRoleId, channel, ...options },
      { channelId: bot.channelId },
    );
  await outcome.settled();
  const { events } = await bot.store.events.list({ guildId: bot.guildId, state: "open", limit: 25 });
  const event = events.find(({ channelId }) => channelId === channel);
  if (!event) throw new Error(`no event was created: ${JSON.stringify(outcome.message)}`);
  return event;
}

async function findEvent({ id }: EventRecord): Promise<EventRecord> {
  return (await bot.store.events.find({ guildId: bot.guildId, id }))!;
}

function react(
  userId: string,
  event: EventRecord,
  emoji: string,
  options?: { readonly burst: boolean },
): Promise<void> {
  return bot.as(userId).react(event.channelId, event.messageId, emoji, options);
}

function unreact(userId: string, event: EventRecord, emoji: string): Promise<void> {
  return bot.as(userId).unreact(event.channelId, event.messageId, emoji);
}

async function answersOf(event: EventRecord): Promise<string[]> {
  await bot.app.bot.settle();
  const answers = await bot.store.reactions.list({ guildId: bot.guildId, eventId: event.id });
  return answers.map(({ userId, emoji }) => `${userId} ${emoji}`).sort();
}

async function waitForAnswers(event: EventRecord, expected: readonly string[]): Promise<void> {
  await bot.sandbox.waitFor(async () => (await answersOf(event)).join() === [...expected].sort().join(), PATIENCE_MS);
}

/** The bot's messages about it that mention people. */
function remindersOf({ channelId }: EventRecord): APIMessage[] {
  return bot.sandbox.world
    .messages(channelId)
    .filter(({ author, mentions }) => author.id === bot.sandbox.botUserId && mentions.length > 0);
}

function mentionedIds(messages: readonly APIMessage[]): string[] {
  return messages.flatMap(({ mentions }) => mentions.map(({ id }) => id)).sort();
}

async function statusesOf(event: EventRecord): Promise<string[]> {
  const history = await bot.store.reminders.listHistory({ guildId: bot.guildId, eventId: event.id, limit: 10 });
  return history.map(({ status }) => status);
}

async function waitUntilReminded(event: EventRecord, status: "sent" | "failed" = "sent"): Promise<void> {
  await bot.sandbox.waitFor(async () => (await statusesOf(event)).includes(status), PATIENCE_MS);
}

describe("a roll call", () => {
  it("goes from creation over answers and a reminder to silence", async () => {
    const [first, second, third, fourth] = members;
    const event = await createEvent({ every: "1h" });
    await react(first, event, CHECK);
    await react(second, event, CROSS);
    await waitForAnswers(event, [`${first} ${CHECK}`, `${second} ${CROSS}`]);

    const shown = await bot.as(first).command("event show", { event: event.id }, { channelId: bot.channelId });
    const text = JSON.stringify(await shown.settled());
    expect(text).toContain(third);
    expect(text).toContain(fourth);

    clock.skip(HOUR_MS);
    await waitUntilReminded(event);
    expect(mentionedIds(remindersOf(event))).toEqual([third, fourth].sort());

    await react(third, event, CHECK);
    await react(fourth, event, CHECK);
    await bot.sandbox.waitFor(async () => (await answersOf(event)).length === 4, PATIENCE_MS);
    const { nextReminderAt: plannedAt } = await findEvent(event);
    clock.skip(HOUR_MS);
    // The plan goes on although nobody is missing, and nobody is disturbed by it.
    await bot.sandbox.waitFor(async () => (await findEvent(event)).nextReminderAt! > plannedAt!, PATIENCE_MS);
    expect(await statusesOf(event)).toEqual(["sent"]);
  });

  it("sends a reminder once when Discord takes the message and the answer is lost, and notes one that it refuses", async () => {
    const [lost, refused] = [await createEvent({ every: "1h" }), await createEvent({ every: "1h" })];
    bot.sandbox.faults.add({
      ...{ method: "POST", path: `/channels/${lost.channelId}/messages`, count: 1, when: "after" },
      effect: { kind: "drop" },
    });
    bot.sandbox.faults.add({
      ...{ method: "POST", path: `/channels/${refused.channelId}/messages` },
      effect: { kind: "error", status: 403, code: 50013, message: "Missing Permissions" },
    });
    clock.skip(HOUR_MS);
    await waitUntilReminded(lost);
    expect(mentionedIds(remindersOf(lost))).toEqual([...members].sort());
    await waitUntilReminded(refused, "failed");
    const [last] = await bot.store.reminders.listHistory({ guildId: bot.guildId, eventId: refused.id, limit: 1 });
    expect(last).toMatchObject({ status: "failed", error: "50013: Missing Permissions", usersNotified: [] });
    expect(remindersOf(refused)).toEqual([]);
  });
});

describe("roll calls of a bot that was away", () => {
  let open: EventRecord;
  let missed: EventRecord;
  let due: EventRecord;
  let hidden: EventRecord;

  beforeAll(async () => {
    const [first, second, third] = members;
    open = await createEvent();
    missed = await createEvent();
    due = await createEvent({ every: "1h" });
    hidden = await createEvent();
    await react(first, open, CHECK);
    await react(first, missed, CHECK);
    await waitForAnswers(open, [`${first} ${CHECK}`]);
    await waitForAnswers(missed, [`${first} ${CHECK}`]);
    await bot.stopApp();
    await unreact(first, missed, CHECK);
    await react(second, missed, CROSS);
    await react(third, missed, CHECK, { burst: true });
    clock.skip(4.5 * HOUR_MS);
    bot.sandbox.faults.add({
      path: `/channels/${hidden.channelId}/messages/${hidden.messageId}*`,
      effect: { kind: "error", status: 403, code: 50001, message: "Missing Access" },
    });
    expect(remindersOf(due)).toEqual([]);
    await bot.startApp();
  });

  it("are taken up again, also from members and on messages that are in no cache", async () => {
    const [first, second] = members;
    expect(await findEvent(open)).toMatchObject({ title: "Friday raid", state: "open" });
    await react(second, open, CHECK);
    await waitForAnswers(open, [`${first} ${CHECK}`, `${second} ${CHECK}`]);
  });

  it("catch up on reactions added and removed meanwhile, normal and burst", async () => {
    const [, second, third] = members;
    await waitForAnswers(missed, [`${second} ${CROSS}`, `${third} ${CHECK}`]);
  });

  it("send one reminder when many were missed", async () => {
    await waitUntilReminded(due);
    const history = await bot.store.reminders.listHistory({ guildId: bot.guildId, eventId: due.id, limit: 10 });
    expect(history.map(({ scheduledAt }) => scheduledAt)).toEqual([due.nextReminderAt]);
    expect(remindersOf(due)).toHaveLength(1);
    const { nextReminderAt } = await findEvent(due);
    // The next one is not among those that were missed.
    expect(nextReminderAt).toBeGreaterThan(clock.now());
    expect((nextReminderAt! - due.createdAt) % HOUR_MS).toBe(0);
  });

  it("stay open when Discord refuses the message with 403, and are closed when it is unknown", async () => {
    const [first, second] = members;
    await bot.app.bot.settle();
    expect(await findEvent(hidden)).toMatchObject({ state: "open" });
    await bot.stopApp();
    bot.sandbox.faults.clear();
    bot.sandbox.world.deleteMessage(hidden.messageId);
    await bot.startApp();
    await bot.sandbox.waitFor(async () => (await findEvent(hidden)).state === "closed", PATIENCE_MS);
    const { entries } = await bot.store.audit.list({ guildId: bot.guildId, limit: 1 });
    expect(entries[0]).toMatchObject({ action: "event.close", actorId: "system", target: hidden.id });

    // In this life nobody has reacted on the other message yet.
    await unreact(first, open, CHECK);
    await waitForAnswers(open, [`${second} ${CHECK}`]);
  });
});

describe("a reminder that was under way when the bot ended", () => {
  it("goes out when Discord answers again, however the first look at it ended", async () => {
    const event = await createEvent();
    const { guildId } = bot;
    const now = clock.now();
    await bot.store.reminders.begin({
      ...{ guildId, eventId: event.id, id: createId(now), scheduledAt: now },
      ...{ nextReminderAt: event.nextReminderAt, actorId: bot.ids.moderatorId },
    });
    await bot.stopApp();
    const { faults } = bot.sandbox;
    const id = faults.add({ path: `/channels/${event.channelId}/messages/*`, effect: { kind: "drop" } });
    await bot.startApp();
    const isPostponed = (): boolean => bot.log.some(({ message }) => message === "reminder postponed");
    await bot.sandbox.waitFor(isPostponed, PATIENCE_MS);
    expect(await statusesOf(event)).toEqual(["pending"]);
    faults.remove(id);
    clock.skip(61_000);
    await waitUntilReminded(event);
    expect(await statusesOf(event)).toEqual(["sent"]);
  });
});

describe("a reminder that Discord took just before the bot was killed", () => {
  const { firstLine } = english.reminders;
  let event: EventRecord;
  let head: string;

  /** Claimed, and half an hour has gone by: Discord knows no nonce any more. */
  async function claimLongAgo(noted: { userIds: string[]; messageId?: string } = { userIds: [] }): Promise<void> {
    const { guildId } = bot;
    const id = createId(Date.now());
    await bot.store.reminders.begin({
      ...{ guildId, eventId: event.id, id, scheduledAt: clock.now() },
      ...{ nextReminderAt: event.nextReminderAt, actorId: bot.ids.moderatorId },
    });
    if (noted.userIds.length > 0) await bot.store.reminders.progress({ guildId, eventId: event.id, id, ...noted });
    // Whoever changes the title meanwhile does not make it another reminder.
    await bot.store.events.edit({ guildId, id: event.id, actorId: bot.ids.moderatorId, changes: { title: "Renamed" } });
    await bot.stopApp();
  }

  function post(channelId: string, text: string): string {
    return bot.sandbox.world.createMessage(channelId, { authorId: bot.sandbox.botUserId, content: text }).id;
  }

  beforeEach(async () => {
    event = await createEvent({ title: "<@1> and *all*" });
    head = firstLine(
      escapeInline(event.title),
      `https://discord.com/channels/${bot.guildId}/${event.channelId}/${event.messageId}`,
    );
  });

  it("is found in the channel, and goes on with those whom it does not mention", async () => {
    const [first, second, third, fourth] = members;
    await claimLongAgo();
    post(event.channelId, "something else");
    const messageId = post(event.channelId, `${breakMentions(head)}\n<@${first}> <@${second}>`);
    post(event.channelId, `The link again: ${head}`);
    await bot.startApp();
    await waitUntilReminded(event);
    const [last] = await bot.store.reminders.listHistory({ guildId: bot.guildId, eventId: event.id, limit: 1 });
    expect(last!.messageIds[0]).toBe(messageId);
    expect(last!.usersNotified).toEqual([first, second, third, fourth]);
    expect(mentionedIds(remindersOf(event))).toEqual([...members].sort());
  });

  it("goes on behind its messages that were noted", async () => {
    const [first, second, third, fourth] = members;
    const messageId = post(event.channelId, `${breakMentions(head)}\n<@${first}>`);
    await claimLongAgo({ userIds: [first], messageId });
    await bot.startApp();
    await waitUntilReminded(event);
    const mentioned = remindersOf(event).map((message) => mentionedIds([message]));
    expect(mentioned).toEqual([[first], [second, third, fourth].sort()]);
    const [last] = await bot.store.reminders.listHistory({ guildId: bot.guildId, eventId: event.id, limit: 1 });
    expect(last!.messageIds).toEqual(remindersOf(event).map(({ id }) => id));
  });

  it("is found whole, when several of its messages were not noted", async () => {
    const [first, second, third, fourth] = members;
    await claimLongAgo();
    const continuation = english.reminders.continuationLine("Renamed");
    post(event.channelId, `${breakMentions(head)}\n<@${first}>`);
    post(event.channelId, `${continuation}\n<@${second}> <@${third}>`);
    await bot.startApp();
    await waitUntilReminded(event);
    const mentioned = remindersOf(event).map((message) => mentionedIds([message]));
    expect(mentioned).toEqual([[first], [second, third].sort(), [fourth]]);
  });

  it("is not taken for the one before it, which went out seconds ago", async () => {
    const { guildId } = bot;
    const before = { guildId, eventId: event.id, id: createId(Date.now()) };
    const messageId = post(event.channelId, `${breakMentions(head)}\n${members.map((id) => `<@${id}>`).join(" ")}`);
    await bot.store.reminders.begin({
      ...before,
      scheduledAt: clock.now(),
      nextReminderAt: event.nextReminderAt,
      actorId: bot.ids.moderatorId,
    });
    await bot.store.reminders.progress({ ...before, userIds: [...members], messageId });
    await bot.store.reminders.finish({ ...before, status: "failed", error: "interrupted" });
    await claimLongAgo();
    await bot.startApp();
    await waitUntilReminded(event);
    // The former one is taken away when the next has been sent.
    await bot.sandbox.waitFor(() => remindersOf(event).every(({ id }) => id !== messageId), PATIENCE_MS);
    expect(mentionedIds(remindersOf(event))).toEqual([...members].sort());
  });

  it("is found in private", async () => {
    const [first, ...others] = members;
    const { guildId } = bot;
    await bot.store.users.setReminderMode({ guildId, id: first, username: "first", mode: "dm" });
    await claimLongAgo();
    const before = bot.as(first).directMessages().length;
    post(bot.as(first).openDirectChannel(), head);
    await bot.startApp();
    await waitUntilReminded(event);
    expect(bot.as(first).directMessages()).toHaveLength(before + 1);
    expect(mentionedIds(remindersOf(event))).toEqual([...others].sort());
    await bot.store.users.setReminderMode({ guildId, id: first, username: "first", mode: "mention" });
  });

  it("is sent when the channel may be written to and its past not be read", async () => {
    await claimLongAgo();
    const id = bot.sandbox.faults.add({
      ...{ method: "GET", path: `/channels/${event.channelId}/messages` },
      effect: { kind: "error", status: 403, code: 50001, message: "Missing Access" },
    });
    await bot.startApp();
    await waitUntilReminded(event);
    bot.sandbox.faults.remove(id);
    expect(mentionedIds(remindersOf(event))).toEqual([...members].sort());
  });
});

describe("a large server", () => {
  it("has all of 200 missing people reached, at most 100 in a message", async () => {
    const { world } = bot.sandbox;
    const newcomers = Array.from({ length: 222 }, (_, index) => world.addUser({ username: `newcomer${index}` }).id);
    for (const id of newcomers) world.addMember(bot.guildId, id);
    const event = await createEvent({ audience: bot.guildId, every: "1h" });
    const answering = newcomers.splice(0, 30);
    for (const id of answering) await react(id, event, CHECK);
    await bot.sandbox.waitFor(async () => (await answersOf(event)).length === 30, PATIENCE_MS);
    clock.skip(HOUR_MS);
    await waitUntilReminded(event);
    const missing = [bot.ids.ownerId, bot.ids.moderatorId, ...bot.ids.memberIds, ...newcomers];
    expect(missing.length).toBe(200);
    expect(mentionedIds(remindersOf(event))).toEqual([...missing].sort());
    for (const message of remindersOf(event)) {
      expect(message.mentions.length).toBeLessThanOrEqual(100);
      expect(message.content.length).toBeLessThanOrEqual(2_000);
    }
  });
});
