import type Database from "better-sqlite3";
import fc from "fast-check";
import { auditHash, type AuditEntry, type ChainFault } from "../../src/store/audit-chain.ts";
import type { Store } from "../../src/store/store.ts";
import { anyText } from "../arbitraries/store.ts";
import { withRawConnection, type TestStore } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { MEMBER_1, newGuild, newSnowflake, OWNER } from "./fixtures.ts";
import { shareStore } from "./shared-store.ts";

async function appendMany(store: Store, guildId: string, count: number): Promise<void> {
  const entry = { guildId, actorId: OWNER, action: "test.append" };
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      store.audit.append({ ...entry, target: `entry ${index + 1}`, details: { index: index + 1 } }),
    ),
  );
}

/** Verifies a whole chain in steps of `limit`. */
async function verifyAll(store: Store, guildId: string, limit: number): Promise<{ count: number; fault?: ChainFault }> {
  let step = await store.audit.verify({ guildId, limit });
  while (!step.isDone) step = await store.audit.verify({ guildId, limit, end: step.end });
  return { count: step.end.sequence, ...(step.fault && { fault: step.fault }) };
}

const clock = new ManualClock();
let database: TestStore;
let guildId: string;
shareStore(clock, (shared) => ({ database, guildId } = shared));

describe("store.audit", () => {
  it("numbers the entries of each chain from 1, each with the hash of the one before", async () => {
    const { store } = database;
    await appendMany(store, guildId, 3);
    await store.audit.append({ guildId: "", actorId: "system", action: "migration.apply", target: "1" });
    const { entries } = await store.audit.list({ guildId, limit: 10 });
    expect(entries.map(({ sequence }) => sequence)).toEqual([3, 2, 1]);
    expect(entries[0]!.previousHash).toBe(entries[1]!.hash);
    expect(entries[2]!.previousHash).toBe("0".repeat(64));
    expect(await verifyAll(store, guildId, 2)).toEqual({ count: 3 });
    expect((await verifyAll(store, "", 2)).fault).toBeUndefined();
    expect(await verifyAll(store, newSnowflake(), 2)).toEqual({ count: 0 });
  });

  it("appends in one order, without gaps, what many ask for at once", async () => {
    const { store } = database;
    const append = () => store.audit.append({ guildId, actorId: OWNER, action: "test.append", target: "" });
    const entries = await Promise.all(Array.from({ length: 40 }, append));
    expect(entries.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(await verifyAll(store, guildId, 7)).toEqual({ count: 40 });
  });

  it("is sound whatever text an entry has", async () => {
    const { store } = database;
    await fc.assert(
      fc.asyncProperty(anyText, fc.jsonValue(), async (text, value) => {
        const details = { value: value as never, [text]: text };
        await store.audit.append({ guildId, actorId: OWNER, action: text, target: text, details });
      }),
      { numRuns: 100, examples: [["\ud800", "\udfff"]] },
    );
    expect((await verifyAll(store, guildId, 1_000)).fault).toBeUndefined();
  });

  it("lists the actions of a server", async () => {
    const { store } = database;
    for (const action of ["flag.set", "event.create", "flag.set", "event.close"]) {
      await store.audit.append({ guildId, actorId: OWNER, action, target: "" });
    }
    expect(await store.audit.listActions({ guildId })).toEqual(["event.close", "event.create", "flag.set"]);
  });

  it("finds text in target, action and details, % and _ taken for themselves", async () => {
    const { store } = database;
    const targets = ["100%", "100", "a_b", "axb"];
    for (const target of targets) {
      await store.audit.append({ guildId, actorId: OWNER, action: "test.append", target, details: { word: "hidden" } });
    }
    const search = async (text: string): Promise<string[]> =>
      (await store.audit.list({ guildId, text, limit: 10 })).entries.map(({ target }) => target).sort();
    expect(await search("%")).toEqual(["100%"]);
    expect(await search("a_b")).toEqual(["a_b"]);
    expect(await search("HIDDEN")).toEqual([...targets].sort());
    expect(await search("test.")).toHaveLength(4);
  });

  it("shows a page on either side of an entry that is missing", async () => {
    const { store } = database;
    await appendMany(store, guildId, 5);
    withRawConnection(database.path, (raw) => {
      raw.prepare("DELETE FROM audit_log WHERE guild_id = ? AND sequence = 3").run(guildId);
    });
    const list = async (direction: "older" | "newer", sequence: number): Promise<number[]> =>
      (await store.audit.list({ guildId, direction, sequence, limit: 10 })).entries.map((entry) => entry.sequence);
    expect(await list("older", 3)).toEqual([2, 1]);
    expect(await list("newer", 3)).toEqual([5, 4]);
    expect(await list("older", 0)).toEqual([]);
    expect(await list("newer", 0)).toEqual([5, 4, 2, 1]);
    expect(await list("older", 99)).toEqual([5, 4, 2, 1]);
  });

  it("walks through every entry that fits once, in order, by any filter, page size and direction", async () => {
    const { store } = database;
    const startAt = clock.now();
    const actors = [OWNER, MEMBER_1];
    for (let index = 0; index < 24; index++) {
      clock.advance(index % 3);
      const [actorId, action] = [actors[index % 2]!, ["test.a", "test.b", "test.c"][(index % 5) % 3]!];
      await store.audit.append({ guildId, actorId, action, target: `number ${index}` });
    }
    // One that waited in a queue: its time is earlier than its number in the chain suggests.
    const queued = {
      operationId: "01J0000000QUEUED0000000000",
      requestedAt: startAt + 5,
      timeoutMs: 5_000,
      mayBeApplied: false,
    };
    const input = { guildId, actorId: OWNER, action: "test.a", target: "queued", details: {}, outcome: "success" };
    await database.engine.write({ ...queued, steps: [{ name: "audit.append", input }] });

    const whole = (await store.audit.list({ guildId, limit: 100 })).entries;
    expect(whole).toHaveLength(25);
    const moment = fc.integer({ min: 0, max: 26 }).map((offset) => startAt + offset);
    const filters = fc.record(
      {
        action: fc.constantFrom("test.a", "test.b"),
        actorId: fc.constantFrom(...actors),
        since: moment,
        until: moment,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 1, max: 7 }), async (filter, limit) => {
        const expected = whole
          .filter(
            (entry) =>
              entry.action === (filter.action ?? entry.action) &&
              entry.actorId === (filter.actorId ?? entry.actorId) &&
              entry.at >= (filter.since ?? 0) &&
              entry.at <= (filter.until ?? Infinity),
          )
          .toSorted((a, b) => b.at - a.at || b.sequence - a.sequence);
        for (const direction of ["older", "newer"] as const) {
          const walked: AuditEntry[] = [];
          let page = await store.audit.list({ guildId, ...filter, limit, direction });
          for (;;) {
            if (direction === "older") walked.push(...page.entries);
            else walked.unshift(...page.entries);
            const [newest, oldest] = [page.entries[0], page.entries.at(-1)];
            expect(page.hasNewer).toBe(newest !== undefined && newest.id !== expected[0]!.id);
            expect(page.hasOlder).toBe(oldest !== undefined && oldest.id !== expected.at(-1)!.id);
            const next = direction === "older" ? page.hasOlder && oldest : page.hasNewer && newest;
            if (!next) break;
            page = await store.audit.list({ guildId, ...filter, limit, direction, sequence: next.sequence });
          }
          expect(walked).toEqual(expected);
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ["action", { action: "" }],
    ["target", { target: "x".repeat(201) }],
    ["actorId", { actorId: "nobody" }],
    ["guildId", { guildId: "server" }],
  ])("refuses a wrong %s, naming it", async (field, wrong) => {
    const entry = { guildId, actorId: OWNER, action: "test.append", target: "", ...wrong };
    await expect(database.store.audit.append(entry)).rejects.toMatchObject({
      code: "INPUT_INVALID",
      message: expect.stringContaining(`at ${field}`) as string,
    });
  });
});

describe("an audit log that somebody has changed", () => {
  const column = (name: string, value: string) => (raw: Database.Database, guildId: string) =>
    raw.prepare(`UPDATE audit_log SET ${name} = ? WHERE guild_id = ? AND sequence = 4`).run(value, guildId);
  const remove = (from: number, to: number) => (raw: Database.Database, guildId: string) =>
    raw.prepare("DELETE FROM audit_log WHERE guild_id = ? AND sequence BETWEEN ? AND ?").run(guildId, from, to);

  const CASES: readonly [string, (raw: Database.Database, guildId: string) => unknown, Partial<ChainFault>][] = [
    ["another actor", column("actor_id", MEMBER_1), { kind: "altered", sequence: 4 }],
    ["other details", column("details", "{}"), { kind: "altered", sequence: 4 }],
    ["another time", column("at", "1"), { kind: "altered", sequence: 4 }],
    ["another outcome", column("outcome", "failure"), { kind: "altered", sequence: 4 }],
    ["the first removed", remove(1, 1), { kind: "missing", sequence: 1 }],
    ["one in the middle removed", remove(4, 4), { kind: "missing", sequence: 4 }],
    ["the last removed", remove(10, 10), { kind: "missing", sequence: 10 }],
    ["all removed", remove(1, 10), { kind: "missing", sequence: 1 }],
    [
      "two swapped",
      (raw, guildId) => {
        const move = raw.prepare("UPDATE audit_log SET sequence = ? WHERE guild_id = ? AND sequence = ?");
        for (const [to, from] of [
          [99, 4],
          [4, 5],
          [5, 99],
        ]) {
          move.run(to, guildId, from);
        }
      },
      { kind: "altered", sequence: 4 },
    ],
    [
      "one forged, with a hash that fits it",
      (raw, guildId) => {
        const columns = "guild_id AS guildId, sequence, id, at, actor_id AS actorId, action, target, outcome";
        const entry = raw
          .prepare<[string], AuditEntry>(
            `SELECT ${columns}, previous_hash AS previousHash FROM audit_log WHERE guild_id = ? AND sequence = 4`,
          )
          .get(guildId)!;
        const forged = auditHash({ ...entry, details: "{}" });
        raw
          .prepare("UPDATE audit_log SET details = '{}', hash = ? WHERE guild_id = ? AND sequence = 4")
          .run(forged, guildId);
      },
      { kind: "altered", sequence: 5 },
    ],
    [
      "the record of its end changed",
      (raw, guildId) =>
        raw.prepare("UPDATE audit_chain SET last_hash = ? WHERE guild_id = ?").run("0".repeat(64), guildId),
      { kind: "altered", sequence: 10 },
    ],
    [
      "the record of its end removed",
      (raw, guildId) => raw.prepare("DELETE FROM audit_chain WHERE guild_id = ?").run(guildId),
      { kind: "altered", sequence: 10 },
    ],
  ];

  it("is noticed, and the first fault named, in one step or in many", async () => {
    const { store, path } = database;
    const guilds = await Promise.all(CASES.map(() => newGuild(store)));
    await Promise.all(guilds.map((guildId) => appendMany(store, guildId, 10)));
    withRawConnection(path, (raw) => CASES.forEach(([, change], index) => change(raw, guilds[index]!)));
    for (const [index, [title, , fault]] of CASES.entries()) {
      for (const limit of [1, 3, 100]) {
        const result = await verifyAll(store, guilds[index]!, limit);
        expect({ title, ...result.fault }).toMatchObject({ title, ...fault });
      }
    }
  });
});
