import fc from "fast-check";
import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { DegradationState } from "../../src/resilience/graceful-degradation.ts";
import { UsageLog } from "../../src/store/usage-log.ts";
import { USAGE_OUTCOMES, type UsageEntry } from "../../src/store/usage.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { newId, newSnowflake } from "./fixtures.ts";
import { shareStore, type SharedStore } from "./shared-store.ts";

const DAY_MS = 86_400_000;
/** A Monday, at noon in UTC. */
const NOON = Date.UTC(2026, 2, 23, 12);

const clock = new ManualClock();
let shared: SharedStore;
shareStore(clock, (current) => (shared = current));

function entry(changes: Partial<UsageEntry> = {}): UsageEntry {
  return {
    ...{ id: newId(), guildId: shared.guildId, command: "event create", at: NOON, durationMs: 10, outcome: "answered" },
    ...changes,
  };
}

const report = (range: { from: number; to: number; timeZone?: string }) =>
  shared.database.store.usage.report({ guildId: shared.guildId, ...range });
const record = (...entries: UsageEntry[]) => shared.database.store.usage.record({ entries });

describe("usage", () => {
  it("is counted by day and by command, the most used first", async () => {
    await record(
      entry({ durationMs: 10 }),
      entry({ durationMs: 30, outcome: "failed" }),
      entry({ command: "mine", at: NOON + DAY_MS, outcome: "refused" }),
      entry({ command: "mine", at: NOON + DAY_MS, outcome: "queued" }),
      entry({ command: "mine", at: NOON + 2 * DAY_MS }),
      entry({ command: "help", at: NOON + 3 * DAY_MS }),
    );
    expect(await report({ from: NOON, to: NOON + 3 * DAY_MS })).toEqual({
      ...{ from: NOON, to: NOON + 3 * DAY_MS, total: 5, failed: 1, refused: 1, queued: 1 },
      byDay: [
        { day: "2026-03-23", count: 2, failed: 1 },
        { day: "2026-03-24", count: 2, failed: 0 },
        { day: "2026-03-25", count: 1, failed: 0 },
      ],
      byCommand: [
        { command: "mine", count: 3, failed: 0, averageMs: 10, maxMs: 10 },
        { command: "event create", count: 2, failed: 1, averageMs: 20, maxMs: 30 },
      ],
    });
  });

  it("counts days as the clocks of the time zone do, also where they are put forward", async () => {
    const night = Date.UTC(2026, 2, 28, 22, 30);
    await record(entry({ at: night }), entry({ at: night + 3_600_000 }), entry({ at: night + DAY_MS }));
    const range = { from: night - DAY_MS, to: night + 2 * DAY_MS };
    const days = async (timeZone: string) => (await report({ ...range, timeZone })).byDay.map(({ day }) => day);
    expect(await days("UTC")).toEqual(["2026-03-28", "2026-03-29"]);
    expect(await days("Europe/Vienna")).toEqual(["2026-03-28", "2026-03-29", "2026-03-30"]);
    expect(await days("Asia/Kathmandu")).toEqual(["2026-03-29", "2026-03-30"]);
    await expect(days("Nowhere/Land")).rejects.toMatchObject({ code: "INPUT_INVALID" });
  });

  it("of one server is not of another, and of all is of both", async () => {
    const at = NOON + 100 * DAY_MS;
    await record(entry({ at }), entry({ at, guildId: newSnowflake() }));
    const range = { from: at, to: at + 1 };
    expect((await report(range)).total).toBe(1);
    expect((await shared.database.store.usage.report(range)).total).toBe(2);
  });

  it("adds up to the same by day, by command and in all", async () => {
    const entries = fc.array(
      fc.record({
        command: fc.constantFrom("mine", "help", "event list"),
        at: fc.integer({ min: NOON, max: NOON + 20 * DAY_MS }),
        durationMs: fc.nat(5_000),
        outcome: fc.constantFrom(...USAGE_OUTCOMES),
      }),
      { minLength: 1, maxLength: 40 },
    );
    const zones = fc.constantFrom("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu");
    const bounds = fc.tuple(fc.nat(20 * DAY_MS), fc.nat(20 * DAY_MS)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
    await fc.assert(
      fc.asyncProperty(entries, zones, bounds, async (drawn, timeZone, [start, end]) => {
        const guildId = newSnowflake();
        await record(...drawn.map((fields) => entry({ ...fields, guildId })));
        const [from, to] = [NOON + start!, NOON + end!];
        const usage = await shared.database.store.usage.report({ from, to, timeZone, guildId });
        const within = drawn.filter(({ at }) => at >= from && at < to);
        const total = (rows: readonly { count: number }[]) => rows.reduce((all, { count }) => all + count, 0);
        const failed = (rows: readonly { failed: number }[]) => rows.reduce((all, row) => all + row.failed, 0);
        const failedCount = within.filter(({ outcome }) => outcome === "failed").length;
        expect([usage.total, total(usage.byDay), total(usage.byCommand)]).toEqual(Array(3).fill(within.length));
        expect([usage.failed, failed(usage.byDay), failed(usage.byCommand)]).toEqual(Array(3).fill(failedCount));
        expect(usage.byDay.map(({ day }) => day)).toEqual([...new Set(usage.byDay.map(({ day }) => day))].sort());
      }),
      { numRuns: 40 },
    );
  });

  it("is kept once, however often it is recorded, and only what is well-formed", async () => {
    const same = entry();
    await record(same);
    await record(same, entry());
    expect((await report({ from: NOON, to: NOON + 1 })).total).toBe(2);
    for (const wrong of [{ durationMs: -1 }, { command: "" }, { outcome: "lost" as never }, { at: NOON + 0.5 }])
      await expect(record(entry(wrong))).rejects.toMatchObject({ code: "INPUT_INVALID" });
  });

  it("is deleted from the oldest on, no more at once than asked for", async () => {
    const at = NOON - 500 * DAY_MS;
    await record(entry(), ...[0, 1, 2, 3].map((hours) => entry({ at: at + hours })));
    expect(await shared.database.store.usage.prune({ before: at + 3, keepDays: 1, limit: 2 })).toBe(2);
    expect((await report({ from: at, to: at + 10 })).total).toBe(2);
    expect(await shared.database.store.usage.prune({ before: at + 3, keepDays: 1, limit: 2 })).toBe(1);
    expect((await report({ from: at, to: at + 10 })).total).toBe(1);
  });

  it("stays for the newest days that have any, start after start with a clock that is far ahead", async () => {
    const first = NOON + 500 * DAY_MS;
    await record(...[0, 0, 2, 5, 6, 6].map((days) => entry({ at: first + days * DAY_MS })));
    const startAt = async (at: number) => {
      await shared.database.store.usage.prune({ before: at - 4 * DAY_MS, keepDays: 4, limit: 1_000 });
      await record(entry({ at }));
      return (await report({ from: first, to: at })).byDay.map(({ count }) => count);
    };
    expect(await startAt(first + 100 * DAY_MS)).toEqual([2, 1, 1, 2]);
    expect(await startAt(first + 200 * DAY_MS)).toEqual([1, 1, 2, 1]);
  });
});

describe("the usage log", () => {
  interface Rig {
    readonly log: UsageLog;
    readonly clock: ManualClock;
    readonly degradation: { state: DegradationState };
    readonly batches: (readonly { readonly command: string }[])[];
    readonly prunedBefore: number[];
    fails: boolean;
  }
  function createRig(): Rig {
    const clock = new ManualClock();
    const degradation: Rig["degradation"] = { state: { kind: "normal" } };
    const rig = {
      clock,
      degradation,
      batches: [] as Rig["batches"][number][],
      prunedBefore: [] as number[],
      fails: false,
    };
    const log = new UsageLog({
      store: {
        usage: {
          async record({ entries }) {
            if (rig.fails) throw new MusterError("QUEUE_FULL", "save the write: too many wait");
            rig.batches.push(entries);
          },
          async prune({ before, limit }) {
            rig.prunedBefore.push(before);
            return rig.prunedBefore.length < 3 ? limit : 0;
          },
        },
      },
      ...{ degradation, retentionDays: () => 30, clock, logger: silentLogger },
    });
    return Object.assign(rig, { log });
  }
  const note = (rig: Rig, count = 1): void => {
    for (let index = 0; index < count; index++)
      rig.log.record({ guildId: "1", command: "mine", at: rig.clock.now(), durationMs: 1, outcome: "answered" });
  };
  const sizes = ({ batches }: Rig): number[] => batches.map(({ length }) => length);

  it("writes what some seconds bring in one go", async () => {
    const rig = createRig();
    note(rig, 3);
    rig.clock.advance(4_000);
    note(rig);
    expect(sizes(rig)).toEqual([]);
    rig.clock.advance(1_000);
    await rig.log.flush();
    expect(sizes(rig)).toEqual([4]);
    note(rig, 1_200);
    await rig.log.stop();
    expect(sizes(rig)).toEqual([4, 500, 500, 200]);
  });

  it("keeps it while the database is away, up to a bound, and gives it to the queue at a stop", async () => {
    const rig = createRig();
    rig.degradation.state = {
      kind: "offline",
      since: 0,
      reason: new MusterError("DATABASE_UNAVAILABLE", "find it: gone"),
    };
    note(rig, 10_010);
    rig.clock.advance(60_000);
    await Promise.resolve();
    expect(sizes(rig)).toEqual([]);
    await rig.log.stop();
    expect(sizes(rig).reduce((total, size) => total + size, 0)).toBe(10_000);
  });

  it("tries again what could not be written", async () => {
    const rig = createRig();
    rig.fails = true;
    note(rig, 2);
    await rig.log.flush();
    expect(sizes(rig)).toEqual([]);
    rig.fails = false;
    rig.clock.advance(5_000);
    await rig.log.flush();
    expect(sizes(rig)).toEqual([2]);
  });

  it("deletes what is older than the retention, each day, until nothing is left", async () => {
    const rig = createRig();
    rig.log.start();
    await rig.log.prune();
    expect(new Set(rig.prunedBefore)).toEqual(new Set([rig.clock.now() - 30 * DAY_MS]));
    expect(rig.prunedBefore.length).toBeGreaterThanOrEqual(3);
    await rig.log.stop();
  });
});
