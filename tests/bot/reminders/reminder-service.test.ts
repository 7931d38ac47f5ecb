import type { APIMessage } from "discord-api-types/v10";
import { MusterError } from "../../../src/core/errors.ts";
import { createId } from "../../../src/core/ids.ts";
import { DatabaseManager } from "../../../src/database/database-manager.ts";
import type { EventRecord } from "../../../src/store/events.ts";
import type { ReminderRecord } from "../../../src/store/reminders.ts";
import { startTestBot, type TestBot } from "../../helpers/bot.ts";
import { createEvent, deleteEvents, ownMessages } from "../commands/event-rig.ts";

/** Of `src/bot/reminders/reminder-service.ts`. */
const POLL_INTERVAL_MS = 1_000;
const PATIENCE_MS = 30_000;

let bot: TestBot;
let crewIds: string[];
/** Operation of the database that fails. */
let broken: string | undefined;

beforeAll(async () => {
  const call = Reflect.get(DatabaseManager.prototype, "call");
  jest.spyOn(DatabaseManager.prototype, "call").mockImplementation(function (this: DatabaseManager, name, input) {
    if (name === broken) return Promise.reject(new MusterError("DATABASE_FULL", "the disk is full"));
    return call.call(this, name, input);
  });
  bot = await startTestBot();
  crewIds = bot.ids.memberIds.slice(0, 4).sort();
});
afterEach(async () => {
  broken = undefined;
  await deleteEvents(bot);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await bot.stop();
});

/** For the role "Crew", in a channel of its own, and not due by itself. */
function createRollCall(): Promise<EventRecord> {
  const { id: channel } = bot.sandbox.world.createChannel(bot.guildId, { name: "roll-call" });
  return createEvent(bot, { every: "52w", audience: bot.ids.crewRoleId, channel });
}

async function requireReminder({ id: eventId }: EventRecord): Promise<ReminderRecord> {
  const history = await bot.store.reminders.listHistory({ guildId: bot.guildId, eventId, limit: 10 });
  expect(history).toHaveLength(1);
  return history[0]!;
}

function remindersOf({ channelId }: EventRecord): APIMessage[] {
  return ownMessages(bot, channelId).filter(({ mentions }) => mentions.length > 0);
}

function countLines(message: string): number {
  return bot.log.filter((line) => line.message === message).length;
}

/** Lets the bot look again and again until `isDone`. */
async function lookUntil(isDone: () => boolean | Promise<boolean>): Promise<void> {
  await bot.sandbox.waitFor(() => {
    bot.leap(POLL_INTERVAL_MS);
    return isDone();
  }, PATIENCE_MS);
}

/** Pending reminders are taken up, and that fails. */
async function lookInVain(): Promise<void> {
  const before = countLines("reminders of a server failed");
  await lookUntil(() => countLines("reminders of a server failed") > before);
}

async function expectSentOnce(event: EventRecord): Promise<void> {
  await lookUntil(async () => (await requireReminder(event)).status !== "pending");
  const { status, usersNotified } = await requireReminder(event);
  expect(status).toBe("sent");
  expect([...usersNotified].sort()).toEqual(crewIds);
  const messages = remindersOf(event);
  expect(messages.map(({ mentions }) => mentions.map(({ id }) => id).sort())).toEqual([crewIds]);
}

describe("a reminder whose database fails", () => {
  it("is sent once when a kill left it pending, as soon as taking it up succeeds", async () => {
    const event = await createRollCall();
    await bot.store.reminders.begin({
      ...{ guildId: bot.guildId, eventId: event.id, id: createId(Date.now()), actorId: bot.ids.moderatorId },
      ...{ scheduledAt: Date.now(), nextReminderAt: event.nextReminderAt },
    });
    await bot.stopApp();
    broken = "reactions.reconcile";
    await bot.startApp();
    for (const operation of [broken, "reactions.list"]) {
      broken = operation;
      await lookInVain();
      expect(await requireReminder(event)).toMatchObject({ status: "pending", usersNotified: [] });
    }
    expect(remindersOf(event)).toEqual([]);
    broken = undefined;
    await expectSentOnce(event);
  });

  it.each(["reminders.progress", "reminders.finish"])(
    "is finished later, without a second message, for %s",
    async (operation) => {
      const event = await createRollCall();
      broken = operation;
      const plan = { scheduledAt: event.nextReminderAt!, nextReminderAt: Date.now() };
      await bot.store.reminders.reschedule({ guildId: bot.guildId, eventId: event.id, ...plan });
      await lookInVain();
      expect(await requireReminder(event)).toMatchObject({ status: "pending" });
      expect(remindersOf(event)).toHaveLength(1);
      broken = undefined;
      await expectSentOnce(event);
    },
  );
});
