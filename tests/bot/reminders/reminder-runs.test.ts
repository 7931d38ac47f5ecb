import { INTERRUPTED } from "../../../src/bot/reminders/reminder-service.ts";
import type { EventRecord, EventState } from "../../../src/store/events.ts";
import { openTestStore, type TestStore } from "../../helpers/database.ts";
import { MEMBER_1, MEMBER_2, OWNER } from "../../store/fixtures.ts";
import { HOUR_MS, MINUTE_MS, ReminderRig, SECOND_MS, throwMissingAccess, throwUnavailable } from "./reminder-rig.ts";

/** More than run at the same time. */
const MANY_GUILDS = 12;
/** More than one look takes in. */
const MANY_EVENTS = 60;

let database: TestStore;
let rig: ReminderRig;
beforeEach(async () => {
  database = await openTestStore({ readerCount: 1 });
  rig = new ReminderRig(database.store);
});
afterEach(async () => {
  rig.release();
  await rig.service.stop();
  await database.close();
});

const transition = ({ guildId, id, to }: { guildId: string; id: string; to: EventState }): Promise<EventRecord> =>
  database.store.events.transition({ guildId, id, to, actorId: OWNER });
const createGuilds = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => rig.createGuild()));

describe("reminders that cannot be sent", () => {
  it("delay no other server's, are given up when Discord refuses them, and never when a server is away", async () => {
    const refusing = await createGuilds(MANY_GUILDS);
    const away = await createGuilds(MANY_GUILDS);
    for (const guildId of refusing) rig.reading.set(guildId, throwMissingAccess);
    for (const guildId of away) rig.listing.set(guildId, throwUnavailable);
    const [refused] = await Promise.all(refusing.map((guildId) => rig.createEvent(guildId)));
    const [waiting] = await Promise.all(away.map((guildId) => rig.createEvent(guildId)));
    const healthy = await rig.createEvent(await rig.createGuild());
    rig.service.start();
    await rig.pass(3 * HOUR_MS + 10 * MINUTE_MS, 30 * SECOND_MS);

    await rig.until(() => rig.sent.length >= 3 && rig.alerts.length >= 3 * MANY_GUILDS);
    expect(rig.sent.map(({ eventId }) => eventId)).toEqual([healthy.id, healthy.id, healthy.id]);
    const error = "50001: Missing Access";
    expect(await rig.history(refused!)).toMatchObject(Array(3).fill({ status: "failed", error, usersNotified: [] }));
    expect(rig.alerts).toHaveLength(3 * MANY_GUILDS);
    expect(rig.alerts[0]).toContain(error);
    expect(rig.reconciled.filter((id) => id === refused!.id)).toHaveLength(3 * 5);
    // On with the grid that began with its creation.
    expect((await rig.find(refused!)).nextReminderAt).toBe(refused!.createdAt + 4 * HOUR_MS);
    // A card that cannot be read is not worth a request each minute.
    expect(rig.refreshed).not.toContain(refused!.id);

    expect(await rig.history(waiting!)).toEqual([]);
    expect(rig.reconciled.filter((id) => id === waiting!.id).length).toBeLessThan(50);
    rig.listing.clear();
    await rig.pass(6 * MINUTE_MS, 30 * SECOND_MS);
    await rig.until(async () => (await rig.history(waiting!))[0]?.status === "sent");
    expect(await rig.history(waiting!)).toHaveLength(1);
    expect((await rig.find(waiting!)).nextReminderAt).toBe(waiting!.createdAt + 4 * HOUR_MS);
  });

  it("delay no other event of their server, however many there are", async () => {
    const guildId = await rig.createGuild();
    const stuck = await Promise.all(Array.from({ length: MANY_EVENTS }, () => rig.createEvent(guildId)));
    const stuckIds = new Set(stuck.map(({ id }) => id));
    rig.reading.set(guildId, () => {
      if (stuckIds.has(rig.reconciled.at(-1)!)) throwMissingAccess();
    });
    const last = await rig.createEvent(guildId);
    rig.service.start();
    await rig.pass(HOUR_MS, 10 * MINUTE_MS);
    await rig.pass(MINUTE_MS);
    await rig.until(() => rig.sent.length > 0);
    expect(rig.sent.map(({ eventId }) => eventId)).toEqual([last.id]);
  });

  it("delay no closing: an event closes at its time while every run waits for Discord", async () => {
    for (const guildId of await createGuilds(MANY_GUILDS)) {
      rig.hold(guildId);
      await rig.createEvent(guildId);
    }
    const closesAt = rig.clock.now() + HOUR_MS + MINUTE_MS;
    const closing = await rig.createEvent(await rig.createGuild(), { closesAt });
    rig.service.start();
    await rig.pass(HOUR_MS + 2 * MINUTE_MS, MINUTE_MS);
    await rig.until(async () => (await rig.find(closing)).state === "closed");
  });

  it("wait no longer than their run when one of the same event is sent by hand", async () => {
    const guildId = await rig.createGuild();
    const event = await rig.createEvent(guildId);
    rig.hold(guildId);
    const byHand = rig.service.remindNow(event, OWNER);
    rig.service.start();
    await rig.pass(HOUR_MS + MINUTE_MS, MINUTE_MS);
    await rig.pass(10 * SECOND_MS);
    rig.release();
    expect(await byHand).toMatchObject({ notifiedCount: 2 });
    expect(rig.sentOf(event)).toHaveLength(1);
    // One by hand, one that was due: not one each second.
    expect(rig.reconciled).toHaveLength(2);
    expect((await rig.find(event)).nextReminderAt).toBe(event.createdAt + 2 * HOUR_MS);
  });
});

