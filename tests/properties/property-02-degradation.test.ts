import { mkdirSync, renameSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { silentLogger } from "../../src/core/logger.ts";
import { collectCallNotes } from "../../src/database/call-notes.ts";
import { backoffDelayMs, type RetryConfig } from "../../src/resilience/backoff.ts";
import { OperationQueue } from "../../src/resilience/operation-queue.ts";
import { RecoveryLog, type RecoveryAction } from "../../src/resilience/recovery-log.ts";
import {
  CONNECTION_TIMEOUT_MS,
  createCounterDatabase,
  until,
  withFolder,
  withRawConnection,
} from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { SABOTAGE } from "./database-losses.ts";

const SLOW_PROBE_MS = 30_000;
/** Real milliseconds: no call may hang on a database that is known to be away. */
const ANSWER_LIMIT_MS = 1_000;

/** Causes that last. A newer schema is nothing that trying again could mend: one look at it is enough. */
const CAUSES = {
  "a folder at its path": {
    begin(path: string): void {
      renameSync(path, `${path}.away`);
      mkdirSync(path);
    },
    end(path: string): void {
      rmdirSync(path);
      renameSync(`${path}.away`, path);
    },
    triesOf: ({ maxAttempts }: RetryConfig) => maxAttempts,
    code: "DATABASE_UNAVAILABLE",
  },
  "a newer schema": {
    begin: (path: string) =>
      withRawConnection(path, (raw) => {
        raw.exec("INSERT INTO schema_version SELECT 99, 'later', checksum, 0, 0 FROM schema_version WHERE version = 1");
      }),
    end: (path: string) =>
      withRawConnection(path, (raw) => void raw.exec("DELETE FROM schema_version WHERE version = 99")),
    triesOf: () => 1,
    code: "SCHEMA_NEWER",
  },
} as const;
type Cause = keyof typeof CAUSES;

const scenario = fc.record({
  // Every try starts a thread: many of them come less often.
  maxAttempts: fc.oneof(
    { weight: 9, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 5 }) },
  ),
  baseDelay: fc.integer({ min: 0, max: 400 }),
  maxDelay: fc.integer({ min: 0, max: 2_000 }),
  backoffMultiplier: fc.double({ min: 1, max: 4, noNaN: true }),
  jitter: fc.double({ min: 0, max: 0.999, noNaN: true }),
  // One needs a single try, the other as many as there are: it comes less often, for the same reason.
  cause: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Cause>("a newer schema") },
    { weight: 1, arbitrary: fc.constant<Cause>("a folder at its path") },
  ),
  queuedWrites: fc.integer({ min: 1, max: 3 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

async function answeredInTime<Result>(call: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  try {
    return await call();
  } finally {
    expect(performance.now() - startedAt).toBeLessThan(ANSWER_LIMIT_MS);
  }
}

describe("Feature: database-reliability, Property 2: when all attempts are used up, service degrades and later returns", () => {
  it("after exactly as many tries as configured, with every call answered as its operation says, for any configuration", async () => {
    await withFolder(async (folder) => {
      const clock = new ManualClock();
      const recovery = new RecoveryLog({ clock, logger: silentLogger, capacity: 50 });
      let tries: RecoveryAction[] = [];
      recovery.onAction((action) => {
        if (action.action === "restart-writer" && action.outcome !== "running") tries.push(action);
      });
      let logged: string[] = [];
      let config: RetryConfig = { maxAttempts: 1, baseDelay: 0, maxDelay: 0, backoffMultiplier: 1 };
      let jitter = 0;
      const database = createCounterDatabase({
        ...{ folder, clock, readerCount: 1 },
        engine: {
          recovery,
          retry: () => config,
          random: () => jitter,
          logger: { ...silentLogger, error: (message) => void logged.push(message) },
        },
        manager: {
          cacheCapacity: () => 100,
          createQueue: (apply) =>
            new OperationQueue({
              ...{ folder: join(folder, "spool"), clock, logger: silentLogger, apply },
              maxRetries: () => 3,
            }),
        },
      });
      const { manager, engine, degradation, path } = database;
      await manager.start();
      await manager.call("counter.add", { name: "total", amount: 0 });

      const get = (name: string) => collectCallNotes(() => manager.call("counter.get", { name }));
      const add = () => collectCallNotes(() => manager.call("counter.add", { name: "total", amount: 1 }));
      let total = 0;

      const check = async ({ cause: kind, queuedWrites, jitter: luck, ...retry }: Scenario): Promise<void> => {
        const cause = CAUSES[kind];
        [config, jitter, tries, logged] = [retry, luck, [], []];
        await add();
        total++;
        expect((await get("total")).result).toBe(total);

        cause.begin(path);
        const lostAt = clock.now();
        await engine.connections.reconnect(SABOTAGE);
        let expectedWaitMs = 0;
        for (let attempt = 1; attempt <= cause.triesOf(config); attempt++) {
          expect(engine.status().state).toMatchObject({ kind: "recovering", attempt });
          const delayMs = backoffDelayMs(attempt, config, () => jitter);
          // Not before its time.
          if (delayMs > 0) clock.advance(delayMs - 1);
          expect(tries).toHaveLength(attempt - 1);
          clock.advance(delayMs > 0 ? 1 : 0);
          expectedWaitMs += delayMs;
          await until(() => tries.length === attempt);
          await new Promise(setImmediate);
        }
        expect(tries.map(({ attempt, outcome }) => ({ attempt, outcome }))).toEqual(
          Array.from({ length: cause.triesOf(config) }, (_, index) => ({ attempt: index + 1, outcome: "failed" })),
        );
        expect(clock.now() - lostAt).toBe(expectedWaitMs);
        expect(engine.status().state).toMatchObject({ kind: "offline", cause: { code: cause.code } });
        expect(degradation.state.kind).toBe("offline");
        expect(logged.filter((message) => message === "database is offline")).toHaveLength(1);

        // A read gives the last known answer, or says that there is none; a write waits, or is refused.
        const read = await answeredInTime(() => get("total"));
        expect(read).toMatchObject({ result: total, notes: { oldestReadAt: expect.any(Number) as number } });
        await answeredInTime(() =>
          expect(get(`unread ${total}`)).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" }),
        );
        for (let count = 0; count < queuedWrites; count++) {
          const saved = await answeredInTime(add);
          expect(saved).toMatchObject({ result: undefined, notes: { hasQueuedWrite: true } });
        }
        const transfer = { from: "total", to: "total", amount: 1 };
        await answeredInTime(() =>
          expect(manager.call("counter.transfer", transfer)).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" }),
        );
        expect(manager.health()).toMatchObject({ isConnected: false, queue: { size: queuedWrites } });
        // The attempts are over; what goes on is slow.
        expect(clock.delaysMs.filter((delayMs) => delayMs > 1_000)).toEqual([SLOW_PROBE_MS]);

        cause.end(path);
        clock.advance(SLOW_PROBE_MS - 1);
        expect(engine.status().state.kind).toBe("offline");
        clock.advance(1);
        await until(() => engine.connections.isHealthy() && manager.health().queue.size === 0);
        expect(degradation.state.kind).toBe("normal");
        total += queuedWrites;
        expect(await get("total")).toEqual({
          result: total,
          notes: { hasQueuedWrite: false, oldestReadAt: undefined },
        });
        await until(() => !clock.delaysMs.includes(CONNECTION_TIMEOUT_MS));
      };

      try {
        await fc.assert(fc.asyncProperty(scenario, check), { numRuns: 100, endOnFailure: true });
      } finally {
        await manager.stop();
      }
    });
  }, 180_000);
});
