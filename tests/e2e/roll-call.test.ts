import type { APIMessage } from "discord-api-types/v10";
import { largeServer } from "../../src/sandbox/seeds.ts";
import type { EventRecord } from "../../src/store/events.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";

const CROSS = "❌";
const CHECK = "✅";
/** For what takes a moment, but on a busy machine with a slow disk. */
const PATIENCE_MS = 30_000;

let bot: TestBot;
afterEach(async () => {
  await bot.stop();
});

/** Creates an event as the moderator, for the role "Crew" (members 1 to 4), and returns its record. */
async function createEvent(options: Record<string, string> = {}): Promise<EventRecord> {
  const outcome = await bot
    .as(bot.ids.moderatorId)
    .command(
      "event create",
      { title: "Friday raid", every: "1h", audience: bot.ids.crewRoleId, ...options },
      { channelId: bot.channelId },
    );
  await outcome.settled();
  const { events } = await bot.store.events.list({ guildId: bot.guildId, state: "open", limit: 1 });
  if (!events[0]) throw new Error(`no event was created: ${JSON.stringify(outcome.message)}`);
  return events[0];
}

async function answersOf(event: EventRecord): Promise<string[]> {
  await bot.app.bot.settle();
  const answers = await bot.store.reactions.list({ guildId: bot.guildId, eventId: event.id });
  return answers.map(({ userId, emoji }) => `${userId} ${emoji}`).sort();
}

async function waitForAnswers(event: EventRecord, expected: readonly string[]): Promise<void> {
  await bot.sandbox.waitFor(async () => (await answersOf(event)).join() === [...expected].sort().join(), PATIENCE_MS);
}

