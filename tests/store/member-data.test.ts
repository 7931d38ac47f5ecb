import { NO_CREATOR, type EventRecord } from "../../src/store/events.ts";
import { withRawConnection, type TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { eventInput, newGuild, newId, newSnowflake, OWNER } from "./fixtures.ts";
import { shareStore } from "./shared-store.ts";

describe("store.memberData", () => {
  const clock = new ManualClock();
  let database: TestStore;
  let guildId: string;
  let [userId, otherId] = ["", ""];
  shareStore(clock, (shared) => {
    ({ database, guildId } = shared);
    [userId, otherId] = [newSnowflake(), newSnowflake()];
    clock.advance(1_000_000);
  });

  /** A step of time between any two writes. */
  const next = (): number => {
    clock.advance(10);
    return clock.now();
  };
  const create = (creatorId = OWNER, guild = guildId): Promise<EventRecord> => {
    next();
    return database.store.events.create(eventInput(guild, { creatorId, title: `Event of ${creatorId}` }));
  };
  const answer = (event: EventRecord, id: string, emoji = "✅") =>
    database.store.reactions.record({ ...keyOf(event), userId: id, username: `name ${id}`, emoji });
  const keyOf = ({ guildId, id }: EventRecord) => ({ guildId, eventId: id });
  const setFlag = (id: string, value = "on") =>
    database.store.flags.set({
      ...{ guildId, actorId: OWNER, name: "excused", subjectType: "member", subjectId: id, value },
    });
  /** A reminder that reached these, in this order. */
  async function remind(event: EventRecord, userIds: string[]): Promise<number> {
    const { reminders } = database.store;
    // By hand only some time after the last one.
    clock.advance(3_600_000);
    const [id, scheduledAt] = [newId(), next()];
    await reminders.begin({ ...keyOf(event), id, scheduledAt, actorId: OWNER });
    await reminders.progress({ ...keyOf(event), id, userIds });
    await reminders.finish({ ...keyOf(event), id, status: "sent" });
    return scheduledAt;
  }
  async function listAll(id: string, limit = 500) {
    const events = [];
    for (let cursor; ;) {
      const page = await database.store.memberData.listEvents({ guildId, userId: id, cursor, limit });
      events.push(...page.events);
      if (!page.next) return events;
      cursor = page.next;
    }
  }
  const stateOf = async (id: string) => [
    await database.store.memberData.find({ guildId, userId: id }),
    await listAll(id),
  ];
  const deleteAll = (id = userId, guild = guildId) => database.store.memberData.delete({ guildId: guild, userId: id });
  /** Tables in which the text stands anywhere. */
  function findTables(text: string): string[] {
    return withRawConnection(database.path, (raw) => {
      const tables = raw.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
      return tables.filter((table) => JSON.stringify(raw.prepare(`SELECT * FROM "${table}"`).all()).includes(text));
    });
  }

  it("finds settings, flags, answers, reminders and created events of a member, and nothing of another", async () => {
    const { store } = database;
    expect(await stateOf(userId)).toEqual([{ settings: null, flags: [] }, []]);
    const [foreign, own] = [await create(), await create(userId)];
    await answer(foreign, userId, "✅");
    await answer(foreign, userId, "🤷");
    const answeredAt = clock.now();
    await answer(foreign, otherId, "❌");
    const remindedAt = await remind(foreign, [otherId, userId]);
    await remind(foreign, [otherId]);
    await remind(await create(), [otherId]);
    await store.users.setReminderMode({ guildId, id: userId, username: "name", mode: "dm" });
    await setFlag(userId);
    await setFlag(otherId);
    const now = clock.now();

    const [record, events] = await stateOf(userId);
    expect(record).toEqual({
      settings: {
        ...{ username: "name", isBot: false, reminderMode: "dm" },
        ...{ lastSeenAt: now, createdAt: answeredAt, updatedAt: now },
      },
      flags: [{ name: "excused", value: "on", createdAt: now, updatedAt: now }],
    });
    const placeOf = ({ id, channelId, messageId, title, createdAt }: EventRecord) => ({
      ...{ id, channelId, messageId, title, createdAt },
      ...{ description: "", state: "open" },
    });
    expect(events).toEqual([
      { ...placeOf(own), isCreator: true, answers: [], reminders: [] },
      {
        ...placeOf(foreign),
        isCreator: false,
        answers: [
          { emoji: "✅", isAnswer: true, createdAt: answeredAt },
          { emoji: "🤷", isAnswer: false, createdAt: answeredAt },
        ],
        reminders: [{ scheduledAt: remindedAt, sentAt: remindedAt, status: "sent" }],
      },
    ]);
  });

  it("goes through the events in pages, also those that have nothing, and finds each once", async () => {
    const created: string[] = [];
    for (let index = 0; index < 7; index++) {
      const event = await create();
      if (index % 3 === 0) {
        await answer(event, userId);
        created.unshift(event.id);
      }
    }
    for (const limit of [1, 2, 3, 7, 8]) expect((await listAll(userId, limit)).map(({ id }) => id)).toEqual(created);
  });

  it("deletes all of a member and nothing of another, in this server, and says how much", async () => {
    const { store } = database;
    const elsewhere = await newGuild(store);
    const abroad = await create(userId, elsewhere);
    await answer(abroad, userId);
    const [foreign, own] = [await create(), await create(userId)];
    for (const id of [userId, otherId]) {
      await answer(foreign, id);
      await answer(own, id, "❌");
      await setFlag(id);
      await store.users.setReminderMode({ guildId, id, username: "name", mode: "off" });
    }
    const thirdId = newSnowflake();
    for (const people of [
      [userId, otherId, thirdId],
      [otherId, userId, thirdId],
      [otherId, thirdId, userId],
      [userId],
      [otherId],
    ])
      await remind(foreign, people);
    const before = await stateOf(otherId);

    next();
    expect(await deleteAll()).toEqual({
      ...{ hadSettings: true, answerCount: 2, reminderCount: 4, flagCount: 1, createdEventCount: 1 },
    });
    expect(await stateOf(userId)).toEqual([{ settings: null, flags: [] }, []]);
    expect(await stateOf(otherId)).toEqual(before);
    const history = await store.reminders.listHistory({ guildId, eventId: foreign.id, limit: 10 });
    expect(history.map(({ usersNotified }) => usersNotified).reverse()).toEqual([
      ...[[otherId, thirdId], [otherId, thirdId], [otherId, thirdId], [], [otherId]],
    ]);
    expect(await store.events.find({ guildId, id: own.id })).toMatchObject({ creatorId: NO_CREATOR, title: own.title });
    expect(await store.reactions.list({ guildId: elsewhere, eventId: abroad.id })).toHaveLength(1);
    expect(await store.events.find({ guildId: elsewhere, id: abroad.id })).toMatchObject({ creatorId: userId });
  });

  it("leaves the member's id in the audit log, and in results that are kept against repetition, and nowhere else", async () => {
    const event = await create(userId);
    await answer(event, userId);
    await remind(event, [userId]);
    await setFlag(userId);
    expect(findTables(userId)).toEqual(expect.arrayContaining(["event", "flag", "reaction", "reminderlog", "user"]));
    await database.store.events.edit({ guildId, id: event.id, actorId: OWNER, changes: { title: "Another" } });
    await deleteAll();
    expect(findTables(userId).sort()).toEqual(["applied_operation", "audit_log"]);
  });

  it("is in the audit log once, without content, and the chain stays whole; again it changes and records nothing", async () => {
    const { audit } = database.store;
    await answer(await create(), userId);
    await deleteAll();
    const nothing = { hadSettings: false, answerCount: 0, reminderCount: 0, flagCount: 0, createdEventCount: 0 };
    expect(await deleteAll()).toEqual(nothing);
    const { entries } = await audit.list({ guildId, actorId: userId, limit: 10 });
    expect(entries.map(({ action, target, details }) => [action, target, details])).toEqual([
      ["mydata.delete", "", "{}"],
    ]);
    expect(await audit.verify({ guildId })).toMatchObject({ isDone: true });
    expect(await audit.verify({ guildId })).not.toHaveProperty("fault");
  });

  it("lets the member begin anew", async () => {
    const event = await create();
    await database.store.users.setReminderMode({ guildId, id: userId, username: "name", mode: "off" });
    await deleteAll();
    next();
    expect(await answer(event, userId)).toBe(true);
    const { settings } = await database.store.memberData.find({ guildId, userId });
    expect(settings).toMatchObject({ reminderMode: "mention", createdAt: clock.now() });
  });
});
