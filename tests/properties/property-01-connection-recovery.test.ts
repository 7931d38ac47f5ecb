import { join } from "node:path";
import fc from "fast-check";
import { isMusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { collectCallNotes } from "../../src/database/call-notes.ts";
import type { RetryConfig } from "../../src/resilience/backoff.ts";
import { OperationQueue } from "../../src/resilience/operation-queue.ts";
import { RecoveryLog } from "../../src/resilience/recovery-log.ts";
import { createCounterDatabase, until, withFolder, withRawConnection, type TestDatabase } from "../helpers/database.ts";
import { DatabaseLosses, FILE_LOSSES, PASSING_LOSSES, THREAD_LOSSES, type Loss } from "./database-losses.ts";
import { createFastClock } from "./fast-clock.ts";

/** The intervals that look for lost files and try whether service is back come round ten times as often. */
const SPEED = 10;
const RECONNECT: RetryConfig = { maxAttempts: 30, baseDelay: 40, maxDelay: 400, backoffMultiplier: 2 };

/** Losses that cost new threads come less often: starting one takes longer than all else. */
const loss: fc.Arbitrary<Loss> = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom<Loss>("foreign lock") },
  { weight: 2, arbitrary: fc.constantFrom<Loss>("writer ends", "readers end") },
  { weight: 1, arbitrary: fc.constantFrom<Loss>("all threads end", "file out of reach", ...FILE_LOSSES) },
);

const step = fc.record({
  loss,
  writesBefore: fc.nat({ max: 6 }),
  writesDuring: fc.nat({ max: 6 }),
  writesAfter: fc.nat({ max: 3 }),
  /** Real milliseconds from the loss to the writes that meet it, and on to its end. */
  delaysMs: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 10 })),
});