/** The bot's messages that mention people. */
function reminders(): APIMessage[] {
  return bot.sandbox.world
    .messages(bot.channelId)
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
    bot = await startTestBot();
    const [first, second, third, fourth] = bot.ids.memberIds as [string, string, string, string];
    const event = await createEvent({ every: "2s" });
    await bot.as(first).react(event.channelId, event.messageId, CHECK);
    await bot.as(second).react(event.channelId, event.messageId, CROSS);
    await waitForAnswers(event, [`${first} ${CHECK}`, `${second} ${CROSS}`]);

    const shown = await bot.as(first).command("event show", { event: event.id }, { channelId: bot.channelId });
    const text = JSON.stringify(await shown.settled());
    expect(text).toContain(third);
    expect(text).toContain(fourth);

    await waitUntilReminded(event);
    expect(mentionedIds(reminders())).toEqual([third, fourth].sort());

    await bot.as(third).react(event.channelId, event.messageId, CHECK);
    await bot.as(fourth).react(event.channelId, event.messageId, CHECK);
    await bot.sandbox.waitFor(async () => (await answersOf(event)).length === 4, PATIENCE_MS);
    const sentBefore = (await statusesOf(event)).length;
    const { nextReminderAt: plannedAt } = (await bot.store.events.find({ guildId: bot.guildId, id: event.id }))!;
    // The plan goes on although nobody is missing, and nobody is disturbed by it.
    await bot.sandbox.waitFor(async () => {
      const current = await bot.store.events.find({ guildId: bot.guildId, id: event.id });
      return current!.nextReminderAt! > plannedAt!;
    }, PATIENCE_MS);
    expect((await statusesOf(event)).length).toBe(sentBefore);
  });

  it("is taken up again after a restart", async () => {
    bot = await startTestBot();
    const [first, second] = bot.ids.memberIds as [string, string];
    const event = await createEvent();
    await bot.as(first).react(event.channelId, event.messageId, CHECK);
    await waitForAnswers(event, [`${first} ${CHECK}`]);
    await bot.restart();
    expect(await bot.store.events.find({ guildId: bot.guildId, id: event.id })).toMatchObject({
      title: "Friday raid",
      state: "open",
    });
    await bot.as(second).react(event.channelId, event.messageId, CHECK);
    await waitForAnswers(event, [`${first} ${CHECK}`, `${second} ${CHECK}`]);
  });

  it("catches up on reactions added and removed while the bot was away, normal and burst", async () => {
    bot = await startTestBot();
    const [first, second, third] = bot.ids.memberIds as [string, string, string];
    const event = await createEvent();
    await bot.as(first).react(event.channelId, event.messageId, CHECK);
    await waitForAnswers(event, [`${first} ${CHECK}`]);
    await bot.stopApp();
    await bot.as(first).unreact(event.channelId, event.messageId, CHECK);
    await bot.as(second).react(event.channelId, event.messageId, CROSS);
    await bot.as(third).react(event.channelId, event.messageId, CHECK, { burst: true });
    await bot.startApp();
    await waitForAnswers(event, [`${second} ${CROSS}`, `${third} ${CHECK}`]);
  });

  it("sends one reminder after a downtime that missed many", async () => {
    bot = await startTestBot();
    const event = await createEvent({ every: "2s" });
    await bot.stopApp();
    await new Promise((resolve) => setTimeout(resolve, event.nextReminderAt! + 4_500 - Date.now()));
    expect(reminders()).toEqual([]);
    await bot.startApp();
    await waitUntilReminded(event);
    const history = await bot.store.reminders.listHistory({ guildId: bot.guildId, eventId: event.id, limit: 10 });
    expect(history.map(({ scheduledAt }) => scheduledAt)).toEqual([event.nextReminderAt]);
    expect(reminders()).toHaveLength(1);
    const { nextReminderAt } = (await bot.store.events.find({ guildId: bot.guildId, id: event.id }))!;
    expect((nextReminderAt! - event.createdAt) % 2_000).toBe(0);
  });

  it("records reactions on messages and by members that are in no cache", async () => {
    bot = await startTestBot();
    const [first] = bot.ids.memberIds as [string];
    const event = await createEvent();
    await bot.restart();
    await bot.as(first).react(event.channelId, event.messageId, CHECK);
    await waitForAnswers(event, [`${first} ${CHECK}`]);
    await bot.restart();
    await bot.as(first).unreact(event.channelId, event.messageId, CHECK);
    await waitForAnswers(event, []);
  });

  it("reaches all of 200 missing people, at most 100 in a message", async () => {
    bot = await startTestBot({ seed: largeServer({ memberCount: 228 }) });
    const event = await createEvent({ audience: bot.guildId, every: "5s" });
    const answering = bot.ids.memberIds.slice(0, 30);
    for (const id of answering) await bot.as(id).react(event.channelId, event.messageId, CHECK);
    await bot.sandbox.waitFor(async () => (await answersOf(event)).length === 30, PATIENCE_MS);
    await waitUntilReminded(event);
    const missing = [bot.ids.ownerId, bot.ids.moderatorId, ...bot.ids.memberIds.slice(30)];
    expect(missing.length).toBe(200);
    expect(mentionedIds(reminders())).toEqual([...missing].sort());
    for (const message of reminders()) {
      expect(message.mentions.length).toBeLessThanOrEqual(100);
      expect(message.content.length).toBeLessThanOrEqual(2_000);
    }
  });

  it("stays open when Discord refuses the message with 403, and closes when the message is unknown", async () => {
    bot = await startTestBot();
    const event = await createEvent();
    const path = `/channels/${event.channelId}/messages/${event.messageId}*`;
    const fault = bot.sandbox.faults.add({
      path,
      effect: { kind: "error", status: 403, code: 50001, message: "Missing Access" },
    });
    await bot.restart();
    expect(await bot.store.events.find({ guildId: bot.guildId, id: event.id })).toMatchObject({ state: "open" });
    bot.sandbox.faults.remove(fault);
    await bot.stopApp();
    bot.sandbox.world.deleteMessage(event.messageId);
    await bot.startApp();
    await bot.sandbox.waitFor(
      async () => (await bot.store.events.find({ guildId: bot.guildId, id: event.id }))?.state === "closed",
      PATIENCE_MS,
    );
    const { entries } = await bot.store.audit.list({ guildId: bot.guildId, limit: 1 });
    expect(entries[0]).toMatchObject({ action: "event.close", actorId: "system", target: event.id });
  });

  it("sends a reminder once when Discord takes the message and the answer is lost", async () => {
    bot = await startTestBot();
    const event = await createEvent({ every: "2s" });
    bot.sandbox.faults.add({
      ...{ method: "POST", path: `/channels/${event.channelId}/messages`, count: 1, when: "after" },
      effect: { kind: "drop" },
    });
    await waitUntilReminded(event);
    expect(mentionedIds(reminders())).toEqual(bot.ids.memberIds.slice(0, 4).sort());
  });

  it("records a reminder that Discord refuses as failed, with the reason", async () => {
    bot = await startTestBot();
    const event = await createEvent({ every: "2s" });
    bot.sandbox.faults.add({
      ...{ method: "POST", path: `/channels/${event.channelId}/messages` },
      effect: { kind: "error", status: 403, code: 50013, message: "Missing Permissions" },
    });
    await waitUntilReminded(event, "failed");
    const [last] = await bot.store.reminders.listHistory({ guildId: bot.guildId, eventId: event.id, limit: 1 });
    expect(last).toMatchObject({ status: "failed", error: "50013: Missing Permissions", usersNotified: [] });
    expect(reminders()).toEqual([]);
  });
});
