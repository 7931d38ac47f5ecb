import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { systemClock } from "../../src/core/clock.ts";
import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { collectCallNotes } from "../../src/database/call-notes.ts";
import { OperationQueue } from "../../src/resilience/operation-queue.ts";
import { until, withFolder, type TestDatabase } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { withProbeDatabase, type ProbeDatabase } from "./database-manager-database.ts";

const SABOTAGE = new MusterError("DATABASE_UNAVAILABLE", "use the database: a test has ended the thread");
const RECONNECT_MS = 5_000;
/** What waits from a trouble is looked after so many times as often. */
const SPEED = 5;

type Manager = TestDatabase["manager"];
const add = (manager: Manager, name: string, amount = 1): Promise<unknown> =>
  manager.call("counter.add", { name, amount });
const get = (manager: Manager, name: string): Promise<unknown> => manager.call("counter.get", { name });
const isDrained = (manager: Manager) => () => manager.health().queue.size === 0;

async function ledgerAmounts(manager: Manager): Promise<number[]> {
  return ((await manager.call("counter.listLedger", {})) as { amount: number }[]).map(({ amount }) => amount);
}

interface Absence {
  readonly database: ProbeDatabase;
  readonly clock: ManualClock;
  readonly goAway: () => Promise<void>;
  readonly comeBack: () => Promise<void>;
}

/** A database whose writer, once ended, comes back only when the clock is told to go on. */
async function withAbsence(body: (absence: Absence) => Promise<void>, manager = {}): Promise<void> {
  const clock = new ManualClock(Date.now());
  const retry = () => ({ maxAttempts: 5, baseDelay: RECONNECT_MS, maxDelay: RECONNECT_MS, backoffMultiplier: 2 });
  await withProbeDatabase({ clock, engine: { retry, random: () => 0.99 }, manager }, async (database) => {
    const { engine, degradation } = database;
    await body({
      database,
      clock,
      async goAway() {
        await engine.connections.reconnect(SABOTAGE);
        expect(degradation.state.kind).toBe("offline");
      },
      async comeBack() {
        clock.advance(RECONNECT_MS);
        await until(() => degradation.state.kind === "normal");
      },
    });
  });
}

/** Another program that holds the write lock. */
function holdWriteLock(path: string): () => void {
  const other = new Database(path);
  other.exec("BEGIN IMMEDIATE");
  return () => other.close();
}

