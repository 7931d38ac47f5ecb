import { systemClock, type Clock } from "../../src/core/clock.ts";
import { MusterError, type ErrorCode } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { DatabaseManager, type DatabaseManagerOptions } from "../../src/database/database-manager.ts";
import type { EngineRequest, StorageEngine } from "../../src/database/engine.ts";
import { ErrorHandler } from "../../src/database/error-handler.ts";
import type { LoggedOperation } from "../../src/database/operation-log.ts";
import { GracefulDegradation } from "../../src/resilience/graceful-degradation.ts";
import { OperationQueue } from "../../src/resilience/operation-queue.ts";
import { errorLike, until, withFolder } from "../helpers/database.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { operations } from "./database-manager-data-module.ts";

/** The order of writes, and what is not known of them, on an engine whose every answer the test decides. */

const TIMEOUT_MS = 2_000;

const fault = (code: ErrorCode): MusterError => new MusterError(code, "use the database: as the test wants it");

class ScriptedEngine implements StorageEngine {
  readonly writes: EngineRequest[] = [];
  /** What the database holds, for reads. */
  value = 0;
  answer: (request: EngineRequest) => Promise<unknown[]> = () => Promise.resolve([null]);

  start = (): Promise<void> => Promise.resolve();
  stop = (): Promise<void> => Promise.resolve();
  reconnect = (): void => undefined;
  statements = (): readonly string[] => [];
  onStateChange = (): (() => void) => () => undefined;
  read = (): Promise<unknown[]> => Promise.resolve([this.value]);

  write(request: EngineRequest): Promise<unknown[]> {
    this.writes.push(request);
    return this.answer(request);
  }

  status(): ReturnType<StorageEngine["status"]> {
    const pool = { size: 0, inUse: 0, idle: 0, waiting: 0 };
    return { state: { kind: "ready", since: 0 }, pool, pendingWrites: 0, restartCount: 0, engineVersion: undefined };
  }
}

/** One whose disk has no room. */
class FullQueue extends OperationQueue {
  constructor() {
    const apply = (): Promise<never> => Promise.reject(new Error("nothing waits"));
    super({ folder: "/nowhere", clock: systemClock, logger: silentLogger, maxRetries: () => 3, apply });
  }

  override open = (): Promise<void> => Promise.resolve();
  override enqueue = (): Promise<never> => Promise.reject(fault("QUEUE_WRITE_FAILED"));
}

interface Rig {
  readonly engine: ScriptedEngine;
  readonly manager: DatabaseManager;
  readonly degradation: GracefulDegradation;
  readonly logged: LoggedOperation[];
  /** The counters that were asked for, in the order in which the engine was. */
  readonly asked: () => string[];
}

async function withRig(
  clock: Clock,
  body: (rig: Rig) => Promise<void>,
  options: Partial<DatabaseManagerOptions> = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const engine = new ScriptedEngine();
    const degradation = new GracefulDegradation();
    const logged: LoggedOperation[] = [];
    const manager = new DatabaseManager({
      ...{ engine, operations, degradation, clock, logger: silentLogger },
      errors: new ErrorHandler({ clock, logger: silentLogger, isDebug: () => false }),
      log: { record: (operation) => void logged.push(operation) },
      retry: () => ({ maxAttempts: 5, baseDelay: 100, maxDelay: 400, backoffMultiplier: 2 }),
      operationTimeoutMs: () => TIMEOUT_MS,
      breaker: { threshold: () => 1_000, resetMs: () => 30_000 },
      cacheCapacity: () => 100,
      createQueue: (apply) =>
        new OperationQueue({ folder, clock: systemClock, logger: silentLogger, maxRetries: () => 3, apply }),
      ...options,
    });
    const asked = (): string[] =>
      engine.writes.flatMap(({ steps }) => steps.map(({ input }) => (input as { name: string }).name));
    try {
      await manager.start();
      await body({ engine, manager, degradation, logged, asked });
    } finally {
      await manager.stop();
    }
  });
}

const add = ({ manager }: Rig, name: string): Promise<unknown> => manager.call("counter.add", { name, amount: 1 });

/** Lets everything go on that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
}

/** Has the clock go on until the promise is settled. */
async function advanceUntil<Result>(clock: ManualClock, promise: Promise<Result>): Promise<Result> {
  let isSettled = false;
  const settled = (): void => void (isSettled = true);
  promise.then(settled, settled);
  await until(() => {
    clock.advance(10);
    return isSettled;
  });
  return promise;
}

