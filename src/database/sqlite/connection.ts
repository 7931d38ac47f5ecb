import { closeSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { createFolderSync, FILE_MODE } from "../../core/durable-file.ts";
import { MusterError } from "../../core/errors.ts";
import { classifySqliteError } from "./error-classification.ts";
import { toFileIdentity, type FileIdentity } from "./file-guard.ts";
import { StatementCache } from "./statement-cache.ts";

export const IN_MEMORY_PATH = ":memory:";

/**
 * Older versions can skip committed pages when two connections write and checkpoint at the same instant: the
 * WAL-reset bug, present from 3.7.0 to 3.51.2 (https://sqlite.org/wal.html).
 */
const MINIMUM_SQLITE_VERSION = [3, 51, 3] as const;

/** A blocking wait inside SQLite holds up everything else in the thread; longer waits are retries with pauses between. */
const BUSY_TIMEOUT_MS = 50;

export type Synchronous = "normal" | "full" | "extra";
const SYNCHRONOUS_LEVEL: Readonly<Record<Synchronous, number>> = { normal: 1, full: 2, extra: 3 };

export interface ConnectionOptions {
  /** Path of the file, or `:memory:`. */
  readonly path: string;
  readonly synchronous: Synchronous;
  readonly isForeignKeysEnabled: boolean;
  /** Page cache of this one connection. */
  readonly cacheSizeBytes: number;
  /** Refuses to create the file. Default false. */
  readonly mustExist?: boolean;
}

export interface SqliteConnection {
  readonly database: Database.Database;
  readonly statements: StatementCache;
  readonly sqliteVersion: string;
  /** Of the file that is open; undefined in memory. */
  readonly fileIdentity: FileIdentity | undefined;
}

/** Throws `SQLITE_TOO_OLD` for a version with the WAL-reset bug. */
export function requireSafeSqlite(version: string): void {
  const parts = version.split(".").map(Number);
  for (const [index, minimum] of MINIMUM_SQLITE_VERSION.entries()) {
    const part = parts[index] ?? 0;
    if (part > minimum) return;
    if (part < minimum) {
      const wanted = MINIMUM_SQLITE_VERSION.join(".");
      throw new MusterError(
        "SQLITE_TOO_OLD",
        `open the database: SQLite ${version} can lose committed data, ${wanted} is needed`,
        {
          hint: "Install the version of better-sqlite3 that package-lock.json names (npm ci).",
        },
      );
    }
  }
}

function setAndReadBack(
  database: Database.Database,
  pragma: string,
  value: string | number,
  expected: string | number,
): void {
  database.pragma(`${pragma} = ${value}`);
  const actual = database.pragma(pragma, { simple: true });
  if (actual !== expected) {
    throw new MusterError(
      "DATABASE_UNAVAILABLE",
      `open the database: PRAGMA ${pragma} is ${String(actual)}, not ${expected}`,
      {
        hint: "The file system may not support what SQLite needs (WAL needs shared memory); use a local disk.",
      },
    );
  }
}

function applyPragmas(database: Database.Database, options: ConnectionOptions): void {
  // better-sqlite3 leaves WAL at synchronous=NORMAL, where a power cut takes acknowledged commits with it.
  setAndReadBack(database, "synchronous", options.synchronous, SYNCHRONOUS_LEVEL[options.synchronous]);
  setAndReadBack(database, "foreign_keys", options.isForeignKeysEnabled ? 1 : 0, options.isForeignKeysEnabled ? 1 : 0);
  // Per connection: with the default of 1,000 pages any commit could checkpoint behind the writer's back.
  setAndReadBack(database, "wal_autocheckpoint", 0, 0);
  database.pragma(`cache_size = -${Math.max(1, Math.round(options.cacheSizeBytes / 1024))}`);
  database.pragma("temp_store = MEMORY");
  database.pragma("trusted_schema = OFF");
  database.pragma("cell_size_check = ON");
}

/**
 * Creates an empty file (0600), and its folder (0700), unless it exists. SQLite gives `-wal`, `-shm` and journals the
 * mode of the database file, so creating that one privately is enough.
 */
export function createFilePrivately(path: string): void {
  createFolderSync(dirname(path));
  try {
    // "wx" never opens an existing file: closing a second handle on it would drop SQLite's POSIX locks.
    closeSync(openSync(path, "wx", FILE_MODE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** SQLite takes a file of 0 bytes for a new database, and deletes the log beside it, whatever that has. */
function requireContent(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.size === 0) throw createMissingError(path, stats ? "is empty" : "is not there");
}

/** Emptied in the very moment in which it was opened: nothing may be written to it. */
function requirePages(path: string, database: Database.Database): void {
  if (database.pragma("page_count", { simple: true }) === 0) throw createMissingError(path, "is empty");
}

function createMissingError(path: string, state: string): MusterError {
  return new MusterError("DATABASE_MISSING", `open the database: ${path} ${state}`, {
    hint: "Look at DATABASE_PATH. A new bot makes its database at its first start; one that is lost comes back with: restore.",
  });
}

function open(
  options: ConnectionOptions,
  isReadOnly: boolean,
  inspect: (database: Database.Database) => void,
): SqliteConnection {
  const isInMemory = options.path === IN_MEMORY_PATH;
  const mustExist = !isInMemory && options.mustExist === true;
  let database: Database.Database | undefined;
  try {
    if (mustExist) requireContent(options.path);
    if (!isReadOnly && !isInMemory) createFilePrivately(options.path);
    database = new Database(options.path, {
      readonly: isReadOnly,
      fileMustExist: !isInMemory,
      timeout: BUSY_TIMEOUT_MS,
    });
    const sqliteVersion = database.prepare<[], string>("SELECT sqlite_version()").pluck().get()!;
    requireSafeSqlite(sqliteVersion);
    if (mustExist) requirePages(options.path, database);
    inspect(database);
    if (!isReadOnly) setAndReadBack(database, "journal_mode", "WAL", isInMemory ? "memory" : "wal");
    applyPragmas(database, options);
    // By path, a moment after opening: a swap in between would be noticed as soon as the file is first inspected.
    const fileIdentity = isInMemory ? undefined : toFileIdentity(statSync(options.path, { bigint: true }));
    return { database, statements: new StatementCache(database), sqliteVersion, fileIdentity };
  } catch (error) {
    database?.close();
    throw classifySqliteError(error, "open the database");
  }
}

/**
 * The one read-write connection; creates the file (0600) and its folder (0700) when they do not exist. `inspect` sees
 * the database before anything is written to it, WAL mode included, and refuses it by throwing.
 */
export function openWriterConnection(
  options: ConnectionOptions,
  inspect: (database: Database.Database) => void = () => undefined,
): SqliteConnection {
  return open(options, false, inspect);
}

/** A read-only connection to a file that exists and is in WAL mode. */
export function openReaderConnection(options: ConnectionOptions): SqliteConnection {
  return open(options, true, () => undefined);
}