describe("DatabaseManager", () => {
  it("answers from the cache until a write touches what was read", async () => {
    await withProbeDatabase({}, async ({ manager, logged }) => {
      await add(manager, "a", 5);
      expect([await get(manager, "a"), await get(manager, "a")]).toEqual([5, 5]);
      expect(manager.health().cache).toEqual({ size: 1, hitCount: 1, missCount: 1 });
      expect(logged.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "cached"]);
      expect(manager.health().queryCount).toBe(2);
      await add(manager, "b");
      expect(await get(manager, "a")).toBe(5);
      expect(manager.health().cache.hitCount).toBe(2);
      await manager.batch([{ name: "counter.add", input: { name: "a", amount: 1 } }]);
      expect(await get(manager, "a")).toBe(6);
    });
  });

  it("gives the last known answer, and notes its age, while the database is away", async () => {
    await withAbsence(async ({ database: { manager, engine }, clock, goAway, comeBack }) => {
      await add(manager, "a");
      const readAt = clock.now();
      await get(manager, "a");
      // Without a reader a read needs the writer that is away.
      await goAway();
      await Promise.all(engine.connections.readers.map((reader) => reader.terminate(SABOTAGE)));
      clock.advance(1_000);
      const away = await collectCallNotes(() => get(manager, "a"));
      expect(away).toEqual({ result: 1, notes: { hasQueuedWrite: false, oldestReadAt: readAt } });
      await expect(get(manager, "unknown")).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
      await comeBack();
      const back = await collectCallNotes(() => get(manager, "a"));
      expect(back).toEqual({ result: 1, notes: { hasQueuedWrite: false, oldestReadAt: undefined } });
    });
  });

  it("saves a write while the database is away, says so, and applies what waits in its order", async () => {
    await withAbsence(async ({ database: { manager, degradation }, goAway, comeBack }) => {
      await goAway();
      /** What can be read when nothing waits any more. */
      const settled: Promise<unknown>[] = [];
      const stop = manager.onSettled(() => settled.push(get(manager, "a")));
      expect(manager.isSettled).toBe(true);
      const { result, notes } = await collectCallNotes(() => add(manager, "a", 1));
      expect({ result, notes }).toEqual({
        result: undefined,
        notes: { hasQueuedWrite: true, oldestReadAt: undefined },
      });
      await add(manager, "a", 2);
      expect(manager.health().queue.size).toBe(2);
      expect(manager.isSettled).toBe(false);
      // The database is back, the queue is not empty yet: what comes now waits behind it.
      let isQueued = false;
      degradation.onChange(({ kind }) => {
        if (kind !== "normal") return;
        void collectCallNotes(() => add(manager, "a", 3)).then(({ notes }) => (isQueued = notes.hasQueuedWrite));
      });
      await comeBack();
      await until(isDrained(manager));
      expect(isQueued).toBe(true);
      await until(() => settled.length > 0);
      expect(await Promise.all(settled)).toEqual([6]);
      stop();
      expect(await ledgerAmounts(manager)).toEqual([1, 2, 3]);
      expect(await add(manager, "a", 4)).toBe(10);
    });
  });

  it("refuses at once what cannot wait, while the database is away", async () => {
    await withAbsence(async ({ database: { manager }, goAway }) => {
      await add(manager, "a");
      await goAway();
      // The clock stands still: whatever waited for it would wait for ever.
      const refused = manager.call("counter.transfer", { from: "a", to: "a", amount: 1 });
      await expect(refused).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
      const mixed = manager.batch([
        { name: "counter.add", input: { name: "a", amount: 1 } },
        { name: "counter.get", input: { name: "a" } },
      ]);
      await expect(mixed).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
      expect(manager.health().queue.size).toBe(0);
    });
  });

  it("counts once, and rejects, a write that the queue does not take", async () => {
    await withFolder(async (folder) => {
      const createQueue = (apply: ConstructorParameters<typeof OperationQueue>[0]["apply"]): OperationQueue =>
        new OperationQueue({
          ...{ folder, apply, clock: systemClock, logger: silentLogger },
          ...{ maxEntries: () => 1, maxRetries: () => 3 },
        });
      await withAbsence(
        async ({ database: { manager, logged }, goAway }) => {
          await goAway();
          await add(manager, "a");
          await expect(add(manager, "a")).rejects.toMatchObject({ code: "QUEUE_FULL" });
          expect(logged.map(({ outcome, code }) => [outcome, code])).toEqual([
            ["queued", "DATABASE_UNAVAILABLE"],
            ["refused", "QUEUE_FULL"],
          ]);
        },
        { createQueue },
      );
    });
  });

  it("applies a write exactly once when its thread was ended while it may have been under way", async () => {
    await withProbeDatabase({ speed: SPEED }, async ({ manager, engine }) => {
      const roundCount = 4;
      for (let round = 0; round < roundCount; round++) {
        const writing = add(manager, "a", 1);
        await pause(round % 4);
        await engine.connections.reconnect(SABOTAGE);
        await writing;
        await until(() => engine.connections.isHealthy() && manager.health().queue.size === 0);
      }
      expect(await ledgerAmounts(manager)).toEqual(Array.from({ length: roundCount }, () => 1));
      expect(await get(manager, "a")).toBe(roundCount);
    });
  });

  it("gives up on a thread that hangs, with the main thread free meanwhile, and applies what waits afterwards", async () => {
    await withProbeDatabase({ operationTimeoutMs: 200 }, async ({ manager, degradation }) => {
      const startedAt = performance.now();
      let turnCount = 0;
      const turns = setInterval(() => turnCount++, 10);
      const refused = manager.call("probe.hangRefused", { durationMs: 2_500 });
      await expect(refused).rejects.toMatchObject({ code: "OPERATION_TIMEOUT" });
      clearInterval(turns);
      expect(performance.now() - startedAt).toBeLessThan(2_400);
      expect(turnCount).toBeGreaterThan(5);
      expect(await add(manager, "a")).toBeUndefined();
      // One fault does not make the database count as away: nothing changes that would tell the queue to begin.
      expect(degradation.state.kind).toBe("normal");
      await until(isDrained(manager));
      expect(await get(manager, "a")).toBe(1);
    });
  });

  it("opens its breaker after five faults, and a probe closes it when the cause is gone", async () => {
    const breaker = { threshold: () => 5, resetMs: () => 60_000 };
    await withProbeDatabase(
      { operationTimeoutMs: 20, manager: { breaker } },
      async ({ manager, path, degradation }) => {
        const transfer = (): Promise<unknown> => manager.call("counter.transfer", { from: "a", to: "a", amount: 0 });
        await expect(transfer()).rejects.toMatchObject({ code: "NOT_FOUND" });
        const release = holdWriteLock(path);
        for (let fault = 1; fault <= 5; fault++) {
          expect(manager.health().breaker).toEqual({ kind: "closed", consecutiveFailures: fault - 1 });
          await expect(transfer()).rejects.toMatchObject({ code: "DATABASE_BUSY" });
        }
        expect(manager.health().breaker.kind).toBe("open");
        expect(degradation.state.kind).toBe("offline");
        await expect(transfer()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
        release();
        await until(() => degradation.state.kind === "normal");
        expect(manager.health().breaker).toEqual({ kind: "closed", consecutiveFailures: 0 });
        await expect(transfer()).rejects.toMatchObject({ code: "NOT_FOUND" });
      },
    );
  });
});
