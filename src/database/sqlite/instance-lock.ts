import { existsSync } from "node:fs";
import { hostname } from "node:os";
import Database from "better-sqlite3";
import type { Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import { createReference } from "../../core/ids.ts";
import { createFilePrivately } from "./connection.ts";
import { classifySqliteError } from "./error-classification.ts";

/**
 * One bot per data folder. The lock is a tiny SQLite database of its own on which the holder keeps a write transaction
 * open: a lock of the operating system, so it ends with the process however that ends, no stale file can keep a bot
 * from starting, and it holds between containers that share the folder. A rollback journal, unlike WAL, lets others
 * read meanwhile, so they can say who the holder is.
 *
 * What the holder writes about itself must be committed to be read, and a commit gives the lock back. So taking it is
 * a loop: take the lock; when the row in it is ours, keep it; else write our row, commit, and take it again. Somebody
 * who comes in between finds a row that is not theirs and does the same; a process gives up only because another is
 * inside, so of several that start at once exactly one remains.
 */

export interface InstanceHolder {
  readonly pid: number;
  readonly hostName: string;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly programVersion?: string;
}

export interface InstanceLock {
  /** Lets another process have it. Twice is fine. */
  release(): void;
}

export interface InstanceLockOptions {
  /** The lock's own file, created (0600) with its folder (0700) when it does not exist. */
  readonly path: string;
  readonly clock: Clock;
  readonly programVersion?: string;
}

/** Longer than another process needs to write its row, so that whoever is named really is the holder. */
const BUSY_TIMEOUT_MS = 250;

const HOLDER_TABLE = `CREATE TABLE IF NOT EXISTS holder (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  token TEXT NOT NULL,
  pid INTEGER NOT NULL,
  host_name TEXT NOT NULL,
  since INTEGER NOT NULL,
  program_version TEXT
) STRICT`;

/** Connections that hold a lock: one that nothing refers to would be closed by the garbage collector, and the lock with it. */
const held = new Set<Database.Database>();

/** Takes the lock or throws INSTANCE_LOCKED, naming the holder. */
export function acquireInstanceLock({ path, clock, programVersion }: InstanceLockOptions): InstanceLock {
  const database = openLockFile(path);
  try {
    const token = createReference() + createReference();
    const holder = {
      pid: process.pid,
      hostName: hostname(),
      since: clock.now(),
      programVersion: programVersion ?? null,
    };
    while (!isHeldWith(database, token)) {
      database
        .prepare(
          "INSERT OR REPLACE INTO holder (only, token, pid, host_name, since, program_version) VALUES (1, ?, ?, ?, ?, ?)",
        )
        .run(token, holder.pid, holder.hostName, holder.since, holder.programVersion);
      database.exec("COMMIT");
    }
  } catch (error) {
    const refusal = explainFailure(error, database, path);
    database.close();
    throw refusal;
  }
  held.add(database);
  return {
    release() {
      if (held.delete(database)) database.close();
    },
  };
}

/** Who holds the lock now; undefined when nobody does. Never creates the file. */
export function findInstanceHolder(path: string): InstanceHolder | undefined {
  if (!existsSync(path)) return undefined;
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    if (!isBusy(database)) return undefined;
    return readHolder(database) ?? unknownHolder();
  } catch (error) {
    throw classifySqliteError(error, `look who holds ${path}`);
  } finally {
    database?.close();
  }
}

function openLockFile(path: string): Database.Database {
  try {
    createFilePrivately(path);
    return new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw describeFault(error, path);
  }
}

/** Begins the transaction that is the lock; false when the row in it is another's, or not there yet. */
function isHeldWith(database: Database.Database, token: string): boolean {
  database.exec("BEGIN IMMEDIATE");
  database.exec(HOLDER_TABLE);
  return database.prepare("SELECT token FROM holder").pluck().get() === token;
}

function isBusy(database: Database.Database): boolean {
  try {
    database.exec("BEGIN IMMEDIATE; ROLLBACK");
    return false;
  } catch (error) {
    if (classifySqliteError(error, "look at the lock").code === "DATABASE_BUSY") return true;
    throw error;
  }
}

function readHolder(database: Database.Database): InstanceHolder | undefined {
  const hasTable = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'holder'").get() !== undefined;
  if (!hasTable) return undefined;
  const row = database
    .prepare<[], { pid: number; hostName: string; since: number; programVersion: string | null }>(
      "SELECT pid, host_name AS hostName, since, program_version AS programVersion FROM holder",
    )
    .get();
  if (!row) return undefined;
  const { programVersion, ...holder } = row;
  return programVersion === null ? holder : { ...holder, programVersion };
}

/** Another process that is taking the lock for the first time has not said who it is yet. */
function unknownHolder(): InstanceHolder {
  return { pid: 0, hostName: "unknown", since: 0 };
}

function explainFailure(error: unknown, database: Database.Database, path: string): MusterError {
  const fault = describeFault(error, path);
  if (fault.code !== "DATABASE_BUSY") return fault;
  const holder = readHolder(database) ?? unknownHolder();
  const { pid, hostName, since, programVersion } = holder;
  const version = programVersion === undefined ? "" : `, version ${programVersion}`;
  return new MusterError(
    "INSTANCE_LOCKED",
    `lock ${path}: process ${pid} on ${hostName} holds it since ${new Date(since).toISOString()}${version}`,
    {
      cause: error,
      details: { ...holder },
      hint: "Stop the other bot first, or give this one a data folder of its own (DATABASE_PATH).",
    },
  );
}

function describeFault(error: unknown, path: string): MusterError {
  const fault = classifySqliteError(error, `lock ${path}`);
  if (fault.code !== "DATABASE_CORRUPT") return fault;
  return new MusterError(fault.code, fault.message, {
    cause: error,
    hint: `Make sure that no bot is running, then delete ${path}; it holds nothing but the lock.`,
  });
}
