import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MusterError } from "../../../src/core/errors.ts";
import type { EngineRequest, EngineState } from "../../../src/database/engine.ts";
import {
  advanceUntil,
  createCounterDatabase,
  shareCounterDatabase,
  until,
  withCounterDatabase,
  withFolder,
  withRawConnection,
  type TestDatabase,
} from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const SABOTAGE = new MusterError("DATABASE_UNAVAILABLE", "sabotage: the thread is ended");

const requestFor = (index: number): EngineRequest => ({
  operationId: `01J${String(index).padStart(23, "0")}`,
  requestedAt: index,
  mayBeApplied: true,
  timeoutMs: 5_000,
  steps: [{ name: "counter.add", input: { name: "total", amount: 1 } }],
});

function recordStates({ engine, degradation }: TestDatabase): { states: EngineState[]; kinds: string[] } {
  const [states, kinds]: [EngineState[], string[]] = [[], []];
  engine.onStateChange((state) => void states.push(state));
  degradation.onChange((state) => void kinds.push(state.kind));
  return { states, kinds };
}

describe("a lost writer thread", () => {
  const shared = shareCounterDatabase();

  it("comes back by itself, and retries under the same ids apply every write once", async () => {
    const database = shared();
    const { engine, manager } = database;
    const { states, kinds } = recordStates(database);
    const writing = Array.from({ length: 300 }, (_, index) => engine.write(requestFor(index)));
    setTimeout(() => void engine.connections.reconnect(SABOTAGE), 3);
    const outcomes = await Promise.allSettled(writing);
    await until(() => engine.connections.isHealthy());
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    }
    await Promise.all(Array.from({ length: 300 }, (_, index) => engine.write(requestFor(index))));
    expect(await manager.call("counter.get", { name: "total" })).toBe(300);
    expect(states.map(({ kind }) => kind)).toEqual(["recovering", "ready"]);
    // The first restart mends it before anybody is told.
    expect(kinds).toEqual([]);
    expect(engine.status().restartCount).toBe(1);
  });

  it("rejects what it had not answered, and what is asked for until it is back", async () => {
    const { engine, manager } = shared();
    const pending = engine.write(requestFor(1));
    const ended = engine.connections.reconnect(SABOTAGE);
    await expect(pending).rejects.toBe(SABOTAGE);
    expect(engine.status().state).toMatchObject({ kind: "recovering", isLasting: false, cause: SABOTAGE });
    await expect(engine.write(requestFor(2))).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    await expect(manager.call("counter.add", { name: "a", amount: 1 })).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      cause: SABOTAGE,
    });
    await ended;
    await until(() => engine.connections.isHealthy());
    expect(await manager.call("counter.add", { name: "a", amount: 1 })).toBe(1);
  });

  it("leaves nothing of the transaction that it died in", async () => {
    const { engine, manager } = shared();
    await expect(manager.call("counter.crash", { name: "ghost" })).rejects.toMatchObject({
      code: "DATABASE_UNAVAILABLE",
      message: expect.stringContaining("writer thread ended with code 1") as string,
    });
    await until(() => engine.connections.isHealthy());
    expect(await manager.call("counter.get", { name: "ghost" })).toBeNull();
  });

  it("does not grow the pool when a reader is lost with it", async () => {
    const clock = new ManualClock();
    // The reader waits 10 ms for its next try, the writer 5: it comes back first.
    const luck = [1, 0];
    const random = (): number => luck.shift() ?? 0.5;
    await withCounterDatabase({ readerCount: 2, clock, engine: { random } }, async ({ engine, manager }) => {
      await expect(manager.call("counter.crashReader", {})).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
      await engine.connections.reconnect(SABOTAGE);
      clock.advance(6);
      await until(() => engine.connections.isHealthy());
      clock.advance(1_000);
      await until(() => engine.connections.readers.length >= 2);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(engine.connections.readers).toHaveLength(2);
    });
  });

  it("is not replaced by an empty database when the file is gone, and comes back with the file", async () => {
    const clock = new ManualClock();
    const engine = { retry: () => ({ maxAttempts: 2, baseDelay: 10, maxDelay: 200, backoffMultiplier: 2 }) };
    await withCounterDatabase({ clock, engine }, async (database) => {
      const { engine, manager, path } = database;
      await manager.call("counter.add", { name: "a", amount: 1 });
      for (const suffix of ["", "-wal", "-shm"]) renameSync(path + suffix, `${path}-moved${suffix}`);
      await engine.connections.reconnect(SABOTAGE);
      await advanceUntil(clock, () => engine.connections.state.kind === "offline");
      expect(engine.connections.state).toMatchObject({
        kind: "offline",
        cause: { message: expect.stringContaining("is not there") as string },
      });
      expect(() => statSync(path)).toThrow();
      for (const suffix of ["", "-wal"]) renameSync(`${path}-moved${suffix}`, path + suffix);
      await advanceUntil(clock, () => engine.connections.isHealthy());
      expect(await manager.call("counter.get", { name: "a" })).toBe(1);
    });
  });
});

