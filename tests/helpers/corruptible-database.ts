import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import Database from "better-sqlite3";
import { indexPath } from "../../src/database/backup/archive-index.ts";
import { createSnapshot } from "../../src/database/backup/create-snapshot.ts";
import { sealSegments } from "../../src/database/backup/seal-segments.ts";
import { WalArchive } from "../../src/database/sqlite/wal-archive.ts";
import { FAST_KDF } from "./fast-kdf.ts";
import { silentProgress } from "./silent-progress.ts";

/** Numbers that a test draws, taken as shares of whatever they are applied to. */
export interface Corruption {
  readonly kind: CorruptionKind;
  /** 0 to 1: where in the file. */
  readonly place: number;
  readonly bit: number;
  readonly pageCount: number;
}

export const DATABASE_CORRUPTIONS = [
  ...(["flipped bit", "zeroed pages", "garbage pages", "torn page", "swapped pages", "cut off"] as const),
  ...(["garbage header", "emptied", "deleted", "deleted with its log", "another database in its place"] as const),
] as const;
export const LOG_CORRUPTIONS = ["log deleted", "log flipped", "log cut off", "older log", "foreign log"] as const;
export const BACKUP_CORRUPTIONS = [
  ...(["segment flipped", "segment missing", "index flipped", "manifest damaged", "manifest missing"] as const),
  ...(["snapshot flipped", "all snapshots missing", "archive missing"] as const),
] as const;
export type CorruptionKind =
  (typeof DATABASE_CORRUPTIONS)[number] | (typeof LOG_CORRUPTIONS)[number] | (typeof BACKUP_CORRUPTIONS)[number];

const PAGE_BYTES = 1024;
export const KEY = "the passphrase of the test";

export interface Template {
  readonly folder: string;
  /** All rows that were acknowledged, as text. */
  readonly content: string;
}

export const databasePathOf = (folder: string): string => join(folder, "test.db");
export const backupFolderOf = (folder: string): string => join(folder, "backups");

/** Everything that is stored, in order. */
export function dumpRows(path: string): string {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    return ["item", "keyed", "applied_operation"]
      .map((table) => JSON.stringify(database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).raw().all()))
      .join("\n");
  } finally {
    database.close();
  }
}

/**
 * A database with snapshots and an archive of several segments, as the writer thread keeps them: killed with what it
 * committed last in the log alone, or closed.
 */
export async function createTemplate(folder: string, isClosed: boolean, key?: string): Promise<Template> {
  const [databasePath, backupFolder] = [databasePathOf(folder), backupFolderOf(folder)];
  mkdirSync(folder);
  let now = Date.UTC(2026, 10, 20);
  const archive = new WalArchive({ databasePath, folder: join(backupFolder, "wal"), now: () => now });
  archive.open();
  const database = new Database(databasePath);
  database.pragma(`page_size = ${PAGE_BYTES}`);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = OFF");
  database.pragma("wal_autocheckpoint = 0");
  archive.watch(() => database.pragma("data_version", { simple: true }) as number);
  const note = (): void => {
    const [{ log } = { log: 0 }] = database.pragma("wal_checkpoint(NOOP)") as { log: number }[];
    archive.noteCommit({ at: now, frameCount: log, isCertain: true });
  };
  const commit = (change: () => void): void => {
    now += 1_000;
    database.transaction(() => {
      change();
      database.prepare("INSERT INTO applied_operation VALUES (?, ?)").run(String(now), now);
    })();
    note();
    archive.flush();
  };
  const settle = (): void => {
    const [{ log } = { log: 0 }] = database.pragma("wal_checkpoint(RESTART)") as { log: number }[];
    archive.settle(log);
  };
  const job = {
    kind: "create-snapshot",
    databasePath,
    backupFolder,
    reason: "manual",
    comment: "",
    hasArchive: true,
  } as const;
  const snapshot = () =>
    createSnapshot(
      { ...job, compression: "zstd", ...(key === undefined ? {} : { key, kdf: FAST_KDF }) },
      silentProgress,
    );
  const add = (from: number, count: number): void =>
    commit(() => {
      for (let id = from; id < from + count; id++) {
        database.prepare("INSERT INTO item VALUES (?, ?, ?)").run(id, `item ${id} `.repeat(1 + (id % 12)), id % 7);
        database.prepare("INSERT INTO keyed VALUES (?, ?, ?)").run(`k${id % 13}`, id, `keyed ${id}`);
      }
    });
  database.exec(`
    CREATE TABLE applied_operation (id TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE item (id INTEGER PRIMARY KEY, body TEXT NOT NULL, kind INTEGER NOT NULL) STRICT;
    CREATE INDEX item_kind ON item (kind, id);
    CREATE TABLE keyed (a TEXT NOT NULL, b INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (a, b)) STRICT, WITHOUT ROWID;
    CREATE TABLE quarantine (id INTEGER PRIMARY KEY, table_name TEXT NOT NULL, row_json TEXT NOT NULL, reason TEXT NOT NULL,
      found_at INTEGER NOT NULL) STRICT;`);
  note();
  archive.flush();
  add(1, 80);
  await snapshot();
  add(100, 60);
  settle();
  add(200, 60);
  commit(() =>
    database.exec("UPDATE item SET body = body || '!' WHERE id % 3 = 0; DELETE FROM item WHERE id % 17 = 0"),
  );
  await snapshot();
  settle();
  add(300, 40);
  // An earlier log of the same life, and a file, for those who put them back.
  cpSync(`${databasePath}-wal`, join(folder, "older.wal"));
  add(400, 20);
  commit(() => database.exec("UPDATE keyed SET body = 'changed' WHERE b % 5 = 0"));
  if (isClosed) settle();
  else {
    // As a kill leaves it: closing would move the log into the file.
    for (const suffix of ["", "-wal"]) cpSync(databasePath + suffix, `${databasePath}${suffix}.kept`);
  }
  database.close();
  if (isClosed) archive.close();
  else {
    for (const suffix of ["", "-wal"]) renameSync(`${databasePath}${suffix}.kept`, databasePath + suffix);
  }
  if (key !== undefined) {
    await sealSegments(
      { kind: "seal-segments", backupFolder, compression: "zstd", key, kdf: FAST_KDF },
      silentProgress,
    );
  }
  const content = dumpCopy(folder);
  return { folder, content };
}

