import { copyFileSync, existsSync, readlinkSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { EngineState } from "../../../src/database/engine.ts";
import type { SqliteEngine } from "../../../src/database/sqlite/sqlite-engine.ts";
import { OperationQueue } from "../../../src/resilience/operation-queue.ts";
import {
  createCounterDatabase,
  shareCounterDatabase,
  until,
  withCounterDatabase,
  withFolder,
  withRawConnection,
  type TestDatabase,
} from "../../helpers/database.ts";
import { HangingDisk } from "./hanging-disk.ts";

const RESTORE = new MusterError("DATABASE_UNAVAILABLE", "use the database: it is being restored");

/** Another database in the place of this one, as a restore puts it there: with the counter `a` at this value. */
function swapFile(path: string, value: number): void {
  copyFileSync(path, `${path}.new`);
  withRawConnection(`${path}.new`, (raw) => {
    raw.pragma("journal_mode = DELETE");
    raw.exec("DELETE FROM ledger; DELETE FROM counter");
    raw.prepare("INSERT INTO counter (name, value) VALUES ('a', ?)").run(value);
  });
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, `${path}.old${suffix}`);
  }
  renameSync(`${path}.new`, path);
}

/** The files of the folder that this process has open, whatever they are called by now. */
function listOpenFiles(folder: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(`${folder}/`) ? [target] : [];
    } catch {
      return []; // The one that lists them.
    }
  });
}

const kindsOf = (engine: SqliteEngine): string[] => {
  const kinds: string[] = [];
  engine.onStateChange((state: EngineState) => void kinds.push(state.kind));
  return kinds;
};

const add = ({ manager }: TestDatabase, name = "a"): Promise<unknown> =>
  manager.call("counter.add", { name, amount: 1 });