describe("a lost reader thread", () => {
  const shared = shareCounterDatabase({ readerCount: 2 });

  it("takes its request with it; reads go on and the pool fills up again", async () => {
    const { engine, manager, degradation } = shared();
    await manager.call("counter.add", { name: "a", amount: 1 });
    for (let loss = 0; loss < 2; loss++) {
      await expect(manager.call("counter.crashReader", {})).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    }
    expect(engine.status().pool.size).toBe(0);
    expect(await manager.call("counter.get", { name: "a" })).toBe(1);
    expect(degradation.state.kind).toBe("normal");
    await until(() => engine.status().pool.size === 2);
    expect(await manager.call("counter.get", { name: "a" })).toBe(1);
  });

  it("does not delay other readers while it is slow", async () => {
    const { manager, engine } = shared();
    const slow = manager.call("counter.slow", { rounds: 3_000_000 });
    let isSlowDone = false;
    void slow.then(() => (isSlowDone = true));
    for (let count = 0; count < 5; count++) await manager.call("counter.get", { name: "a" });
    expect(isSlowDone).toBe(false);
    expect(engine.status().pool).toMatchObject({ size: 2, inUse: 1, idle: 1, waiting: 0 });
    expect(await slow).toBe(3_000_000);
  });
});

describe("a database that cannot be opened", () => {
  it("rejects the start with the reason, goes offline after as many more tries as it may make, and is found by a slow probe", async () => {
    await withFolder(async (folder) => {
      const clock = new ManualClock();
      const retry = () => ({ maxAttempts: 3, baseDelay: 10, maxDelay: 200, backoffMultiplier: 2 });
      writeFileSync(join(folder, "data"), "a file where the folder should be");
      const database = createCounterDatabase({ folder, file: join("data", "test.db"), clock, engine: { retry } });
      const { states, kinds } = recordStates(database);
      await expect(database.manager.start()).rejects.toMatchObject({
        code: "DATABASE_UNAVAILABLE",
        message: expect.stringContaining("open the database") as string,
        hint: expect.any(String) as string,
      });
      const isOffline = (): boolean => database.engine.connections.state.kind === "offline";
      const delays: number[] = [];
      while (!isOffline()) {
        delays.push(clock.delaysMs[0]!);
        const before = states.length;
        clock.advance(clock.delaysMs[0]!);
        await until(() => states.length > before);
      }
      expect(delays).toHaveLength(3);
      for (const [index, delayMs] of delays.entries()) {
        expect(delayMs).toBeGreaterThanOrEqual((10 * 2 ** index) / 2);
        expect(delayMs).toBeLessThanOrEqual(10 * 2 ** index);
      }
      expect(states.map((it) => ("attempt" in it ? it.attempt : it.kind))).toEqual([1, 2, 3, "offline"]);
      expect(new Set(states.map((it) => "since" in it && it.since)).size).toBe(1);
      // The shorter ones are the intervals that watch and probe.
      expect(clock.delaysMs.filter((delayMs) => delayMs > 1_000)).toEqual([30_000]);

      clock.advance(30_000);
      await until(() => states.length === 5);
      expect(states.at(-1)!.kind).toBe("offline");

      rmSync(join(folder, "data"));
      mkdirSync(join(folder, "data"));
      clock.advance(30_000);
      await until(() => database.engine.connections.isHealthy());
      expect(kinds).toEqual(["offline", "normal"]);
      expect(await database.manager.call("counter.add", { name: "a", amount: 1 })).toBe(1);
      await database.close();
    });
  });

  it("is told as corrupt when it is", async () => {
    await withFolder(async (folder) => {
      writeFileSync(join(folder, "test.db"), "This is no database. ".repeat(500));
      const database = createCounterDatabase({ folder });
      await expect(database.manager.start()).rejects.toMatchObject({ code: "DATABASE_CORRUPT" });
      await database.close();
    });
  });

  it("gives up on a thread that does not answer in time, and says so", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder, engine: { connectionTimeoutMs: () => 1 } });
      await expect(database.manager.start()).rejects.toMatchObject({
        code: "DATABASE_UNAVAILABLE",
        message: "open the database: no connection within 1 ms",
      });
      await database.close();
    });
  });
});

describe("stopping", () => {
  it("finishes what was accepted, refuses what comes later, and leaves one whole file", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder, readerCount: 1 });
      await database.manager.start();
      const writing = Array.from({ length: 1_000 }, () =>
        database.manager.call("counter.add", { name: "a", amount: 1 }),
      );
      const first = database.close();
      await expect(database.manager.call("counter.add", { name: "a", amount: 1 })).rejects.toMatchObject({
        code: "SHUTTING_DOWN",
      });
      await database.close();
      expect(() => statSync(`${database.path}-wal`)).toThrow();
      await first;
      expect((await Promise.all(writing)).at(-1)).toBe(1_000);
      withRawConnection(database.path, (raw) => {
        expect(raw.prepare("SELECT value FROM counter").pluck().get()).toBe(1_000);
      });
      await expect(database.manager.call("counter.get", { name: "a" })).rejects.toMatchObject({
        code: "SHUTTING_DOWN",
      });
    });
  });

  it("waits for a start in progress", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder });
      const starting = database.manager.start();
      await database.close();
      expect(() => statSync(`${database.path}-shm`)).toThrow();
      await starting;
      expect(database.engine.connections.state.kind).toBe("closed");
    });
  });

  it("is quick before anything was started", async () => {
    await withFolder(async (folder) => {
      await createCounterDatabase({ folder }).close();
    });
  });
});
