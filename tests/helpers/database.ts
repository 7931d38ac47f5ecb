import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { systemClock, type Clock } from "../../src/core/clock.ts";
import { toError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { DatabaseManager, type DatabaseManagerOptions } from "../../src/database/database-manager.ts";
import { ErrorHandler } from "../../src/database/error-handler.ts";
import type { OperationGroups } from "../../src/database/operation.ts";
import { SqliteEngine, type SqliteEngineOptions } from "../../src/database/sqlite/sqlite-engine.ts";
import { GracefulDegradation } from "../../src/resilience/graceful-degradation.ts";
import { RecoveryLog } from "../../src/resilience/recovery-log.ts";
import { DATA_MODULE_URL, operations as storeOperations } from "../../src/store/data-module.ts";
import { createStore, type Store } from "../../src/store/store.ts";
import { createFastClock } from "../properties/fast-clock.ts";
import { COUNTER_MODULE_URL, operations as counterOperations } from "./counter-data-module.ts";
import type { ManualClock } from "./manual-clock.ts";

/** A folder for one test: removed when it passes, kept and named in the error when it fails. */
export async function withFolder<Result>(body: (folder: string) => Promise<Result> | Result): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "muster-"));
  let result: Result;
  try {
    result = await body(folder);
  } catch (thrown) {
    const error = toError(thrown);
    error.message += `\n(files kept in ${folder})`;
    throw error;
  }
  await rm(folder, { recursive: true, force: true });
  return result;
}

/** For `toThrow`: an error that has these members, whatever else it has. */
export function errorLike(members: Readonly<Record<string, unknown>>): Error {
  return expect.objectContaining(members) as Error;
}

/** Waits, on the real clock, until something that happens on its own (a thread ends, a state changes) has happened. */
export async function until(isTrue: () => boolean, limitMs = 30_000): Promise<void> {
  const endAt = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > endAt) throw new Error(`waited ${limitMs} ms for ${isTrue.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** How long a thread of a test's database has to open its connection; a number that no other timer has. */
export const CONNECTION_TIMEOUT_MS = 19_999;

/**
 * Lets the clock go on from timer to timer until it is true; what threads do between takes real time. The database's
 * connections have `CONNECTION_TIMEOUT_MS` to open.
 */
export async function advanceUntil(clock: ManualClock, isTrue: () => boolean): Promise<void> {
  const endAt = performance.now() + 30_000;
  while (!isTrue()) {
    if (performance.now() > endAt) throw new Error(`waited in vain for ${isTrue.toString()}`);
    // While a thread starts, the next timer is its time limit: nothing to hurry on to.
    await until(() => isTrue() || (clock.delaysMs.length > 0 && !clock.delaysMs.includes(CONNECTION_TIMEOUT_MS)));
    const [nextMs] = clock.delaysMs;
    if (!isTrue() && nextMs !== undefined) clock.advance(nextMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface TestDatabaseOptions {
  readonly folder: string;
  /** File name in the folder, or `:memory:`. */
  readonly file?: string;
  /** Default: none, and the writer answers what is read: most tests need no thread more. */
  readonly readerCount?: number;
  readonly operationTimeoutMs?: number;
  readonly clock?: Clock;
  /** How often the second of the database's clock goes by in one of ours; calls and threads have their time all the same. */
  readonly speed?: number;
  readonly engine?: Partial<SqliteEngineOptions>;
  /** Default: no queue, no cache, one try, a breaker that never opens. */
  readonly manager?: Partial<DatabaseManagerOptions>;
}

export interface TestDatabase {
  readonly path: string;
  readonly engine: SqliteEngine;
  readonly degradation: GracefulDegradation;
  readonly manager: DatabaseManager;
  close(): Promise<void>;
}

function createDatabase(
  options: TestDatabaseOptions,
  dataModuleUrl: string,
  operations: OperationGroups,
): TestDatabase {
  const { folder, file = "test.db", readerCount = 0, operationTimeoutMs = 5_000, speed = 1 } = options;
  const clock = options.clock ?? (speed === 1 ? systemClock : createFastClock(speed));
  const path = file === ":memory:" ? file : join(folder, file);
  const engine = new SqliteEngine({
    thread: {
      dataModuleUrl,
      connection: { path, synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 8 * 1024 ** 2 },
    },
    readerCount,
    connectionTimeoutMs: () => CONNECTION_TIMEOUT_MS * speed,
    retry: () => ({ maxAttempts: 5, baseDelay: 10, maxDelay: 200, backoffMultiplier: 2 }),
    recovery: new RecoveryLog({ clock, logger: silentLogger }),
    clock,
    logger: silentLogger,
    ...options.engine,
  });
  const degradation = new GracefulDegradation();
  const manager = new DatabaseManager({
    ...{ engine, operations, degradation, clock },
    errors: new ErrorHandler({ clock, logger: silentLogger, isDebug: () => false }),
    log: { record: () => undefined },
    retry: () => ({ maxAttempts: 1, baseDelay: 10, maxDelay: 200, backoffMultiplier: 2 }),
    operationTimeoutMs: () => operationTimeoutMs * speed,
    breaker: { threshold: () => 1_000_000, resetMs: () => 30_000 },
    cacheCapacity: () => 0,
    logger: silentLogger,
    ...options.manager,
  });
  return { path, engine, degradation, manager, close: () => manager.stop() };
}

/** A database with the operations of `counter-data-module.ts`, not started. */
export function createCounterDatabase(options: TestDatabaseOptions): TestDatabase {
  return createDatabase(options, COUNTER_MODULE_URL, counterOperations);
}

/** Runs a test against a started counter database in a folder of its own, and closes it. */
export async function withCounterDatabase(
  options: Partial<TestDatabaseOptions>,
  body: (database: TestDatabase) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const database = createCounterDatabase({ folder, ...options });
    try {
      await database.manager.start();
      await body(database);
    } finally {
      await database.close();
    }
  });
}

/**
 * One started counter database for all tests of the file, or of the `describe`, that calls this; emptied before each of
 * them, which finds it healthy and leaves it so.
 */
export function shareCounterDatabase(options: Partial<TestDatabaseOptions> = {}): () => TestDatabase {
  let folder: string;
  let database: TestDatabase;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "muster-"));
    database = createCounterDatabase({ folder, ...options });
    await database.manager.start();
  });
  beforeEach(() => {
    withRawConnection(database.path, (raw) => {
      raw.pragma("synchronous = OFF");
      raw.exec("DELETE FROM ledger; DELETE FROM counter; DELETE FROM applied_operation");
    });
  });
  afterAll(async () => {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  });
  return () => database;
}

export interface TestStore extends TestDatabase {
  readonly store: Store;
}

/** Muster's own store on a real file and real threads, started. `close()` stops it and removes the folder. */
export async function openTestStore(options: Partial<TestDatabaseOptions> = {}): Promise<TestStore> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "muster-")));
  const database = createDatabase({ folder, ...options }, DATA_MODULE_URL, storeOperations);
  await database.manager.start();
  return {
    ...database,
    store: createStore(database.manager),
    async close() {
      await database.manager.stop();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Opens a database file directly, as another program would; closes it afterwards. */
export function withRawConnection<Result>(path: string, body: (database: Database.Database) => Result): Result {
  const database = new Database(path);
  try {
    return body(database);
  } finally {
    database.close();
  }
}
