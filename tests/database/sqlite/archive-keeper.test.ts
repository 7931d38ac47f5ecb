import { rmSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { ArchiveKeeper } from "../../../src/database/sqlite/archive-keeper.ts";
import { WalArchive } from "../../../src/database/sqlite/wal-archive.ts";
import { errorLike, withFolder } from "../../helpers/database.ts";

interface Rig {
  readonly keeper: ArchiveKeeper;
  readonly troubles: unknown[];
  readonly generations: readonly string[];
  /** A commit, and what is noted of it. */
  readonly write: () => void;
  readonly breakDisk: () => void;
  readonly mendDisk: () => void;
}

function withKeeper(intervalMs: number, body: (rig: Rig) => void): Promise<void> {
  return withFolder((root) => {
    const path = join(root, "test.db");
    const folder = join(root, "wal");
    const troubles: unknown[] = [];
    mkdirSync(folder);
    const archive = new WalArchive({ databasePath: path, folder, now: () => Date.now() });
    const generations: string[] = [];
    const keeper = new ArchiveKeeper(archive, {
      intervalMs,
      onTrouble: (error) => troubles.push(error),
      onGeneration: () => generations.push(archive.status.generation),
    });
    keeper.open();
    const database = new Database(path);
    database.pragma("journal_mode = WAL");
    database.pragma("wal_autocheckpoint = 0");
    database.exec("CREATE TABLE row (value TEXT)");
    keeper.start(() => database.pragma("data_version", { simple: true }) as number);
    const write = (): void => {
      database.exec("INSERT INTO row VALUES (randomblob(100))");
      const [{ log }] = database.pragma("wal_checkpoint(NOOP)") as [{ log: number }];
      keeper.noteCommit({ at: Date.now(), frameCount: log, isCertain: true });
    };
    // A file where the folder was.
    const breakDisk = (): void => {
      rmSync(folder, { recursive: true });
      writeFileSync(folder, "");
    };
    const mendDisk = (): void => {
      rmSync(folder);
      mkdirSync(folder);
    };
    try {
      body({ keeper, troubles, generations, write, breakDisk, mendDisk });
    } finally {
      database.close();
      keeper.close();
    }
  });
}

describe("the keeper of the archive", () => {
  it("with an interval, reports once what fails, and lets the writes go on", async () => {
    await withKeeper(60_000, ({ keeper, troubles, write, breakDisk, mendDisk }) => {
      breakDisk();
      write();
      keeper.flush();
      write();
      keeper.flush();
      expect(troubles).toEqual([errorLike({ code: "DATABASE_READ_ONLY" })]);
      expect(keeper.status.pendingSince).toBeLessThanOrEqual(Date.now());
      mendDisk();
      keeper.flush();
      expect(keeper.status).toMatchObject({ pendingSince: undefined, lastError: undefined });
      expect(troubles).toHaveLength(1);
    });
  });

  it("without one, refuses what it cannot archive", async () => {
    await withKeeper(0, ({ write, breakDisk, mendDisk }) => {
      write();
      breakDisk();
      expect(write).toThrow(errorLike({ code: "DATABASE_READ_ONLY" }));
      mendDisk();
      write();
    });
  });

  it("allows no checkpoint of what is not archived, up to a bound, and then begins anew and says why", async () => {
    await withKeeper(60_000, ({ keeper, generations, write, breakDisk, mendDisk }) => {
      write();
      keeper.flush();
      keeper.flush();
      const { generation } = keeper.status;
      expect(generations).toEqual([generation]);
      breakDisk();
      write();
      expect(() => keeper.beforeCheckpoint({ walFrameCount: 65_535, checkpointedFrameCount: 0 })).toThrow(
        errorLike({ code: "DATABASE_READ_ONLY" }),
      );
      keeper.beforeCheckpoint({ walFrameCount: 65_536, checkpointedFrameCount: 0 });
      mendDisk();
      keeper.flush();
      expect(keeper.status.generation).not.toBe(generation);
      expect(keeper.status.gap).toBeDefined();
      expect(generations).toEqual([generation, keeper.status.generation]);
    });
  });
});