describe("a clock that was wrong", () => {
  it("ahead: an interrupted reminder that it has postponed is gone on with", async () => {
    const { event, reminderId } = await rig.createInterrupted(await rig.createGuild());
    const { guildId } = event;
    const scheduledAt = rig.clock.now() + 24 * HOUR_MS;
    await rig.store.reminders.postpone({ guildId, eventId: event.id, id: reminderId, scheduledAt });
    rig.service.start();
    await rig.until(() => rig.sentOf(event).length === 1);
    expect(rig.sentOf(event)[0]).toMatchObject({ reminderId, userIds: [MEMBER_2] });
  });

  it("behind: what it has planned a second time is not sent again", async () => {
    const event = await rig.createEvent(await rig.createGuild());
    const { guildId, id: eventId } = event;
    rig.service.start();
    await rig.pass(HOUR_MS + SECOND_MS, 30 * SECOND_MS);
    await rig.until(async () => (await rig.find(event)).lastReminderAt !== undefined);
    const { nextReminderAt: scheduledAt = 0, lastReminderAt = 0 } = await rig.find(event);
    await rig.store.reminders.reschedule({ guildId, eventId, scheduledAt, nextReminderAt: lastReminderAt - 1 });
    await rig.until(async () => (await rig.find(event)).nextReminderAt === scheduledAt);
    expect(rig.sentOf(event)).toHaveLength(1);
  });
});

