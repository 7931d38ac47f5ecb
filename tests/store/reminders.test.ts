import type { EventRecord } from "../../src/store/events.ts";
import { REMIND_PAUSE_MS } from "../../src/store/reminders.ts";
import type { TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { eventInput, MEMBER_1, MEMBER_2, newGuild, newId, newSnowflake, OWNER } from "./fixtures.ts";
import { shareStore } from "./shared-store.ts";

describe("store.reminders", () => {
  const clock = new ManualClock();
  let database: TestStore;
  let guildId: string;
  shareStore(clock, (shared) => {
    ({ database, guildId } = shared);
    clock.advance(1_000_000);
  });

  const create = (nextReminderAt?: number): Promise<EventRecord> =>
    database.store.events.create(eventInput(guildId, { nextReminderAt }));
  const find = async (eventId: string): Promise<EventRecord> =>
    (await database.store.events.find({ guildId, id: eventId }))!;
  const begin = (
    eventId: string,
    scheduledAt: number,
    more: { nextReminderAt?: number; actorId?: string; id?: string } = {},
  ) => database.store.reminders.begin({ guildId, eventId, id: newId(), scheduledAt, ...more });
  const history = (eventId: string) => database.store.reminders.listHistory({ guildId, eventId, limit: 10 });

  it("lists what is due in a server, the longest waiting first, and when the next one is", async () => {
    const now = clock.now();
    const late = await create(now);
    const early = await create(now - 5);
    await create(now + 1);
    await create();
    const due = await database.store.reminders.listDue({ guildId, at: now, limit: 10 });
    expect(due.map(({ id }) => id)).toEqual([early.id, late.id]);
    expect(await database.store.reminders.findNextDueAt({})).toBeLessThanOrEqual(now - 5);
  });

  it("lists the servers that have something due in the order of their first one", async () => {
    const [first, second] = [guildId, await newGuild(database.store)];
    const at = clock.now();
    const create = (guildId: string, nextReminderAt: number) =>
      database.store.events.create(eventInput(guildId, { nextReminderAt }));
    await create(second, at - 900_001);
    await create(first, at - 900_000);
    await create(second, at - 900_000);
    await create(await newGuild(database.store), at + 1);
    const guilds = await database.store.reminders.listDueGuilds({ at, limit: 1_000 });
    expect(guilds.filter((id) => id === first || id === second)).toEqual([second, first]);
    expect(new Set(guilds).size).toBe(guilds.length);
  });

  it("is claimed once, even when two ask at the same instant", async () => {
    const scheduledAt = clock.now();
    const { id } = await create(scheduledAt);
    const claims = await Promise.all(
      [1, 2, 3].map(() => begin(id, scheduledAt, { nextReminderAt: scheduledAt + 60_000 })),
    );
    expect(claims.filter(Boolean)).toEqual([true]);
    expect((await find(id)).nextReminderAt).toBe(scheduledAt + 60_000);
    expect(await history(id)).toMatchObject([{ status: "pending", scheduledAt, usersNotified: [], sentAt: null }]);
  });

  it("is not claimed when it is no longer due as seen, or the event is paused or closed", async () => {
    const scheduledAt = clock.now();
    const { id } = await create(scheduledAt);
    expect(await begin(id, scheduledAt - 1)).toBe(false);
    await database.store.events.transition({ guildId, id, actorId: OWNER, to: "paused" });
    expect(await begin(id, scheduledAt)).toBe(false);
    await expect(begin(newId(), scheduledAt)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await history(id)).toEqual([]);
  });

  it("is claimed by nobody else while it is under way, nor by hand right after it was sent", async () => {
    const at = clock.now();
    const { id: eventId } = await create(at);
    const id = newId();
    expect(await begin(eventId, at, { id, nextReminderAt: at + 1 })).toBe(true);
    expect(await begin(eventId, at + 1)).toBe(false);
    const byHand = () => begin(eventId, at, { actorId: OWNER, nextReminderAt: at + 1 });
    await expect(byHand()).rejects.toMatchObject({ code: "CONFLICT", details: { isUnderWay: true } });
    await database.store.reminders.finish({ guildId, eventId, id, status: "sent" });
    const justNow = { code: "CONFLICT", details: { lastReminderAt: at } };
    await expect(byHand()).rejects.toMatchObject(justNow);
    clock.advance(REMIND_PAUSE_MS - 1);
    await expect(byHand()).rejects.toMatchObject(justNow);
    expect(await history(eventId)).toMatchObject([{ id }]);
    clock.advance(1);
    expect(await Promise.allSettled([byHand(), byHand()])).toMatchObject([
      { status: "fulfilled", value: true },
      { status: "rejected", reason: { code: "CONFLICT" } },
    ]);
  });

  it("is sent by hand although it is not due, and the audit log says who asked", async () => {
    const { id } = await create(clock.now() + 60_000);
    const reminderId = newId();
    const more = { id: reminderId, actorId: OWNER, nextReminderAt: clock.now() + 90_000 };
    expect(await begin(id, clock.now(), more)).toBe(true);
    await database.store.reminders.finish({ guildId, eventId: id, id: reminderId, status: "failed" });
    expect((await find(id)).nextReminderAt).toBe(clock.now() + 90_000);
    const { entries } = await database.store.audit.list({ guildId, limit: 1 });
    expect(entries[0]).toMatchObject({ action: "event.remind", actorId: OWNER, target: id });
    await database.store.events.transition({ guildId, id, actorId: OWNER, to: "paused" });
    expect(await begin(id, clock.now(), { actorId: OWNER, nextReminderAt: clock.now() })).toBe(true);
    expect((await find(id)).nextReminderAt).toBeUndefined();
    await database.store.events.transition({ guildId, id, actorId: OWNER, to: "closed" });
    const closed = { code: "CONFLICT", details: { state: "closed" } };
    await expect(begin(id, clock.now(), { actorId: OWNER })).rejects.toMatchObject(closed);
  });

  it("is moved without being sent, unless the plan was changed meanwhile", async () => {
    const at = clock.now();
    const { id } = await create(at);
    const move = (scheduledAt: number | null, nextReminderAt: number | null) =>
      database.store.reminders.reschedule({ guildId, eventId: id, scheduledAt, nextReminderAt });
    expect(await move(at + 1, at + 2)).toBe(false);
    expect(await move(at, null)).toBe(true);
    expect((await find(id)).nextReminderAt).toBeUndefined();
    expect(await move(null, at + 3)).toBe(true);
    expect((await find(id)).nextReminderAt).toBe(at + 3);
  });

  it("notes who was reached, and its true end", async () => {
    const at = clock.now();
    const event = await create(at);
    const [id, eventId] = [newId(), event.id];
    await begin(eventId, at, { id });
    const [message1, message2] = [newSnowflake(), newSnowflake()];
    const { progress, finish } = database.store.reminders;
    await progress({ guildId, eventId, id, userIds: [MEMBER_1], messageId: message1 });
    await progress({ guildId, eventId, id, userIds: [MEMBER_1, MEMBER_2], messageId: message2 });
    expect((await history(eventId))[0]).toMatchObject({
      usersNotified: [MEMBER_1, MEMBER_2],
      messageIds: [message1, message2],
    });
    clock.advance(50);
    await finish({ guildId, eventId, id, status: "sent" });
    expect((await history(eventId))[0]).toMatchObject({ status: "sent", sentAt: at + 50, error: null });
    expect((await find(eventId)).lastReminderAt).toBe(at + 50);
  });

  it("keeps the reason of one that failed, and does not count it as sent", async () => {
    const at = clock.now();
    const { id: eventId } = await create(at);
    const id = newId();
    await begin(eventId, at, { id });
    await database.store.reminders.finish({ guildId, eventId, id, status: "failed", error: "missing access" });
    expect((await history(eventId))[0]).toMatchObject({ status: "failed", error: "missing access", sentAt: null });
    expect((await find(eventId)).lastReminderAt).toBeUndefined();
  });

  it("refuses to note anything about a reminder that is gone, or another event's", async () => {
    const at = clock.now();
    const { id: eventId } = await create(at);
    const id = newId();
    await begin(eventId, at, { id });
    const other = (await create()).id;
    const { progress, finish } = database.store.reminders;
    for (const wrong of [
      { eventId, id: newId() },
      { eventId: other, id },
    ]) {
      await expect(progress({ guildId, ...wrong, userIds: [] })).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(finish({ guildId, ...wrong, status: "sent" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  it("lists those that were begun and not finished, with their server, but for those that wait", async () => {
    const at = clock.now();
    const [open, done] = [await create(at), await create(at)];
    const [id, doneId] = [newId(), newId()];
    const key = { guildId, eventId: open.id, id };
    const { listPending, postpone, finish, find } = database.store.reminders;
    await begin(open.id, at, { id });
    await begin(done.id, at, { id: doneId });
    await finish({ guildId, eventId: done.id, id: doneId, status: "sent" });
    const pendingAt = async (at: number) =>
      (await listPending({ at, limit: 1_000 })).filter((pending) => pending.guildId === guildId);
    expect(await pendingAt(at)).toEqual([key]);
    await postpone({ ...key, scheduledAt: at + 10 });
    await postpone({ guildId, eventId: done.id, id: doneId, scheduledAt: at + 10 });
    expect(await pendingAt(at + 9)).toEqual([]);
    expect(await pendingAt(at + 10)).toEqual([key]);
    expect(await find(key)).toMatchObject({ id, status: "pending", scheduledAt: at + 10 });
    expect(await find({ guildId, eventId: done.id, id: doneId })).toMatchObject({ status: "sent", scheduledAt: at });
    expect(await find({ ...key, guildId: newSnowflake() })).toBeNull();
  });

  it("shows the history newest first, to its own server only", async () => {
    const at = clock.now();
    const { id } = await create(at);
    for (const [index, nextReminderAt] of [at + 10, at + 20, at + 30].entries()) {
      const reminderId = newId();
      await begin(id, at + index * 10, { id: reminderId, nextReminderAt });
      await database.store.reminders.finish({ guildId, eventId: id, id: reminderId, status: "sent" });
    }
    expect((await history(id)).map(({ scheduledAt }) => scheduledAt - at)).toEqual([20, 10, 0]);
    const stranger = { guildId: newSnowflake(), eventId: id, limit: 10 };
    expect(await database.store.reminders.listHistory(stranger)).toEqual([]);
  });
});