const NAMES = Array.from({ length: 12 }, (_, index) => `counter ${index}`);

describe("the way of a write", () => {
  it("tries writes again in the order in which they were asked for, whatever their pauses", async () => {
    const clock = new ManualClock();
    await withRig(clock, async (rig) => {
      const { engine, asked } = rig;
      engine.answer = ({ mayBeApplied }) =>
        mayBeApplied ? Promise.resolve([1]) : Promise.reject(fault("DATABASE_UNAVAILABLE"));
      const added = Promise.all(NAMES.map((name) => add(rig, name)));
      await settle();
      expect(asked()).toEqual(NAMES);
      expect(await advanceUntil(clock, added)).toEqual(NAMES.map(() => 1));
      expect(asked()).toEqual([...NAMES, ...NAMES]);
    });
  });

  it("has a new write wait for an older one that is being tried again", async () => {
    const clock = new ManualClock();
    await withRig(clock, async (rig) => {
      const { engine, asked } = rig;
      let isBack = false;
      engine.answer = () => (isBack ? Promise.resolve([1]) : Promise.reject(fault("DATABASE_UNAVAILABLE")));
      const first = add(rig, "first");
      await settle();
      isBack = true;
      const second = add(rig, "second");
      await settle();
      expect(asked()).toEqual(["first"]);
      expect(await advanceUntil(clock, Promise.all([first, second]))).toEqual([1, 1]);
      expect(asked()).toEqual(["first", "first", "second"]);
    });
  });

  it("sends what comes after a write that had to be saved to the queue behind it", async () => {
    const clock = new ManualClock();
    await withRig(clock, async (rig) => {
      const { engine, manager, asked } = rig;
      engine.answer = () => Promise.reject(fault("DATABASE_UNAVAILABLE"));
      const writes = [add(rig, "first"), add(rig, "second")];
      await settle();
      writes.push(add(rig, "third"));
      expect(await advanceUntil(clock, Promise.all(writes))).toEqual([undefined, undefined, undefined]);
      engine.writes.length = 0;
      engine.answer = () => Promise.resolve([1]);
      await until(() => {
        clock.advance(100);
        return manager.health().queue.size === 0;
      });
      expect(asked()).toEqual(["first", "second", "third"]);
      expect(engine.writes.every(({ mayBeApplied, steps }) => mayBeApplied || steps.length === 0)).toBe(true);
      const replays = rig.logged.slice(-3).map(({ outcome, attempts }) => ({ outcome, attempts }));
      expect(replays).toEqual(Array.from({ length: 3 }, () => ({ outcome: "ok", attempts: 1 })));
    });
  });

  it("saves no write before an older one that is still on its way, which may have to be saved as well", async () => {
    const clock = new ManualClock();
    await withRig(clock, async (rig) => {
      const { engine, manager, asked } = rig;
      const onItsWay = Promise.withResolvers<unknown[]>();
      engine.answer = ({ steps }) =>
        (steps[0]?.input as { name: string } | undefined)?.name === "second"
          ? onItsWay.promise
          : Promise.reject(fault("DATABASE_FULL"));
      const first = add(rig, "first");
      const second = add(rig, "second");
      expect(await advanceUntil(clock, first)).toBeUndefined();
      // The queue holds something, so these go there at once, but for the one before them.
      const later = [add(rig, "third"), add(rig, "fourth")];
      await settle();
      expect(manager.health().queue.size).toBe(1);
      onItsWay.reject(fault("DATABASE_FULL"));
      expect(await advanceUntil(clock, Promise.all([second, ...later]))).toEqual([undefined, undefined, undefined]);
      engine.writes.length = 0;
      engine.answer = () => Promise.resolve([1]);
      await until(() => {
        clock.advance(100);
        return manager.health().queue.size === 0;
      });
      expect(asked()).toEqual(["first", "second", "third", "fourth"]);
    });
  });

  it("says of a write that may have been applied, whatever fails after that, that nobody knows", async () => {
    const clock = new ManualClock();
    const full = {
      createQueue: (): OperationQueue => new FullQueue(),
    };
    await withRig(
      clock,
      async (rig) => {
        // Lost on its way first, and then certainly not applied.
        const codes: ErrorCode[] = ["DATABASE_IO", "DATABASE_FULL"];
        rig.engine.answer = () => Promise.reject(fault(codes.shift() ?? "DATABASE_FULL"));
        const unknown = errorLike({ details: { isOutcomeUnknown: true } });
        await expect(advanceUntil(clock, add(rig, "lost"))).rejects.toEqual(unknown);
        // Refused from the first, so certainly not applied.
        const refused = await add(rig, "refused").catch((error: unknown) => error);
        expect(refused).toMatchObject({ code: "QUEUE_WRITE_FAILED", details: undefined });
      },
      full,
    );
  });

  it("does not try a write again that one before it would then have to follow", async () => {
    const clock = new ManualClock();
    await withRig(clock, async (rig) => {
      const { engine, manager, asked } = rig;
      engine.answer = ({ steps, mayBeApplied }) => {
        const isFirst = steps.length === 0 || (steps[0]!.input as { name: string }).name === "first";
        if (isFirst) return Promise.reject(fault("DATABASE_FULL"));
        return mayBeApplied ? Promise.resolve([1]) : Promise.reject(fault("DATABASE_UNAVAILABLE"));
      };
      const writes = Promise.all([add(rig, "first"), add(rig, "second")]);
      expect(await advanceUntil(clock, writes)).toEqual([undefined, undefined]);
      expect(asked()).toEqual(["first", "second"]);
      expect(manager.health().queue.size).toBe(2);
    });
  });

  it("trusts no cached answer while a write may yet be applied, and does again when a later write was", async () => {
    const clock = new ManualClock();
    await withRig(clock, async ({ engine, manager }) => {
      const get = (): Promise<unknown> => manager.call("counter.get", { name: "a" });
      engine.answer = () => Promise.reject(fault("OPERATION_TIMEOUT"));
      const lost = manager.call("counter.transfer", { from: "b", to: "a", amount: 1 });
      let settledCount = 0;
      manager.onSettled(() => settledCount++);
      await expect(advanceUntil(clock, lost)).rejects.toMatchObject({ code: "OPERATION_TIMEOUT" });
      expect(manager.isSettled).toBe(false);
      expect(await get()).toBe(0);
      // The thread that was given up has applied it after all.
      engine.value = 1;
      expect(await get()).toBe(1);
      engine.answer = () => Promise.resolve([]);
      // Nobody writes: the next round finds out by itself.
      engine.writes.length = 0;
      await until(() => {
        clock.advance(100);
        return engine.writes.length > 0;
      });
      await settle();
      expect([settledCount, manager.isSettled]).toEqual([1, true]);
      engine.value = 2;
      expect([await get(), await get()]).toEqual([2, 2]);
      expect(manager.health().cache.hitCount).toBe(1);
    });
  });

  it("counts what waits in vain for the breaker, so that a database which takes no writes is known to be away", async () => {
    const clock = new ManualClock();
    const breaker = { threshold: () => 3, resetMs: () => 30_000 };
    const retry = () => ({ maxAttempts: 1, baseDelay: 100, maxDelay: 400, backoffMultiplier: 2 });
    await withRig(
      clock,
      async (rig) => {
        rig.engine.answer = () => Promise.reject(fault("DATABASE_BUSY"));
        expect(await add(rig, "a")).toBeUndefined();
        await until(() => {
          clock.advance(500);
          return rig.degradation.state.kind === "offline";
        });
        expect(rig.engine.writes.length).toBeGreaterThanOrEqual(3);
        rig.engine.answer = () => Promise.resolve([1]);
        await until(() => {
          clock.advance(500);
          return rig.manager.health().queue.size === 0;
        });
        expect(rig.degradation.state.kind).toBe("normal");
      },
      { breaker, retry },
    );
  });

  it("gives no attempt more time than the call has, also when the clock on the wall is set back", async () => {
    const clock = new ManualClock();
    let setBackMs = 0;
    const wall: Clock = {
      now: () => clock.now() - setBackMs,
      monotonic: () => clock.monotonic(),
      schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
    };
    await withRig(wall, async (rig) => {
      const { engine } = rig;
      engine.answer = ({ mayBeApplied }) =>
        mayBeApplied ? Promise.resolve([1]) : Promise.reject(fault("DATABASE_UNAVAILABLE"));
      const added = add(rig, "a");
      await settle();
      setBackMs = 3_600_000;
      expect(await advanceUntil(clock, added)).toBe(1);
      const [first, second] = engine.writes.map(({ timeoutMs }) => timeoutMs);
      expect(first).toBe(TIMEOUT_MS);
      expect(second).toBeLessThanOrEqual(TIMEOUT_MS - 50);
      expect(second).toBeGreaterThan(TIMEOUT_MS - 200);
    });
  });
});
