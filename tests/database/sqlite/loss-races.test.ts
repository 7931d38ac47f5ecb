import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { systemClock } from "../../../src/core/clock.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { DatabaseThread } from "../../../src/database/sqlite/database-thread.ts";
import { RecoveryLog } from "../../../src/resilience/recovery-log.ts";
import {
  createCounterDatabase,
  until,
  withCounterDatabase,
  withFolder,
  withRawConnection,
  type TestDatabase,
} from "../../helpers/database.ts";
import { HangingDisk } from "./hanging-disk.ts";

const SABOTAGE = new MusterError("DATABASE_UNAVAILABLE", "sabotage: the thread is ended");

/** The intervals that look for lost files, and those between two tries, come round so many times as often. */
const SPEED = 5;

const add = ({ manager }: TestDatabase): Promise<unknown> => manager.call("counter.add", { name: "a", amount: 1 });

function deleteFiles(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix);
}

function readValue(path: string): unknown {
  return withRawConnection(path, (raw) => raw.prepare("SELECT value FROM counter").pluck().get());
}

/** Lets every try of a rescue fail while it stands, as a full disk does. */
function blockRescue(path: string): () => void {
  mkdirSync(`${path}.rescued.tmp`);
  return () => rmdirSync(`${path}.rescued.tmp`);
}

/** A recovery log that counts the rescues that have ended, by their outcome. */
function watchRescues(): { recovery: RecoveryLog; ends: string[] } {
  const recovery = new RecoveryLog({ clock: systemClock, logger: silentLogger });
  const ends: string[] = [];
  recovery.onAction(({ action, outcome }) => {
    if (action === "rescue" && outcome !== "running") ends.push(outcome);
  });
  return { recovery, ends };
}

describe("a writer that rescues its file", () => {
  it("is not replaced while it has the last copy, whoever asks for it", async () => {
    const { recovery, ends } = watchRescues();
    await withCounterDatabase({ speed: SPEED, engine: { recovery } }, async (database) => {
      const { engine, path } = database;
      await add(database);
      engine.onStateChange(({ kind }) => {
        if (kind !== "recovering") return;
        engine.reconnect(SABOTAGE);
        void engine.connections.reconnect(SABOTAGE);
      });
      deleteFiles(path);
      await until(() => ends.length === 1 && engine.connections.isHealthy());
      expect(ends).toEqual(["succeeded"]);
      expect(await add(database)).toBe(2);
    });
  });

  it("is found by a fault that comes before the watch: the content is rescued, not given up with the thread", async () => {
    const { recovery, ends } = watchRescues();
    await withCounterDatabase({ speed: SPEED, engine: { recovery } }, async (database) => {
      await add(database);
      deleteFiles(database.path);
      database.engine.reconnect(SABOTAGE);
      database.engine.reconnect(SABOTAGE);
      await until(() => ends.length === 1 && database.engine.connections.isHealthy());
      expect(ends).toEqual(["succeeded"]);
      expect(await add(database)).toBe(2);
    });
  });

  it("has one more try when the database is closed while it waits for its next", async () => {
    const { recovery, ends } = watchRescues();
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder, speed: SPEED, engine: { recovery } });
      await database.manager.start();
      await add(database);
      const unblock = blockRescue(database.path);
      deleteFiles(database.path);
      await until(() => database.engine.connections.state.kind === "recovering");
      await new Promise((resolve) => setTimeout(resolve, 100));
      unblock();
      await database.close();
      expect(ends).toEqual(["succeeded"]);
      expect(readValue(database.path)).toBe(1);
    });
  });

  it("does not hold up a close when that try fails as well, and the failure is recorded", async () => {
    const { recovery, ends } = watchRescues();
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder, speed: SPEED, engine: { recovery } });
      await database.manager.start();
      await add(database);
      blockRescue(database.path);
      deleteFiles(database.path);
      await until(() => database.engine.connections.state.kind === "recovering");
      await database.close();
      expect(ends).toEqual(["failed"]);
    });
  });

  it("keeps the files from being released as long as it has the only copy", async () => {
    await withCounterDatabase({ speed: SPEED }, async (database) => {
      const { engine, path } = database;
      await add(database);
      const unblock = blockRescue(path);
      deleteFiles(path);
      let isRun = false;
      const released = engine.withFilesReleased(SABOTAGE, async () => void (isRun = true));
      await expect(released).rejects.toMatchObject({
        message: expect.stringContaining("cannot be rescued yet") as string,
      });
      expect(isRun).toBe(false);
      unblock();
      await until(() => existsSync(path) && engine.connections.isHealthy());
      expect(await add(database)).toBe(2);
    });
  });
});

describe("a file that is deleted the moment before the database is closed", () => {
  it("is there afterwards, with everything", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder });
      await database.manager.start();
      await add(database);
      deleteFiles(database.path);
      await database.close();
      expect(readValue(database.path)).toBe(1);
    });
  });
});

describe("a database that was closed", () => {
  it("is not opened by a start that comes later", async () => {
    await withFolder(async (folder) => {
      const { engine } = createCounterDatabase({ folder });
      await engine.stop();
      await engine.start();
      expect(readdirSync(folder)).toEqual([]);
      expect(engine.status().state.kind).toBe("closed");
    });
  });
});

describe("a thread that hangs", () => {
  it("holds up neither its close nor what waits for its answer", async () => {
    await withFolder(async (folder) => {
      const disk = new HangingDisk(folder);
      disk.hang(20_000);
      const events = { onLost: () => undefined, onTrouble: () => undefined, onStatements: () => undefined };
      const thread = new DatabaseThread("writer", disk.engine.thread, events, {
        clock: systemClock,
        closeLimitMs: 200,
      });
      try {
        const write = { kind: "write", operationId: "1", requestedAt: 1, mayBeApplied: false } as const;
        const answer = thread.send({ ...write, deadlineAt: Infinity, steps: [] }, 60_000);
        const rescue = thread.rescue();
        const opened = thread.ready;
        const failures = Promise.allSettled([answer, rescue, opened]);
        await until(() => disk.hungCount > 0);
        await thread.close();
        for (const failure of await failures) {
          expect(failure).toMatchObject({ status: "rejected", reason: { code: "DATABASE_UNAVAILABLE" } });
        }
        await expect(thread.rescue()).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
      } finally {
        disk.mend();
        disk.release();
      }
      await thread.ended;
    });
  });
});