describe("files that are released", () => {
  const shared = shareCounterDatabase({ readerCount: 1 });

  it("can be swapped under load: each write is acknowledged in the former file or applied to the new one", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({
        ...{ folder, readerCount: 1 },
        manager: {
          createQueue: (apply) =>
            new OperationQueue({
              ...{ folder: join(folder, "spool"), clock: systemClock, logger: silentLogger, apply },
              maxRetries: () => 3,
            }),
        },
      });
      const { engine, manager, path } = database;
      await manager.start();
      const kinds = kindsOf(engine);
      const inode = statSync(path).ino;
      let [isLoaded, acknowledged, queued, formerValue] = [true, 0, 0, -1];
      const writers = Array.from({ length: 20 }, async () => {
        while (isLoaded) {
          if ((await add(database)) === undefined) queued++;
          else acknowledged++;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      });
      const readers = Array.from({ length: 5 }, async () => {
        while (isLoaded) {
          await manager.call("counter.get", { name: "a" }).catch((error: unknown) => {
            expect(error).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
          });
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      });
      await until(() => acknowledged > 100);

      const result = await engine.withFilesReleased(RESTORE, async () => {
        expect(listOpenFiles(folder).filter((file) => file.startsWith(path))).toEqual([]);
        // Finished before: the last checkpoint has been made, and nothing was left beside the file.
        expect(existsSync(`${path}-wal`)).toBe(false);
        expect(engine.connections.state).toMatchObject({ kind: "recovering", isLasting: true, cause: RESTORE });
        formerValue = withRawConnection(path, (raw) =>
          raw.prepare<[], number>("SELECT value FROM counter").pluck().get(),
        )!;
        expect(acknowledged).toBeLessThanOrEqual(formerValue);
        swapFile(path, 1_000_000);
        await until(() => queued > 50);
        return "swapped";
      });
      expect(result).toBe("swapped");
      const before = acknowledged;
      await until(() => acknowledged > before + 50);
      isLoaded = false;
      await Promise.all([...writers, ...readers]);
      await until(() => manager.health().queue.size === 0);

      expect(statSync(path).ino).not.toBe(inode);
      // Another inode is no loss here: nothing was rescued, nothing restarted.
      expect(kinds).toEqual(["recovering", "ready"]);
      expect(engine.status()).toMatchObject({ restartCount: 0, pool: { size: 1 } });
      expect(existsSync(join(folder, "quarantine"))).toBe(false);
      // Each was applied once, to the one file or the other.
      expect(await manager.call("counter.get", { name: "a" })).toBe(1_000_000 + acknowledged + queued - formerValue);
      await database.close();
    });
  });

  it("fails calls meanwhile, and finishes those it had taken before", async () => {
    const database = shared();
    const { engine, manager } = database;
    await add(database);
    const writing = Array.from({ length: 100 }, () => add(database, "b"));
    const reading = manager.call("counter.slow", { rounds: 300_000 });
    await new Promise((resolve) => process.nextTick(resolve));
    await engine.withFilesReleased(RESTORE, async () => {
      expect(await Promise.all(writing)).toHaveLength(100);
      expect(await reading).toBe(300_000);
      await expect(add(database)).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE", cause: RESTORE });
      await expect(manager.call("counter.get", { name: "a" })).rejects.toMatchObject({
        code: "DATABASE_UNAVAILABLE",
      });
      await engine.connections.reconnect(RESTORE);
      expect(engine.connections.writer).toBeUndefined();
    });
    expect(await add(database)).toBe(2);
  });

  it("are taken back when what needed them fails, and its error is told", async () => {
    const database = shared();
    const failure = new Error("no backup fits");
    await expect(database.engine.withFilesReleased(RESTORE, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await add(database)).toBe(1);
  });

  it("are for one at a time", async () => {
    const database = shared();
    const { engine } = database;
    const first = engine.withFilesReleased(RESTORE, () => new Promise((resolve) => setTimeout(resolve, 20)));
    await expect(engine.withFilesReleased(RESTORE, () => Promise.resolve())).rejects.toMatchObject({
      code: "CONFLICT",
    });
    await first;
    await engine.withFilesReleased(RESTORE, () => Promise.resolve());
    expect(await add(database)).toBe(1);
  });

  it("stay so when the database is closed meanwhile", async () => {
    await withCounterDatabase({}, async (database) => {
      const { engine, path } = database;
      await engine.withFilesReleased(RESTORE, async () => {
        await database.close();
        swapFile(path, 7);
      });
      expect(engine.connections.state.kind).toBe("closed");
      expect(engine.connections.writer).toBeUndefined();
      expect(existsSync(`${path}-wal`)).toBe(false);
      await expect(engine.withFilesReleased(RESTORE, () => Promise.resolve())).rejects.toMatchObject({
        code: "SHUTTING_DOWN",
      });
    });
  });

  it("are not given to anyone when the database is closed while they are being released", async () => {
    await withCounterDatabase({}, async (database) => {
      let isRun = false;
      const released = database.engine.withFilesReleased(RESTORE, async () => void (isRun = true));
      const closed = database.close();
      await expect(released).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
      await closed;
      expect(isRun).toBe(false);
      expect(database.engine.connections.state.kind).toBe("closed");
    });
  });

  it("are waited for until a start in progress is over", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder, readerCount: 1 });
      const starting = database.manager.start();
      await new Promise((resolve) => setTimeout(resolve, 10));
      await database.engine.withFilesReleased(RESTORE, async () => {
        expect(listOpenFiles(folder)).toEqual([]);
      });
      await starting;
      expect(database.engine.status()).toMatchObject({ state: { kind: "ready" }, pool: { size: 1 } });
      expect(await add(database)).toBe(1);
      await database.close();
    });
  });

  it("are opened again as soon as they can be, when what is left there cannot be", async () => {
    const database = shared();
    const { engine, path } = database;
    await add(database);
    const released = engine.withFilesReleased(RESTORE, async () => renameSync(path, `${path}.away`));
    await expect(released).rejects.toMatchObject({
      message: expect.stringContaining("is not there") as string,
    });
    // No empty one was made in its place.
    expect(existsSync(path)).toBe(false);
    renameSync(`${path}.away`, path);
    await until(() => engine.connections.isHealthy());
    expect(await add(database)).toBe(2);
  });

  it("have what a file had that was deleted a moment before", async () => {
    const database = shared();
    const { engine, path } = database;
    await add(database);
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix);
    await engine.withFilesReleased(RESTORE, async () => {
      withRawConnection(path, (raw) => {
        expect(raw.prepare("SELECT value FROM counter").pluck().get()).toBe(1);
      });
    });
    expect(await add(database)).toBe(2);
  });

  it("are not those of a thread that hangs: it is told, and the database goes on", async () => {
    await withFolder(async (folder) => {
      const disk = new HangingDisk(folder);
      const database = createCounterDatabase({ folder, readerCount: 1, engine: { ...disk.engine, endLimitMs: 300 } });
      const { engine, manager } = database;
      await manager.start();
      disk.hang(1_000);
      try {
        const [reader] = engine.connections.readers;
        void reader!.terminate(RESTORE);
        // The one that takes its place.
        await until(() => disk.hungCount > 0);
        disk.mend();
        let isRun = false;
        const released = engine.withFilesReleased(RESTORE, async () => void (isRun = true));
        await expect(released).rejects.toMatchObject({ message: expect.stringContaining("hang") as string });
        expect(isRun).toBe(false);
        await until(() => engine.connections.isHealthy());
        expect(await add(database)).toBe(1);
      } finally {
        disk.release();
      }
      await database.close();
    });
  });

  it("do not exist in memory", async () => {
    await withCounterDatabase({ file: ":memory:" }, async (database) => {
      await add(database);
      await expect(database.engine.withFilesReleased(RESTORE, () => Promise.resolve())).rejects.toMatchObject({
        code: "CONFLICT",
      });
      expect(await add(database)).toBe(2);
    });
  });
});