/** Reading a database with a log beside it writes to its folder. */
function dumpCopy(folder: string): string {
  const copy = `${folder}-dump`;
  cpSync(folder, copy, { recursive: true });
  const content = dumpRows(databasePathOf(copy));
  rmSync(copy, { recursive: true });
  return content;
}

export function copyTemplate(template: Template, folder: string): void {
  // With its times: by them a file that was closed is known again.
  cpSync(template.folder, folder, { recursive: true, preserveTimestamps: true });
}

export function corrupt(folder: string, { kind, place, bit, pageCount }: Corruption): void {
  const database = databasePathOf(folder);
  const [log, backups] = [`${database}-wal`, backupFolderOf(folder)];
  const change = (path: string, edit: (content: Buffer) => Buffer | void): void => {
    // Gone or emptied by what was drawn before.
    if (!existsSync(path) || statSync(path).size === 0) return;
    const content = readFileSync(path);
    writeFileSync(path, edit(content) ?? content);
  };
  const flip = (content: Buffer): void => {
    if (content.length === 0) return;
    const at = Math.min(content.length - 1, Math.floor(content.length * place));
    content[at] = content[at]! ^ (1 << bit);
  };
  const pageAt = (content: Buffer, share = place): number =>
    Math.max(0, Math.floor((content.length / PAGE_BYTES - 1) * share) * PAGE_BYTES);
  const fill = (byte: number) => (content: Buffer) => {
    content.fill(byte, pageAt(content), Math.min(content.length, pageAt(content) + pageCount * PAGE_BYTES));
  };
  const pick = (names: readonly string[]): string | undefined => names[Math.floor(names.length * place * 0.999)];
  const snapshots = join(backups, "snapshots");
  const generation = readdirSync(join(backups, "wal")).sort().at(-1)!;
  const wal = join(backups, "wal", generation);
  const segments = readdirSync(wal).filter((name) => name !== basename(indexPath(wal)));
  const listSnapshots = (isManifest: boolean): string[] =>
    readdirSync(snapshots).filter((name) => name.endsWith(".json") === isManifest);
  switch (kind) {
    case "flipped bit":
      return change(database, flip);
    case "zeroed pages":
      return change(database, fill(0));
    case "garbage pages":
      return change(database, fill(0xa5));
    case "torn page":
      return change(
        database,
        (content) => void content.subarray(pageAt(content) + 512, pageAt(content) + PAGE_BYTES).fill(0),
      );
    case "swapped pages":
      return change(database, (content) => {
        const [a, b] = [pageAt(content), pageAt(content, 1 - place)];
        const kept = Buffer.from(content.subarray(a, a + PAGE_BYTES));
        content.copy(content, a, b, b + PAGE_BYTES);
        kept.copy(content, b);
      });
    case "cut off":
      return change(database, (content) => content.subarray(0, Math.floor(content.length * place)));
    case "garbage header":
      return change(database, (content) => void content.subarray(0, 100).fill(bit + 1));
    case "emptied":
      return truncateSync(database, 0);
    case "deleted":
      return rmSync(database);
    case "deleted with its log":
      return [database, log].forEach((path) => rmSync(path, { force: true }));
    case "another database in its place":
      return writeOther(database);
    case "log deleted":
      return rmSync(log, { force: true });
    case "log flipped":
      return change(log, flip);
    case "log cut off":
      return change(log, (content) => content.subarray(0, Math.floor(content.length * place)));
    case "older log":
      return cpSync(join(folder, "older.wal"), log);
    case "foreign log":
      return writeForeignLog(folder, log);
    case "segment flipped":
      return change(join(wal, pick(segments)!), flip);
    case "segment missing":
      return rmSync(join(wal, pick(segments)!));
    case "index flipped":
      return change(indexPath(wal), flip);
    case "manifest damaged":
      return change(join(snapshots, pick(listSnapshots(true))!), flip);
    case "manifest missing":
      return rmSync(join(snapshots, pick(listSnapshots(true))!));
    case "snapshot flipped":
      return change(join(snapshots, pick(listSnapshots(false))!), flip);
    case "all snapshots missing":
      return rmSync(snapshots, { recursive: true });
    case "archive missing":
      return rmSync(join(backups, "wal"), { recursive: true });
  }
}

function writeOther(path: string): void {
  rmSync(path);
  const other = new Database(path);
  other.pragma(`page_size = ${PAGE_BYTES}`);
  other.exec("CREATE TABLE stranger (id INTEGER PRIMARY KEY); INSERT INTO stranger VALUES (1), (2)");
  other.close();
}

function writeForeignLog(folder: string, log: string): void {
  const path = join(folder, "foreign.db");
  const other = new Database(path);
  other.pragma(`page_size = ${PAGE_BYTES}`);
  other.pragma("journal_mode = WAL");
  other.exec("CREATE TABLE stranger (id INTEGER PRIMARY KEY); INSERT INTO stranger VALUES (1), (2)");
  cpSync(`${path}-wal`, log);
  other.close();
  rmSync(path);
}
