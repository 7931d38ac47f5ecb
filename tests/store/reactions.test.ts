import { createId } from "../../src/core/ids.ts";
import { withRawConnection, type TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { eventInput, MEMBER_1, MEMBER_2, MEMBER_3, newGuild, OWNER } from "./fixtures.ts";
import { shareStore } from "./shared-store.ts";

describe("store.reactions", () => {
  const clock = new ManualClock();
  let database: TestStore;
  let guildId: string;
  let eventId: string;
  shareStore(clock, (shared) => ({ database, guildId } = shared));
  beforeEach(async () => {
    clock.advance(1_000);
    eventId = (await database.store.events.create(eventInput(guildId))).id;
  });

  const record = (userId: string, emoji: string): Promise<boolean | undefined> =>
    database.store.reactions.record({ guildId, eventId, userId, username: "name", emoji });
  const withdraw = (userId: string, emoji: string): Promise<boolean | undefined> =>
    database.store.reactions.withdraw({ guildId, eventId, userId, emoji });
  const list = async (): Promise<string[]> =>
    (await database.store.reactions.list({ guildId, eventId })).map(({ userId, emoji }) => `${userId} ${emoji}`);
  const close = () => database.store.events.transition({ guildId, id: eventId, actorId: OWNER, to: "closed" });
  const reconcile = (...reactions: [string, string][]) =>
    database.store.reactions.reconcile({
      guildId,
      eventId,
      reactions: reactions.map(([userId, emoji]) => ({ userId, username: null, emoji })),
    });
  /** What an import of older data writes: the member has answered, nobody knows what. */
  const insertUnknownChoice = (userId: string): void =>
    withRawConnection(database.path, (raw) => {
      raw
        .prepare(
          "INSERT INTO reaction (event_id, user_id, emoji, is_answer, created_at, updated_at) VALUES (?, ?, '', 1, ?, ?)",
        )
        .run(eventId, userId, clock.now() - 500, clock.now());
    });

  it("records a reaction once, and whether it is an answer", async () => {
    expect(await record(MEMBER_1, "✅")).toBe(true);
    expect(await record(MEMBER_1, "✅")).toBe(false);
    expect(await record(MEMBER_1, "🎉")).toBe(true);
    const answers = await database.store.reactions.list({ guildId, eventId });
    expect(answers).toEqual([
      { userId: MEMBER_1, emoji: "✅", isAnswer: true, createdAt: clock.now() },
      { userId: MEMBER_1, emoji: "🎉", isAnswer: false, createdAt: clock.now() },
    ]);
    expect(await database.store.users.listSeen({ guildId, limit: 10 })).toEqual([{ id: MEMBER_1, isBot: false }]);
  });

  it("keeps the order in which they came", async () => {
    for (const member of [MEMBER_3, MEMBER_1, MEMBER_2]) {
      clock.advance(1);
      await record(member, "✅");
    }
    expect(await list()).toEqual([MEMBER_3, MEMBER_1, MEMBER_2].map((member) => `${member} ✅`));
  });

  it("withdraws what is there, one emoji of all members, or everything", async () => {
    for (const member of [MEMBER_1, MEMBER_2]) for (const emoji of ["✅", "❌"]) await record(member, emoji);
    expect(await withdraw(MEMBER_1, "✅")).toBe(true);
    expect(await withdraw(MEMBER_1, "✅")).toBe(false);
    expect(await database.store.reactions.withdrawAll({ guildId, eventId, emoji: "❌" })).toBe(2);
    expect(await list()).toEqual([`${MEMBER_2} ✅`]);
    expect(await database.store.reactions.withdrawAll({ guildId, eventId })).toBe(1);
    expect(await list()).toEqual([]);
  });

  it("takes nothing for a closed event, an unknown one, or another server's", async () => {
    await record(MEMBER_1, "✅");
    const other = { guildId: await newGuild(database.store), eventId, userId: MEMBER_2, emoji: "✅" };
    expect(await database.store.reactions.record({ ...other, username: null })).toBe(false);
    expect(await database.store.reactions.withdraw({ ...other, userId: MEMBER_1 })).toBe(false);
    expect(await database.store.reactions.list(other)).toEqual([]);
    expect(await database.store.reactions.withdrawAll({ guildId, eventId: "UNKNOWNEVENT" })).toBe(0);
    await close();
    expect(await record(MEMBER_2, "✅")).toBe(false);
    expect(await withdraw(MEMBER_1, "✅")).toBe(false);
    expect(await reconcile()).toEqual({ added: 0, removed: 0 });
    expect(await list()).toEqual([`${MEMBER_1} ✅`]);
  });

  it("takes for a closed event what was asked for before: it waited for the database", async () => {
    /** As the queue brings it, later. */
    const replay = async (name: string, userId: string, requestedAt: number): Promise<unknown> => {
      const input = {
        guildId,
        eventId,
        userId,
        emoji: "✅",
        ...(name === "reactions.record" ? { username: null } : {}),
      };
      const operationId = createId(requestedAt);
      const limits = { mayBeApplied: true, timeoutMs: 2_000 };
      return (await database.engine.write({ operationId, requestedAt, ...limits, steps: [{ name, input }] }))[0];
    };
    await record(MEMBER_1, "✅");
    const askedAt = clock.now();
    const [closesAt, closedAt] = [askedAt + 60_000, askedAt + 90_000];
    await database.store.events.edit({ guildId, id: eventId, actorId: OWNER, changes: { closesAt } });
    clock.advance(90_000);
    await close();
    for (const late of [closesAt, closedAt, closedAt + 1_000]) {
      expect(await replay("reactions.record", MEMBER_2, late)).toBe(false);
      expect(await replay("reactions.withdraw", MEMBER_1, late)).toBe(false);
    }
    expect(await list()).toEqual([`${MEMBER_1} ✅`]);
    expect(await replay("reactions.record", MEMBER_2, askedAt + 1)).toBe(true);
    expect(await replay("reactions.withdraw", MEMBER_1, closesAt - 1)).toBe(true);
    expect(await list()).toEqual([`${MEMBER_2} ✅`]);
  });

  it("puts a known choice in the place of an unknown one", async () => {
    insertUnknownChoice(MEMBER_1);
    insertUnknownChoice(MEMBER_2);
    await record(MEMBER_1, "❌");
    expect((await list()).sort()).toEqual([`${MEMBER_1} ❌`, `${MEMBER_2} `].sort());
    await reconcile([MEMBER_1, "❌"], [MEMBER_2, "✅"]);
    expect((await list()).sort()).toEqual([`${MEMBER_1} ❌`, `${MEMBER_2} ✅`].sort());
  });

  it("reconciles both ways, whatever the clock says", async () => {
    await record(MEMBER_1, "✅");
    await record(MEMBER_2, "✅");
    clock.setBack(3_600_000);
    expect(await reconcile([MEMBER_1, "✅"], [MEMBER_1, "❌"])).toEqual({ added: 1, removed: 1 });
    expect((await list()).sort()).toEqual([`${MEMBER_1} ✅`, `${MEMBER_1} ❌`].sort());
    expect(await reconcile([MEMBER_1, "✅"], [MEMBER_1, "❌"])).toEqual({ added: 0, removed: 0 });
  });

  it.each([
    ["emoji", { emoji: "" }],
    ["userId", { userId: "someone" }],
    ["eventId", { eventId: "" }],
    ["username", { username: "x".repeat(101) }],
  ])("refuses a wrong %s, naming it", async (field, wrong) => {
    const input = { guildId, eventId, userId: MEMBER_1, username: null, emoji: "✅", ...wrong };
    await expect(database.store.reactions.record(input)).rejects.toMatchObject({
      code: "INPUT_INVALID",
      message: expect.stringContaining(`at ${field}`) as string,
    });
  });
});
