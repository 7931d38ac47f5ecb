import { appendFileSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import {
  encodeArchiveLine,
  indexPath,
  listGenerationsSync,
  readArchiveIndex,
  segmentName,
  type ArchivedCommit,
} from "../../../src/database/backup/archive-index.ts";
import { WalArchive } from "../../../src/database/sqlite/wal-archive.ts";
import { createCounterDatabase, until, withFolder } from "../../helpers/database.ts";

/** A database and its archive, as the writer thread keeps them, on a clock that is set by hand. */
class Rig {
  readonly path: string;
  readonly folder: string;
  now = 1_000;
  /** Milliseconds that only count. */
  counted = 0;
  progressCount = 0;
  archive!: WalArchive;
  database!: Database.Database;

  constructor(folder: string) {
    this.path = join(folder, "test.db");
    this.folder = join(folder, "wal");
    mkdirSync(this.folder);
    this.open();
    this.database.exec("CREATE TABLE row (id INTEGER PRIMARY KEY, value TEXT)");
  }

  open(): void {
    this.archive = new WalArchive({
      ...{ databasePath: this.path, folder: this.folder, now: () => this.now },
      monotonic: () => this.counted,
      onProgress: () => this.progressCount++,
    });
    try {
      this.archive.open();
    } finally {
      this.database = new Database(this.path);
      this.database.pragma("journal_mode = WAL");
      this.database.pragma("wal_autocheckpoint = 0");
      this.archive.watch(() => this.database.pragma("data_version", { simple: true }) as number);
    }
  }

  write(at: number): void {
    this.database.exec("INSERT INTO row (value) VALUES (randomblob(100))");
    this.note(at, true);
  }

  note(at: number, isCertain: boolean): void {
    this.now = Math.max(this.now, at);
    const [{ log }] = this.database.pragma("wal_checkpoint(NOOP)") as [{ log: number }];
    this.archive.noteCommit({ at, frameCount: log, isCertain });
  }

  checkpoint(): void {
    this.archive.flush();
    const [{ log }] = this.database.pragma("wal_checkpoint(PASSIVE)") as [{ log: number }];
    this.archive.settle(log);
  }

  /** As a stop does it. */
  close(): void {
    this.database.close();
    this.archive.close();
  }

  /** As a kill leaves it: the log stays, with what is in it. */
  crash(): void {
    for (const suffix of ["", "-wal"]) copyFileSync(this.path + suffix, `${this.path}.kept${suffix}`);
    this.database.close();
    rmSync(this.path);
    for (const suffix of ["", "-wal"]) renameSync(`${this.path}.kept${suffix}`, this.path + suffix);
  }

  get generation(): string {
    return this.archive.status.generation;
  }

  get generationFolder(): string {
    return join(this.folder, listGenerationsSync(this.folder).at(-1)!);
  }

  async readTimes(): Promise<number[]> {
    const commits: ArchivedCommit[] = [];
    await readArchiveIndex(this.generationFolder, (line) => line.kind === "commit" && commits.push(line));
    return commits.map(({ at }) => at);
  }
}

function withRig(body: (rig: Rig) => Promise<void> | void): Promise<void> {
  return withFolder(async (folder) => {
    const rig = new Rig(folder);
    try {
      await body(rig);
    } finally {
      rig.database.close();
    }
  });
}

describe("the time of an archived commit", () => {
  it("is its own, whatever was committed before it by others, or was empty", async () => {
    await withRig(async (rig) => {
      rig.note(1_100, false);
      rig.write(1_200);
      rig.note(1_250, false);
      rig.database.exec("INSERT INTO row (value) VALUES ('by nobody')");
      rig.write(1_300);
      rig.now = 2_000;
      rig.archive.flush();
      // What nobody noted was committed before the next one that somebody did.
      expect(await rig.readTimes()).toEqual([1_100, 1_200, 1_300, 1_300]);
    });
  });

  it("is true again, in a new generation, after a clock that was ahead was put right", async () => {
    await withRig(async (rig) => {
      rig.now = 3_600_000;
      rig.write(rig.now);
      rig.archive.flush();
      const { generation } = rig;
      // Corrected by little: the times of a generation only go forward.
      rig.now -= 4_000;
      rig.write(rig.now);
      rig.archive.flush();
      expect(rig.generation).toBe(generation);
      expect(await rig.readTimes()).toEqual([3_600_000, 3_600_000, 3_600_000]);
      rig.now = 60_000;
      rig.write(rig.now);
      rig.archive.flush();
      expect(rig.generation > generation).toBe(true);
      expect(rig.archive.status).toMatchObject({ archivedUntil: 60_000, gap: "the machine's clock was set back" });
      // All that the log has: the snapshot that follows lies behind some of it.
      expect(await rig.readTimes()).toEqual([60_000, 60_000, 60_000, 60_000]);
    });
  });

  it("is not later than its copy, also when the clock was ahead at the commit: one new generation is enough", async () => {
    await withRig(async (rig) => {
      rig.now = 3_600_000;
      rig.write(rig.now);
      rig.archive.flush();
      rig.write(3_601_000);
      rig.now = 60_000;
      rig.write(rig.now);
      rig.archive.flush();
      const { generation } = rig;
      rig.now = 61_000;
      rig.write(rig.now);
      rig.archive.flush();
      expect(rig.generation).toBe(generation);
      expect(await rig.readTimes()).toEqual([60_000, 60_000, 60_000, 60_000, 61_000]);
    });
  });

  it("is when the log was changed last, for what a crash left unarchived", async () => {
    await withRig(async (rig) => {
      rig.now = Date.now();
      rig.write(rig.now);
      rig.archive.flush();
      const madeAt = Date.now();
      rig.database.exec("INSERT INTO row (value) VALUES ('before the crash')");
      rig.crash();
      const { mtimeMs } = statSync(`${rig.path}-wal`);
      rig.now += 3_600_000;
      rig.open();
      // Never before it was made: the file's time may be the kernel's last tick.
      const at = (await rig.readTimes()).at(-1)!;
      expect(at).toBeGreaterThanOrEqual(madeAt);
      expect(at).toBeLessThanOrEqual(mtimeMs + 11);
    });
  });
});

describe("an archive that meets trouble", () => {
  it("takes up the generation later when it cannot at the start", async () => {
    await withRig((rig) => {
      rig.write(1_100);
      rig.archive.flush();
      const { generation } = rig;
      const segment = join(rig.generationFolder, segmentName(1));
      rig.crash();
      renameSync(segment, `${segment}.away`);
      mkdirSync(segment);
      expect(() => rig.open()).toThrow("EISDIR");
      rig.write(1_200);
      expect(() => rig.archive.flush()).toThrow("EISDIR");
      // Set back meanwhile: it has waited all the same.
      rig.now = 1_150;
      rig.counted += 20_000;
      expect(rig.archive.status).toMatchObject({ pendingSince: 1_200, pendingMs: 20_000 });
      rig.now = 1_200;
      expect(rig.archive.status.lastError).toContain("EISDIR");
      rmdirSync(segment);
      renameSync(`${segment}.away`, segment);
      rig.archive.flush();
      expect(rig.archive.status).toMatchObject({ generation, gap: undefined, pendingSince: undefined, pendingMs: 0 });
    });
  });

  it("does not go on after a stop that it was behind at", async () => {
    await withRig((rig) => {
      rig.write(1_100);
      rig.checkpoint();
      const { generation } = rig;
      const next = join(rig.generationFolder, segmentName(2));
      mkdirSync(next);
      rig.write(1_200);
      expect(() => rig.archive.flush()).toThrow("EISDIR");
      rig.close();
      rmdirSync(next);
      rig.open();
      rig.write(1_300);
      rig.archive.flush();
      expect(rig.generation).not.toBe(generation);
      expect(rig.archive.status.gap).toBe("the database file is not as it was when it was archived last");
    });
  });

  it("goes on where a crash has interrupted the beginning of a segment", async () => {
    await withRig(async (rig) => {
      rig.write(1_100);
      rig.checkpoint();
      const { generation } = rig;
      rig.close();
      const line = {
        kind: "segment",
        segment: 2,
        salts: "0".repeat(16),
        checkpointSequence: 1,
        pageBytes: 4096,
      } as const;
      const begun = encodeArchiveLine({ ...line, at: 1_150 });
      // Tried twice: the first copy failed.
      appendFileSync(indexPath(rig.generationFolder), Buffer.concat([begun, begun]));
      appendFileSync(join(rig.generationFolder, segmentName(2)), "the beginning of a segment");
      rig.open();
      rig.write(1_200);
      rig.archive.flush();
      expect(rig.archive.status).toMatchObject({ generation, segment: 2, gap: undefined });
      expect((await rig.readTimes()).slice(-2)).toEqual([1_100, 1_200]);
    });
  });

  it("goes on when a crash came before anything of a new log was archived", async () => {
    await withRig(async (rig) => {
      rig.write(1_100);
      rig.checkpoint();
      const { generation } = rig;
      rig.close();
      // Nobody has the log now, so SQLite deletes it; the next one has no connection with it.
      rig.open();
      rig.write(1_200);
      const reader = new Database(rig.path, { readonly: true });
      reader.prepare("SELECT * FROM row").all();
      rig.database.close();
      reader.close();
      rig.open();
      expect(rig.archive.status).toMatchObject({ generation, segment: 2, gap: undefined });
      expect(await rig.readTimes()).toHaveLength(3);
    });
  });

  it("begins a generation when its files were removed, with all that the log has", async () => {
    await withRig(async (rig) => {
      rig.write(1_100);
      rig.archive.flush();
      const { generation } = rig;
      rmSync(join(rig.folder, generation), { recursive: true });
      rig.write(1_200);
      rig.archive.flush();
      expect(rig.generation).not.toBe(generation);
      expect(rig.archive.status.gap).toBe("the archive's files were removed or replaced");
      expect(await rig.readTimes()).toHaveLength(3);
    });
  });

  it("goes on in its generation when its next file could not be opened for a moment", async () => {
    await withRig((rig) => {
      rig.write(1_100);
      rig.checkpoint();
      const { generation, generationFolder } = rig;
      const nextSegment = join(generationFolder, segmentName(2));
      mkdirSync(nextSegment);
      rig.write(1_200);
      expect(() => rig.archive.flush()).toThrow("EISDIR");
      expect(() => rig.archive.flush()).toThrow("EISDIR");
      rmdirSync(nextSegment);
      rig.archive.flush();
      expect(rig.archive.status).toMatchObject({ generation, segment: 2, gap: undefined, pendingSince: undefined });
    });
  });

  it("says again and again that it goes on while it copies much", async () => {
    await withRig((rig) => {
      rig.database.exec("INSERT INTO row (value) VALUES (zeroblob(20000000))");
      rig.note(1_100, true);
      const before = rig.progressCount;
      rig.archive.flush();
      // Read, and copied, in portions of four megabytes.
      expect(rig.progressCount - before).toBeGreaterThanOrEqual(10);
    });
  });

  it("counts no commit as archived whose log was deleted", async () => {
    await withRig((rig) => {
      rig.write(1_100);
      rmSync(`${rig.path}-wal`);
      expect(() => rig.archive.flush()).toThrow("it was deleted while the database is open");
      expect(rig.archive.status.pendingSince).toBe(1_100);
    });
  });

  it("keeps the first reason when it is given up, and dates what follows by itself", async () => {
    await withRig(async (rig) => {
      rig.write(1_100);
      rig.archive.flush();
      rig.write(1_200);
      rig.archive.abandon("the archive could not be written for too long");
      rig.database.pragma("wal_checkpoint(RESTART)");
      rig.write(1_300);
      rig.archive.flush();
      expect(rig.archive.status.gap).toBe("the archive could not be written for too long");
      expect(await rig.readTimes()).toEqual([1_300]);
    });
  });
});

describe("the archive of a database that is replaced", () => {
  it("begins a generation when the start takes up a restored one", async () => {
    await withFolder(async (folder) => {
      const archive = { folder: join(folder, "wal"), intervalMs: 0 };
      const open = () => createCounterDatabase({ folder });
      const first = open();
      await first.manager.start();
      first.engine.setArchive(archive);
      await first.manager.call("counter.add", { name: "a", amount: 1 });
      await first.engine.flushArchive();
      await first.close();
      copyFileSync(first.path, `${first.path}.old`);
      const second = open();
      second.engine.setArchive(archive);
      await second.manager.start();
      await second.manager.call("counter.add", { name: "b", amount: 1 });
      await second.engine.flushArchive();
      const { generation } = second.engine.archiveStatus!;
      await second.close();

      // A restore that was interrupted before the files were exchanged.
      renameSync(`${first.path}.old`, `${first.path}.replacement`);
      const third = open();
      third.engine.setArchive(archive);
      await third.manager.start();
      expect(existsSync(`${first.path}.replacement`)).toBe(false);
      await third.manager.call("counter.add", { name: "c", amount: 1 });
      await third.engine.flushArchive();
      await until(() => third.engine.archiveStatus !== undefined);
      expect(third.engine.archiveStatus!.generation).not.toBe(generation);
      expect(third.engine.archiveStatus!.gap).toBe("the database was replaced by a restored one");
      await third.close();
    });
  });
});
