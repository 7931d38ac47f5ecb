import { copyFileSync, mkdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { describeLoss } from "../../../src/database/backup/archive-findings.ts";
import { createSnapshot } from "../../../src/database/backup/create-snapshot.ts";
import { inspectArchive, type ArchiveFindings } from "../../../src/database/backup/inspect-archive.ts";
import { pruneArchive } from "../../../src/database/backup/prune-archive.ts";
import { WalArchive } from "../../../src/database/sqlite/wal-archive.ts";
import { withFolder } from "../../helpers/database.ts";
import { silentProgress } from "../../helpers/silent-progress.ts";

/** A database that is archived, and whose log can be lost as a power cut or somebody's hand loses it. */
class Rig {
  readonly databasePath: string;
  readonly backupFolder: string;
  readonly archive: WalArchive;
  readonly #database: Database.Database;
  #now = Date.now();

  constructor(folder: string) {
    this.databasePath = join(folder, "test.db");
    this.backupFolder = join(folder, "backups");
    mkdirSync(join(this.backupFolder, "wal"), { recursive: true });
    const { databasePath, backupFolder } = this;
    this.archive = new WalArchive({ databasePath, folder: join(backupFolder, "wal"), now: () => this.#now });
    this.archive.open();
    this.#database = new Database(databasePath);
    this.#database.pragma("journal_mode = WAL");
    this.#database.pragma("wal_autocheckpoint = 0");
    this.archive.watch(() => this.#database.pragma("data_version", { simple: true }) as number);
    this.#database.exec("CREATE TABLE row (id INTEGER PRIMARY KEY, value TEXT)");
    this.write(10);
  }

  write(count: number): void {
    for (let row = 0; row < count; row++) {
      this.#now += 1_000;
      this.#database.exec("INSERT INTO row (value) VALUES (hex(randomblob(200)))");
      const [{ log } = { log: 0 }] = this.#database.pragma("wal_checkpoint(NOOP)") as { log: number }[];
      this.archive.noteCommit({ at: this.#now, frameCount: log, isCertain: true });
    }
    this.archive.flush();
  }

  checkpoint(): void {
    const [{ log } = { log: 0 }] = this.#database.pragma("wal_checkpoint(PASSIVE)") as { log: number }[];
    this.archive.settle(log);
  }

  async snapshot(): Promise<void> {
    const job = { kind: "create-snapshot", ...this.#places, reason: "manual", comment: "", hasArchive: true } as const;
    await createSnapshot({ ...job, compression: "zstd" }, silentProgress);
  }

  loseLog(): void {
    for (const suffix of ["-wal", "-shm"]) rmSync(this.databasePath + suffix);
  }

  inspect(databasePath = this.databasePath, compareLimitBytes = 32 * 1024 ** 2): Promise<ArchiveFindings> {
    const { backupFolder } = this;
    return inspectArchive({ kind: "inspect-archive", databasePath, backupFolder, compareLimitBytes }, silentProgress);
  }

  close(): void {
    this.#database.close();
  }

  get #places(): { readonly databasePath: string; readonly backupFolder: string } {
    return { databasePath: this.databasePath, backupFolder: this.backupFolder };
  }
}

async function withRig(body: (rig: Rig, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const rig = new Rig(folder);
    try {
      await body(rig, folder);
    } finally {
      rig.close();
    }
  });
}

describe("a log that was lost", () => {
  const LOST = "its log is gone: changes that were archived are missing in it";

  it("is recognised when the newest backup is younger than the last checkpoint, by the file and by its pages", async () => {
    await withRig(async (rig, folder) => {
      rig.checkpoint();
      rig.write(1);
      await rig.snapshot();
      rig.write(20);
      rig.loseLog();
      expect(describeLoss(await rig.inspect())).toBe(LOST);
      // Put back from elsewhere: another file, whose pages alone tell what it is.
      const copy = join(folder, "copy.db");
      copyFileSync(rig.databasePath, copy);
      const findings = await rig.inspect(copy);
      expect(findings).toMatchObject({ chain: "interrupted", differingPageCount: expect.any(Number) as number });
      expect(describeLoss(findings)).toBe(LOST);
    });
  });

  it("is recognised without a look at the pages, when the archive before the backup is gone or there is too much to compare", async () => {
    await withRig(async (rig) => {
      rig.checkpoint();
      rig.write(1);
      await rig.snapshot();
      rig.write(20);
      rig.loseLog();
      await pruneArchive({ kind: "prune-archive", backupFolder: rig.backupFolder }, silentProgress);
      expect(describeLoss(await rig.inspect(undefined, 0))).toBe(LOST);
    });
  });

  it("is not seen in a file that something has written to since, or that was closed with everything archived", async () => {
    await withRig(async (rig) => {
      rig.checkpoint();
      expect(await rig.inspect()).toMatchObject({ chain: "complete", isEarlierState: false });
      rig.write(1);
      await rig.snapshot();
      rig.write(1);
      rig.loseLog();
      const { atime, mtimeMs } = statSync(rig.databasePath);
      utimesSync(rig.databasePath, atime, (mtimeMs + 5_000) / 1_000);
      expect(await rig.inspect(undefined, 0)).toMatchObject({ chain: "interrupted", isEarlierState: false });
    });
  });
});