/** The database is the same in all runs: each goes on with what the losses of those before have left. */
const scenario = fc.record({
  steps: fc.oneof(
    { weight: 5, arbitrary: fc.tuple(step) },
    { weight: 1, arbitrary: fc.array(step, { minLength: 2, maxLength: 3 }) },
  ),
  /** Of each call: with one try a write that meets a loss is queued, with several it may come through. */
  callAttempts: fc.integer({ min: 1, max: 4 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

/** `promised`: acknowledged or queued, so it must be there once; `unknown`: it may be, but not twice. */
type WriteOutcome = "promised" | "unknown";

interface Backoff {
  readonly attempt: number;
  readonly waitedMs: number;
}

const pause = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs));

describe("Feature: database-reliability, Property 1: the connection recovers from any loss, by itself", () => {
  it("keeps every acknowledged write exactly once, and no other twice, for any sequence of losses and writes", async () => {
    await withFolder(async (folder) => {
      const clock = createFastClock(SPEED);
      const recovery = new RecoveryLog({ clock, logger: silentLogger });
      let callAttempts = 1;
      const database = createCounterDatabase({
        ...{ folder, clock, readerCount: 1, operationTimeoutMs: 30_000 },
        engine: { recovery, retry: () => RECONNECT, connectionTimeoutMs: () => 20_000 * SPEED },
        manager: {
          retry: () => ({ maxAttempts: callAttempts, baseDelay: 20, maxDelay: 200, backoffMultiplier: 2 }),
          createQueue: (apply) =>
            new OperationQueue({
              ...{ folder: join(folder, "spool"), clock, logger: silentLogger, apply },
              maxRetries: () => 3,
            }),
        },
      });
      const { manager } = database;
      await manager.start();
      const losses = new DatabaseLosses({ ...database, recovery });
      const backoffs = recordBackoffs(database, recovery);
      const outcomes = new Map<number, WriteOutcome>();
      const seen = new Set<Loss>();

      /** Every write has an amount of its own, by which it is told apart in the ledger. */
      let lastAmount = 0;
      const write = async (): Promise<void> => {
        const amount = ++lastAmount;
        try {
          const { result, notes } = await collectCallNotes(() =>
            manager.call("counter.add", { name: "total", amount }),
          );
          expect(result === undefined).toBe(notes.hasQueuedWrite);
          outcomes.set(amount, "promised");
        } catch (error) {
          expect(isMusterError(error)).toBe(true);
          outcomes.set(amount, "unknown");
        }
      };
      const writeMany = (count: number): Promise<void>[] => Array.from({ length: count }, write);

      const check = async ({ steps, callAttempts: attempts }: Scenario): Promise<void> => {
        callAttempts = attempts;
        for (const { loss, writesBefore, writesDuring, writesAfter, delaysMs } of steps) {
          seen.add(loss);
          const writing = writeMany(writesBefore);
          losses.begin(loss);
          await pause(delaysMs[0]);
          writing.push(...writeMany(writesDuring));
          await pause(delaysMs[1]);
          writing.push(...writeMany(writesAfter));
          await losses.end();
          await Promise.all(writing);
        }
        await until(() => manager.health().queue.size === 0, 5_000);
        expectLedger((await manager.call("counter.listLedger", {})) as LedgerEntry[], outcomes);
        for (const { attempt, waitedMs } of backoffs.splice(0)) {
          const fullMs = Math.min(
            RECONNECT.baseDelay * RECONNECT.backoffMultiplier ** (attempt - 1),
            RECONNECT.maxDelay,
          );
          // Node's timers may fire a millisecond early, which is ten on this clock.
          expect(waitedMs).toBeGreaterThanOrEqual(fullMs / 2 - 1.5 * SPEED);
        }
      };

      try {
        const ALL_LOSSES = [...THREAD_LOSSES, ...FILE_LOSSES, ...PASSING_LOSSES];
        // Each kind once for certain; chance does the rest.
        const examples = ALL_LOSSES.map((loss): [Scenario] => [
          { steps: [{ loss, writesBefore: 2, writesDuring: 2, writesAfter: 2, delaysMs: [5, 5] }], callAttempts: 5 },
        ]);
        await fc.assert(fc.asyncProperty(scenario, check), { numRuns: 100, endOnFailure: true, examples });
      } finally {
        await manager.stop();
      }
      expect([...seen].sort()).toEqual([...THREAD_LOSSES, ...FILE_LOSSES, ...PASSING_LOSSES].sort());
      // What counts is what another process finds on the disk.
      withRawConnection(database.path, (raw) => {
        const ledger = raw.prepare("SELECT amount FROM ledger").all() as LedgerEntry[];
        expectLedger(ledger, outcomes);
        const total = ledger.reduce((sum, { amount }) => sum + amount, 0);
        expect(raw.prepare("SELECT value FROM counter").pluck().get()).toBe(total);
        expect(raw.pragma("integrity_check", { simple: true })).toBe("ok");
      });
    });
  }, 180_000);
});

interface LedgerEntry {
  readonly amount: number;
}

function expectLedger(ledger: readonly LedgerEntry[], outcomes: ReadonlyMap<number, WriteOutcome>): void {
  const amounts = ledger.map(({ amount }) => amount);
  const present = new Set(amounts);
  expect(amounts).toHaveLength(present.size);
  const missing = [...outcomes].filter(([amount, outcome]) => outcome === "promised" && !present.has(amount));
  expect(missing).toEqual([]);
  expect(amounts.filter((amount) => !outcomes.has(amount))).toEqual([]);
}

/** How long the engine waited before each try to start another writer. */
function recordBackoffs({ engine }: TestDatabase, recovery: RecoveryLog): Backoff[] {
  const backoffs: Backoff[] = [];
  let lostAt = 0;
  engine.onStateChange(({ kind }) => {
    if (kind === "recovering") lostAt = performance.now();
  });
  recovery.onAction(({ action, outcome, attempt = 1 }) => {
    if (action !== "restart-writer" || outcome !== "running") return;
    backoffs.push({ attempt, waitedMs: (performance.now() - lostAt) * SPEED });
  });
  return backoffs;
}
