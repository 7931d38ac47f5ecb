import fc from "fast-check";
import type { EventRecord } from "../../src/store/events.ts";
import type { TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { eventInput, MEMBER_1, newId, newSnowflake, OWNER } from "./fixtures.ts";
import { shareStore } from "./shared-store.ts";

describe("store.events", () => {
  const clock = new ManualClock();
  let database: TestStore;
  let guildId: string;
  shareStore(clock, (shared) => ({ database, guildId } = shared));

  const create = (changes: Parameters<typeof eventInput>[1] = {}): Promise<EventRecord> =>
    database.store.events.create(eventInput(guildId, changes));
  const key = (event: EventRecord) => ({ guildId, id: event.id });
  const auditActions = async (): Promise<string[]> =>
    (await database.store.audit.list({ guildId, limit: 100 })).entries.map(({ action }) => action).reverse();

  describe("create", () => {
    it("returns the event as it is stored, without what was not given", async () => {
      const input = eventInput(guildId, { description: "Bring a pen", reactions: ["✅"] });
      const event = await database.store.events.create(input);
      expect(event).toEqual({ ...input, state: "open", createdAt: clock.now() });
      expect(await database.store.events.find(key(event))).toEqual(event);
    });

    it("keeps what is optional", async () => {
      const optional = { audienceRoleId: newSnowflake(), closesAt: clock.now() + 5, nextReminderAt: clock.now() + 1 };
      expect(await create(optional)).toMatchObject(optional);
    });

    it("writes an audit entry that says whether a message was adopted", async () => {
      const event = await create({ cardMessageId: newSnowflake() });
      const { entries } = await database.store.audit.list({ guildId, limit: 1 });
      expect(entries[0]).toMatchObject({
        action: "event.create",
        actorId: OWNER,
        target: event.id,
        outcome: "success",
      });
      expect(JSON.parse(entries[0]!.details)).toMatchObject({ title: "Roll call", adopted: true });
    });

    it("refuses a message that is an event already, and a server that is not known", async () => {
      const { messageId } = await create();
      await expect(create({ messageId })).rejects.toMatchObject({ code: "CONFLICT" });
      await expect(database.store.events.create(eventInput(newSnowflake()))).rejects.toMatchObject({
        code: "CONSTRAINT_VIOLATED",
      });
      expect(await auditActions()).toEqual(["event.create"]);
    });

    it.each([
      ["title", { title: "" }],
      ["title", { title: "x".repeat(101) }],
      ["title", { title: "a\0b" }],
      ["description", { description: "x".repeat(1_001) }],
      ["intervalMs", { intervalMs: 999 }],
      ["intervalMs", { intervalMs: 1_000.5 }],
      ["reactions", { reactions: Array.from({ length: 21 }, (_, index) => String(index)) }],
      ["reactions[0]", { reactions: [""] }],
      ["channelId", { channelId: "123" }],
      ["messageId", { messageId: "1'; DROP TABLE event; --" }],
      ["id", { id: "lower-case" }],
      ["closesAt", { closesAt: -1 }],
    ])("refuses a wrong %s, naming it: %j", async (field, changes) => {
      await expect(create(changes)).rejects.toMatchObject({
        code: "INPUT_INVALID",
        message: expect.stringContaining(`at ${field}`) as string,
      });
    });

    it("gives any text back as it was given", async () => {
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }), async (title) => {
          fc.pre(title.length <= 100 && !title.includes("\0"));
          expect((await create({ title, description: title })).title).toBe(title);
        }),
        { numRuns: 50, examples: [["'; DROP TABLE event; --"], ["\u0001\u007f\u202e"]] },
      );
    });
  });

  describe("find", () => {
    it("finds nothing under an unknown id, nor another server's event", async () => {
      const event = await create();
      expect(await database.store.events.find({ guildId, id: newId() })).toBeNull();
      expect(await database.store.events.find({ guildId: newSnowflake(), id: event.id })).toBeNull();
    });
  });

  describe("edit", () => {
    it("changes what is given, removes what is null, and leaves the rest", async () => {
      const event = await create({ audienceRoleId: newSnowflake(), closesAt: clock.now() + 10 });
      const changes = { title: "New", closesAt: null, nextReminderAt: clock.now() + 5 };
      const edited = await database.store.events.edit({ ...key(event), actorId: OWNER, changes });
      const { closesAt: _, ...expected } = { ...event, title: "New", nextReminderAt: clock.now() + 5 };
      expect(edited).toEqual(expected);
      const { entries } = await database.store.audit.list({ guildId, limit: 1 });
      expect(entries[0]).toMatchObject({ action: "event.edit", target: event.id });
      expect(JSON.parse(entries[0]!.details)).toEqual(changes);
    });

    it("counts the answers anew when the set of reactions changes", async () => {
      const event = await create({ reactions: ["✅"] });
      const { reactions } = database.store;
      for (const emoji of ["✅", "❓"]) {
        await reactions.record({ guildId, eventId: event.id, userId: MEMBER_1, username: null, emoji });
      }
      const answers = async (): Promise<string[]> =>
        (await reactions.list({ guildId, eventId: event.id })).filter((it) => it.isAnswer).map(({ emoji }) => emoji);
      expect(await answers()).toEqual(["✅"]);
      const edit = (set: string[]) =>
        database.store.events.edit({ ...key(event), actorId: OWNER, changes: { reactions: set } });
      await edit(["❓"]);
      expect(await answers()).toEqual(["❓"]);
      await edit([]);
      expect((await answers()).sort()).toEqual(["✅", "❓"].sort());
      await edit(["🎉"]);
      expect(await answers()).toEqual([]);
    });

    it("sets no reminder for an event that was paused meanwhile", async () => {
      const event = await create({ nextReminderAt: clock.now() + 5 });
      await database.store.events.transition({ ...key(event), actorId: OWNER, to: "paused" });
      const changes = { intervalMs: 60_000, nextReminderAt: clock.now() + 9 };
      const edited = await database.store.events.edit({ ...key(event), actorId: OWNER, changes });
      expect(edited.intervalMs).toBe(60_000);
      expect(edited.nextReminderAt).toBeUndefined();
    });

    it("refuses a closed event and an unknown one", async () => {
      const event = await create();
      await database.store.events.transition({ ...key(event), actorId: OWNER, to: "closed" });
      const edit = (id: string) =>
        database.store.events.edit({ guildId, id, actorId: OWNER, changes: { title: "New" } });
      await expect(edit(event.id)).rejects.toMatchObject({ code: "CONFLICT" });
      await expect(edit(newId())).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });

  describe("transition", () => {
    it("pauses, resumes and closes, with the reminder that each state has", async () => {
      const event = await create({ nextReminderAt: clock.now() + 5 });
      const to = (state: "open" | "paused" | "closed", nextReminderAt?: number) =>
        database.store.events.transition({
          ...key(event),
          actorId: "system",
          to: state,
          nextReminderAt,
          reason: "test",
        });
      const paused = await to("paused", clock.now() + 7);
      expect(paused.state).toBe("paused");
      expect(paused.nextReminderAt).toBeUndefined();
      expect(await to("open", clock.now() + 7)).toMatchObject({ state: "open", nextReminderAt: clock.now() + 7 });
      const closed = await to("closed", clock.now() + 8);
      expect(closed).toMatchObject({ state: "closed", closedAt: clock.now() });
      expect(closed.nextReminderAt).toBeUndefined();
      expect(await auditActions()).toEqual(["event.create", "event.pause", "event.resume", "event.close"]);
    });

    it("refuses the state that it has, any state after closed, and an unknown event", async () => {
      const event = await create();
      const to = (id: string, state: "open" | "paused" | "closed") =>
        database.store.events.transition({ guildId, id, actorId: OWNER, to: state });
      await expect(to(event.id, "open")).rejects.toMatchObject({ code: "CONFLICT", details: { state: "open" } });
      await to(event.id, "closed");
      for (const state of ["open", "paused", "closed"] as const) {
        await expect(to(event.id, state)).rejects.toMatchObject({ code: "CONFLICT" });
      }
      await expect(to(newId(), "paused")).rejects.toMatchObject({ code: "NOT_FOUND" });
    });
  });

  describe("delete", () => {
    it("takes the answers and reminders with it, and leaves the audit entries", async () => {
      const event = await create({ nextReminderAt: clock.now() });
      const eventId = event.id;
      const { reactions, reminders, events } = database.store;
      await reactions.record({ guildId, eventId, userId: MEMBER_1, username: null, emoji: "✅" });
      await reminders.begin({ guildId, eventId, id: newId(), scheduledAt: clock.now() });
      expect(await events.delete({ ...key(event), actorId: OWNER })).toMatchObject({ id: eventId });
      expect(await events.find(key(event))).toBeNull();
      expect(await reactions.list({ guildId, eventId })).toEqual([]);
      expect(await reminders.listHistory({ guildId, eventId, limit: 10 })).toEqual([]);
      expect(
        (await reminders.listPending({ at: clock.now(), limit: 1_000 })).filter((it) => it.eventId === eventId),
      ).toEqual([]);
      expect(await auditActions()).toEqual(["event.create", "event.delete"]);
      await expect(events.delete({ ...key(event), actorId: OWNER })).rejects.toMatchObject({ code: "NOT_FOUND" });
      // The message is free again.
      await create({ messageId: event.messageId });
    });
  });

  describe("list", () => {
    it("walks through every event once, newest first, by any page size, state and direction", async () => {
      for (let index = 0; index < 13; index++) {
        clock.advance(index % 3); // Some share their millisecond: their ids order them.
        const event = await create();
        const to = ([undefined, "paused", "closed"] as const)[index % 3];
        if (to) await database.store.events.transition({ ...key(event), actorId: OWNER, to });
      }
      const state = fc.constantFrom("all" as const, "open" as const, "paused" as const, "closed" as const);
      await fc.assert(
        fc.asyncProperty(state, fc.integer({ min: 1, max: 6 }), async (state, limit) => {
          const whole = (await database.store.events.list({ guildId, state, limit: 100 })).events;
          const positions = whole.map(({ createdAt, id }) => [createdAt, id] as const);
          expect(positions).toEqual(positions.toSorted((a, b) => b[0] - a[0] || (a[1] < b[1] ? 1 : -1)));
          for (const direction of ["older", "newer"] as const) {
            const walked: EventRecord[] = [];
            let page = await database.store.events.list({ guildId, state, limit, direction });
            for (;;) {
              if (direction === "older") walked.push(...page.events);
              else walked.unshift(...page.events);
              if (!page.hasMore) break;
              const { createdAt, id } = (direction === "older" ? page.events.at(-1) : page.events[0])!;
              page = await database.store.events.list({ guildId, state, limit, direction, cursor: { createdAt, id } });
            }
            expect(walked).toEqual(whole);
          }
        }),
        { numRuns: 30 },
      );
      expect((await database.store.events.list({ guildId, state: "all", limit: 100 })).events).toHaveLength(13);
    });
  });

  describe("search", () => {
    it("finds by a part of the title or the beginning of the id, in the states asked for", async () => {
      const party = await create({ title: "Garden Party" });
      const meeting = await create({ title: "Meeting" });
      await database.store.events.transition({ ...key(meeting), actorId: OWNER, to: "closed" });
      const search = async (text: string, states?: ("open" | "paused" | "closed")[]): Promise<string[]> =>
        (await database.store.events.search({ guildId, text, states, limit: 25 })).map(({ title }) => title);
      expect(await search("den pa")).toEqual(["Garden Party"]);
      expect(await search(party.id)).toEqual(["Garden Party"]);
      expect(await search("")).toHaveLength(2);
      expect(await search("", ["closed"])).toEqual(["Meeting"]);
      expect(await search(party.id.slice(1))).toEqual([]);
    });

    it("takes % and _ and \\ for themselves", async () => {
      for (const title of ["100% sure", "100 sure", "a_b", "axb", "back\\slash"]) await create({ title });
      const search = async (text: string): Promise<string[]> =>
        (await database.store.events.search({ guildId, text, limit: 25 })).map(({ title }) => title);
      expect(await search("0% s")).toEqual(["100% sure"]);
      expect(await search("a_b")).toEqual(["a_b"]);
      expect(await search("k\\s")).toEqual(["back\\slash"]);
      expect(await search("%")).toEqual(["100% sure"]);
    });
  });

  it("lists tracked events of a state in pages by id", async () => {
    const events = [await create(), await create(), await create()];
    const ids = events.map(({ id }) => id).sort();
    const list = async (afterId = ""): Promise<string[]> =>
      (await database.store.events.listTracked({ guildId, state: "open", afterId, limit: 2 })).map(({ id }) => id);
    expect(await list()).toEqual(ids.slice(0, 2));
    expect(await list(ids[1])).toEqual(ids.slice(2));
    expect(await database.store.events.listTracked({ guildId, state: "paused", limit: 2 })).toEqual([]);
  });

  it("lists the open events that a member has not answered", async () => {
    const [answered, wrong, open] = [await create(), await create(), await create({ reactions: [] })];
    const closed = await create();
    await database.store.events.transition({ ...key(closed), actorId: OWNER, to: "closed" });
    const record = (eventId: string, emoji: string) =>
      database.store.reactions.record({ guildId, eventId, userId: MEMBER_1, username: null, emoji });
    await record(answered.id, "✅");
    await record(wrong.id, "🎉");
    const list = async (): Promise<string[]> =>
      (await database.store.events.listUnanswered({ guildId, userId: MEMBER_1, limit: 100 })).map(({ id }) => id);
    expect((await list()).sort()).toEqual([wrong.id, open.id].sort());
    await record(open.id, "🎉");
    expect(await list()).toEqual([wrong.id]);
  });

  it("lists what is to be closed, and where", async () => {
    const now = clock.now() + 1_000_000;
    const late = await create({ closesAt: now });
    const early = await create({ closesAt: now - 5 });
    const later = await create({ closesAt: now + 1 });
    await create();
    const { listClosing, listClosingGuilds, transition } = database.store.events;
    expect((await listClosing({ guildId, at: now, limit: 10 })).map(({ id }) => id)).toEqual([early.id, late.id]);
    expect(await listClosingGuilds({ at: now, limit: 10 })).toContain(guildId);
    for (const event of [early, late]) await transition({ ...key(event), actorId: "system", to: "closed" });
    expect(await listClosing({ guildId, at: now, limit: 10 })).toEqual([]);
    expect(await listClosingGuilds({ at: now, limit: 10 })).not.toContain(guildId);
    expect((await listClosing({ guildId, at: now + 1, limit: 10 })).map(({ id }) => id)).toEqual([later.id]);
  });
});
