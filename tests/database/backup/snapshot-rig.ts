import { join } from "node:path";
import Database from "better-sqlite3";
import {
  createSnapshotWith,
  type CreateSnapshotJob,
  type SnapshotSources,
} from "../../../src/database/backup/create-snapshot.ts";
import { readFreeBytes } from "../../../src/database/backup/snapshot-files.ts";
import type { SnapshotManifest } from "../../../src/database/backup/snapshot-manifest.ts";
import { readWalEnd } from "../../../src/database/backup/wal-end.ts";

/** What a row of the sample holds follows from its id. */
export const bodyOf = (id: number): string => `row ${id} `.repeat(1 + (id % 20));

/** A database in WAL mode; the caller closes the connection. */
export function openSample(path: string, rowCount = 500): Database.Database {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma("wal_autocheckpoint = 0");
  database.exec(`
    CREATE TABLE schema_version (version INTEGER PRIMARY KEY);
    INSERT INTO schema_version VALUES (1), (2);
    CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE total (row_count INTEGER NOT NULL);
    INSERT INTO total VALUES (0);
  `);
  const insert = createInsert(database);
  database.transaction(() => {
    for (let id = 1; id <= rowCount; id++) insert(id);
  })();
  return database;
}

/** One transaction for a row and what is counted of it. */
export function createInsert(database: Database.Database): (id: number) => void {
  const row = database.prepare("INSERT INTO row (id, body) VALUES (?, ?)");
  const total = database.prepare("UPDATE total SET row_count = row_count + 1");
  return database.transaction((id: number) => {
    row.run(id, bodyOf(id));
    total.run();
  });
}

export function jobFor(folder: string, changes: Partial<CreateSnapshotJob> = {}): CreateSnapshotJob {
  return {
    kind: "create-snapshot",
    databasePath: join(folder, "sample.db"),
    backupFolder: join(folder, "backups"),
    reason: "manual",
    comment: "",
    compression: "zstd",
    hasArchive: false,
    ...changes,
  };
}

/** Makes snapshots one after another, a minute apart. */
export function createSnapshotter(
  sources: Partial<SnapshotSources> = {},
): (job: CreateSnapshotJob) => Promise<SnapshotManifest> {
  let now = Date.UTC(2026, 10, 20, 14, 5, 9);
  const all: SnapshotSources = {
    readArchiveEnd: async () => undefined,
    readWalEnd,
    readFreeBytes,
    now: () => now,
    ...sources,
  };
  return async (job) => {
    now += 60_000;
    return (await createSnapshotWith(all, job, () => undefined)).manifest;
  };
}