describe("interrupted reminders", () => {
  it("in a server that is away delay nobody, and go on when it is back", async () => {
    const away = await rig.createGuild();
    rig.listing.set(away, throwUnavailable);
    const { event, reminderId } = await rig.createInterrupted(away);
    const healthy = await rig.createEvent(await rig.createGuild());
    rig.service.start();
    await rig.pass(HOUR_MS - 5 * MINUTE_MS, 30 * SECOND_MS);
    expect(await rig.history(event)).toMatchObject([{ id: reminderId, status: "pending" }]);
    expect(rig.reconciled.length).toBeLessThan(25);
    rig.listing.delete(away);
    await rig.pass(5 * MINUTE_MS + SECOND_MS, 30 * SECOND_MS);
    await rig.until(() => rig.sentOf(healthy).length === 1);
    expect(rig.sentOf(event)[0]).toMatchObject({ reminderId, userIds: [MEMBER_2] });
  });

  it("are sent beside each other: a large one delays no other server", async () => {
    const slow = await rig.createGuild();
    rig.hold(slow);
    const large = await rig.createInterrupted(slow);
    const small = await rig.createInterrupted(await rig.createGuild());
    rig.service.start();
    await rig.until(() => rig.sentOf(small.event).length === 1);
    expect(rig.sentOf(large.event)).toEqual([]);
    rig.release();
    await rig.until(() => rig.sentOf(large.event).length === 1);
  });

  it("are given up when Discord refuses them", async () => {
    const guildId = await rig.createGuild();
    rig.reading.set(guildId, throwMissingAccess);
    const { event, reminderId } = await rig.createInterrupted(guildId);
    rig.service.start();
    await rig.pass(5 * MINUTE_MS, 10 * SECOND_MS);
    await rig.until(() => rig.alerts.length > 0);
    const outcome = { id: reminderId, status: "failed", error: "50001: Missing Access" };
    expect(await rig.history(event)).toMatchObject([outcome]);
    expect(rig.reconciled).toHaveLength(5);
    expect(rig.alerts).toHaveLength(1);
  });

  it("are found whenever they appear: a restore brings them without a start", async () => {
    const guildId = await rig.createGuild();
    rig.service.start();
    await rig.pass(10 * SECOND_MS);
    const { event } = await rig.createInterrupted(guildId);
    await rig.until(() => rig.sentOf(event).length === 1);
    await rig.pass(10 * SECOND_MS);
    expect(await rig.history(event)).toMatchObject([{ status: "sent" }]);
    expect(rig.sentOf(event)).toHaveLength(1);
  });

  const allDay = { startMinute: 0, endMinute: 24 * 60 - 1, timeZone: "UTC" };
  it.each<readonly [string, (event: EventRecord) => unknown]>([
    ["the event is paused", ({ guildId, id }) => transition({ guildId, id, to: "paused" })],
    ["the event is closed", ({ guildId, id }) => transition({ guildId, id, to: "closed" })],
    ["reminders are off", ({ guildId }) => rig.flags.set(guildId, { areRemindersOn: false })],
    ["it is quiet now", ({ guildId }) => rig.flags.set(guildId, { quietHours: allDay })],
    ["the bot has left the server", ({ guildId }) => rig.leaveGuild(guildId)],
  ])("are not gone on with when %s, and end as failed", async (_when, change) => {
    const { event, reminderId } = await rig.createInterrupted(await rig.createGuild());
    await change(event);
    rig.service.start();
    await rig.until(async () => (await rig.history(event))[0]?.status !== "pending");
    const [outcome] = await rig.history(event);
    expect(outcome).toMatchObject({ id: reminderId, status: "failed", error: INTERRUPTED, usersNotified: [MEMBER_1] });
    expect(outcome!.messageIds).toHaveLength(1);
    expect(rig.sent).toEqual([]);
  });

  it("are not gone on with after a downtime in which the next one came due: people are reminded once", async () => {
    const { event, reminderId } = await rig.createInterrupted(await rig.createGuild());
    rig.clock.advance(HOUR_MS + MINUTE_MS);
    rig.service.start();
    await rig.until(() => rig.sent.length > 0);
    await rig.pass(10 * SECOND_MS);
    expect(rig.sent.map(({ userIds }) => userIds)).toEqual([[MEMBER_1, MEMBER_2]]);
    const history = await rig.history(event);
    expect(history.map(({ status }) => status).sort()).toEqual(["failed", "sent"]);
    expect(history.find(({ id }) => id === reminderId)).toMatchObject({ error: INTERRUPTED });
    expect((await rig.find(event)).nextReminderAt).toBe(event.createdAt + 2 * HOUR_MS);
  });
});
