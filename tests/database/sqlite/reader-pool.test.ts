import { renameSync } from "node:fs";
import { MusterError } from "../../../src/core/errors.ts";
import type { SqliteEngine } from "../../../src/database/sqlite/sqlite-engine.ts";
import {
  advanceUntil,
  createCounterDatabase,
  shareCounterDatabase,
  until,
  withCounterDatabase,
  withFolder,
  withRawConnection,
} from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { HangingDisk } from "./hanging-disk.ts";

const SABOTAGE = new MusterError("DATABASE_UNAVAILABLE", "sabotage: the thread is ended");
const sizeOf = (engine: SqliteEngine): number => engine.status().pool.size;

describe("the size of the reader pool", () => {
  const shared = shareCounterDatabase({ readerCount: 1 });

  it("grows while it is used", async () => {
    const { engine, manager } = shared();
    await manager.call("counter.add", { name: "a", amount: 1 });
    const slow = manager.call("counter.slow", { rounds: 1_000_000 });
    await engine.resizeReaders(2);
    expect(sizeOf(engine)).toBe(2);
    expect(await manager.call("counter.get", { name: "a" })).toBe(1);
    expect(await slow).toBe(1_000_000);
  });

  it("shrinks by the least busy ones; those that leave finish what they have", async () => {
    const { engine, manager } = shared();
    await engine.resizeReaders(3);
    // One with two requests, two with one.
    const slow = [1, 2, 3, 4].map((index) => manager.call("counter.slow", { rounds: 200_000 + index }));
    await new Promise((resolve) => process.nextTick(resolve));
    const busiest = [...engine.connections.readers].sort((a, b) => b.pendingCount - a.pendingCount)[0];
    const resized = engine.resizeReaders(1);
    expect(engine.connections.readers).toHaveLength(1);
    expect(engine.connections.readers[0]).toBe(busiest);
    expect(await Promise.all(slow)).toEqual([200_001, 200_002, 200_003, 200_004]);
    await resized;
    expect(engine.status()).toMatchObject({ restartCount: 0, pool: { size: 1 } });
  });

  it("is the one that was asked for last, also while threads start and are lost", async () => {
    const { engine } = shared();
    const resizing = [engine.resizeReaders(3)];
    void engine.connections.readers[0]?.terminate(SABOTAGE);
    resizing.push(engine.resizeReaders(1), engine.resizeReaders(3), engine.resizeReaders(2));
    await Promise.all(resizing);
    await until(() => sizeOf(engine) === 2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sizeOf(engine)).toBe(2);
    // A pool that is to be smaller does not replace the one that it lost.
    void engine.connections.readers[0]?.terminate(SABOTAGE);
    await engine.resizeReaders(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(sizeOf(engine)).toBe(1);
  });

  it("counts when the files are taken back, and not when the database is closed", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder, readerCount: 1 });
      const { engine } = database;
      await database.manager.start();
      await engine.withFilesReleased(SABOTAGE, async () => {
        await engine.resizeReaders(2);
        expect(sizeOf(engine)).toBe(0);
      });
      expect(sizeOf(engine)).toBe(2);
      await database.close();
      await engine.resizeReaders(3);
      expect(sizeOf(engine)).toBe(0);
    });
  });

  it("is none in memory, whatever is asked for", async () => {
    await withCounterDatabase({ file: ":memory:" }, async ({ engine }) => {
      await engine.resizeReaders(3);
      expect(sizeOf(engine)).toBe(0);
    });
  });
});

describe("the readers", () => {
  it("have the file open that the writer has, also when it was replaced while there was no writer", async () => {
    await withCounterDatabase({ readerCount: 2 }, async ({ engine, manager, path }) => {
      await manager.call("counter.add", { name: "a", amount: 1 });
      const former = [...engine.connections.readers];
      const lost = engine.connections.reconnect(SABOTAGE);
      withRawConnection(path, (raw) => raw.prepare("VACUUM INTO ?").run(`${path}.new`));
      withRawConnection(`${path}.new`, (raw) => raw.exec("UPDATE counter SET value = 1000"));
      for (const suffix of ["-wal", "-shm"]) renameSync(path + suffix, `${path}.old${suffix}`);
      renameSync(`${path}.new`, path);
      await lost;
      await until(() => engine.connections.isHealthy());
      await until(() => sizeOf(engine) === 2 && former.every((reader) => !reader.isAlive));
      const identity = engine.connections.writer!.opened!.fileIdentity;
      for (const reader of engine.connections.readers) expect(reader.opened!.fileIdentity).toBe(identity);
      expect(await manager.call("counter.get", { name: "a" })).toBe(1_000);
    });
  });
});

describe("threads that hang when they start", () => {
  const MAX_ABANDONED_COUNT = 4;

  it("are no more than so many, however long the disk hangs, and the database is back when it does not", async () => {
    await withFolder(async (folder) => {
      const clock = new ManualClock();
      const disk = new HangingDisk(folder);
      const engineOptions = { ...disk.engine, maxAbandonedCount: MAX_ABANDONED_COUNT };
      const database = createCounterDatabase({ folder, clock, engine: engineOptions });
      const { engine } = database;
      await database.manager.start();
      // Longer than the wait for the next try, so that a thread is not given up before it hangs.
      disk.hang(40_000);
      const causes: string[] = [];
      engine.onStateChange((state) => void causes.push("cause" in state ? state.cause.message : ""));
      try {
        await engine.connections.reconnect(SABOTAGE);
        for (let round = 0; round < MAX_ABANDONED_COUNT + 2; round++) {
          const [causeCount, { hungCount }] = [causes.length, disk];
          clock.advance(30_000);
          await until(() => disk.hungCount > hungCount || causes.length > causeCount);
          clock.advance(40_000);
          await until(() => causes.length > causeCount);
        }
        // One that was given up on a busy machine before it hung is another in its place.
        expect([MAX_ABANDONED_COUNT, MAX_ABANDONED_COUNT + 1]).toContain(disk.hungCount);
        expect(causes.at(-1)).toBe(`open the database: ${MAX_ABANDONED_COUNT} of its threads hang`);
        disk.mend();
        disk.release();
        await advanceUntil(clock, () => engine.connections.isHealthy());
      } finally {
        disk.release();
      }
      await database.close();
    });
  });
});
