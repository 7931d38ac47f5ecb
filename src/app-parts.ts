import { existsSync } from "node:fs";
import { join } from "node:path";
import { throttleStart } from "./bot/start-throttle.ts";
import type { LiveSettings } from "./config/live-settings.ts";
import { SettingsWatcher } from "./config/settings-watcher.ts";
import type { Settings } from "./config/settings.ts";
import { sleep, type Clock } from "./core/clock.ts";
import { isMusterError, MusterError } from "./core/errors.ts";
import { Interval } from "./core/interval.ts";
import type { Part } from "./core/lifecycle.ts";
import type { Logger, LogSink } from "./core/logger.ts";
import type { Recovery } from "./database/backup/recovery.ts";
import { type DatabaseManager, type DatabaseManagerOptions } from "./database/database-manager.ts";
import type { CleanUp } from "./database/health/size-keeper.ts";
import type { OperationLog } from "./database/operation-log.ts";
import type { ArchiveSettings } from "./database/sqlite/archive-keeper.ts";
import { IN_MEMORY_PATH } from "./database/sqlite/connection.ts";
import { acquireInstanceLock, type InstanceLock } from "./database/sqlite/instance-lock.ts";
import { SqliteEngine } from "./database/sqlite/sqlite-engine.ts";
import type { RetryConfig } from "./resilience/backoff.ts";
import { OperationQueue } from "./resilience/operation-queue.ts";
import type { RecoveryLog } from "./resilience/recovery-log.ts";
import { DATA_MODULE_URL } from "./store/data-module.ts";
import type { Store } from "./store/store.ts";
import type { SystemEvent } from "./store/system-event.ts";

/** Small parts of `app.ts` that are nobody else's: what an order of starts needs besides the classes themselves. */

/** Writes that wait for the database at most: a day of one each second. Beyond it they are refused, clearly. */
const MAX_QUEUED_OPERATIONS = 100_000;
const MAX_QUEUED_RETRIES = 5;
const USAGE_KEEP_DAYS = 7;
const STATISTICS_INTERVAL_MS = 60_000;
const PASSING_LOCK_CODES = ["DATABASE_IO", "DATABASE_FULL", "DATABASE_READ_ONLY", "DATABASE_UNAVAILABLE"] as const;
const MAX_LOCK_ATTEMPTS = 20;
const LOCK_PAUSE_MS = 500;

/** What is old enough to go when the database comes near `DB_MAX_SIZE`: records of what was, and nothing that is used. */
export function listCleanUps(store: Store): CleanUp[] {
  return [
    {
      name: "command usage",
      prune: (input) => store.usage.prune({ ...input, keepDays: USAGE_KEEP_DAYS }),
      keepDays: USAGE_KEEP_DAYS,
    },
    { name: "reminder log", prune: (input) => store.reminders.prune(input), keepDays: 90 },
  ];
}

/** Those that are in this folder already stay as they are. */
export function moveLogs(folder: string, logs: readonly Pick<LogSink, "setFolder">[], logger: Logger): void {
  for (const log of logs) {
    log.setFolder(folder).catch((error: unknown) => {
      logger.error("the log folder cannot be written, the former one is kept", { folder, error });
    });
  }
}

/** One bot for one data folder: two would both be right about different things. */
export function createLockPart(dataFolder: string, clock: Clock, logger: Logger): Part {
  const stopping = new AbortController();
  let lock: InstanceLock | undefined;
  return {
    name: "instance lock",
    async start() {
      for (let attempt = 1; ; attempt++) {
        try {
          lock = acquireInstanceLock({ path: join(dataFolder, "muster.lock"), clock });
          return;
        } catch (error) {
          // A disk that is full or does not answer may come back; another bot stays.
          if (!isMusterError(error, ...PASSING_LOCK_CODES) || attempt === MAX_LOCK_ATTEMPTS) throw error;
          logger.warn("the data folder cannot be locked, trying again", { attempt, error });
        }
        await sleep(clock, LOCK_PAUSE_MS, stopping.signal);
      }
    },
    stop() {
      stopping.abort(new MusterError("SHUTTING_DOWN", "lock the data folder: the program is stopping"));
      lock?.release();
    },
  };
}

export function createRecoveryPart(recovery: Recovery, dataFolder: string): Part {
  // The lock is made by each start: what was there before this one is a trace of an earlier one.
  const hadLock = existsSync(join(dataFolder, "muster.lock"));
  return {
    name: "recovery",
    async start() {
      await recovery.prepareStart(hadLock);
      recovery.start();
    },
    stop: () => recovery.stop(),
  };
}

/** The database opens before, and a stop ends the waiting. */
export function createThrottlePart(dataFolder: string, clock: Clock, logger: Logger): Part {
  const stopping = new AbortController();
  return {
    name: "start throttle",
    start: () => throttleStart(join(dataFolder, "starts.json"), clock, logger, stopping.signal),
    stop: () => stopping.abort(new MusterError("SHUTTING_DOWN", "wait before connecting: the program is stopping")),
  };
}

/** One line each minute: what the database has done, and how well. */
export function createStatisticsPart(operationLog: OperationLog, clock: Clock, logger: Logger): Part {
  const interval = new Interval({
    clock,
    everyMs: () => STATISTICS_INTERVAL_MS,
    run: () => logger.info("database statistics", { ...operationLog.statistics() }),
    onError: (error) => logger.error("database statistics failed", { error }),
  });
  return { name: "statistics", start: () => interval.start(), stop: () => interval.stop() };
}

export function createSettingsPart(
  folder: string,
  settings: LiveSettings,
  tell: (event: SystemEvent) => void,
  clock: Clock,
  logger: Logger,
): Part {
  const watcher = new SettingsWatcher({
    ...{ folder, settings, clock },
    onReport(report) {
      if (report.kind === "applied") logger.info("settings changed", { changes: report.changes });
      else if (report.kind === "corrected") logger.info("the settings are valid again");
      else logger.error("changed settings are not valid, nothing was changed", { problems: report.problems });
      tell({ of: "settings", report });
    },
    onError: (error) => logger.error("looking for changed settings failed", { error }),
  });
  return { name: "settings watcher", start: () => watcher.start(), stop: () => watcher.stop() };
}

export function createDatabasePart(database: DatabaseManager, logger: Logger): Part {
  return {
    name: "database",
    async start() {
      try {
        await database.start();
      } catch (error) {
        logger.error("the database cannot be used; the bot runs without it and keeps trying", { error });
      }
    },
    stop: () => database.stop(),
  };
}

export function queueIn(
  folder: string,
  tell: (event: SystemEvent) => void,
  clock: Clock,
  logger: Logger,
): NonNullable<DatabaseManagerOptions["createQueue"]> {
  return (apply) =>
    new OperationQueue({
      ...{ folder, clock, logger, apply },
      maxEntries: () => MAX_QUEUED_OPERATIONS,
      maxRetries: () => MAX_QUEUED_RETRIES,
      onDeadLetter({ id, operation }, error) {
        logger.error("a queued write was given up", { id, operation, error });
        tell({ of: "dead-letter", operation });
      },
    });
}

export function retryConfig(settings: Settings): RetryConfig {
  return {
    maxAttempts: settings.DB_MAX_RETRIES,
    baseDelay: settings.DB_RETRY_DELAY,
    maxDelay: settings.DB_MAX_RETRY_DELAY,
    backoffMultiplier: settings.DB_RETRY_MULTIPLIER,
  };
}

interface EngineParts {
  readonly settings: LiveSettings;
  readonly path: string;
  readonly archive: () => ArchiveSettings | undefined;
  readonly recovery: RecoveryLog;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createEngine({ settings, path, archive, recovery, clock, logger }: EngineParts): SqliteEngine {
  const initial = settings.current;
  return new SqliteEngine({
    thread: {
      dataModuleUrl: DATA_MODULE_URL,
      archive: archive(),
      // A database in memory has nothing to lose, and no backups.
      mayMigrate: path === IN_MEMORY_PATH,
      connection: {
        path,
        synchronous: initial.DB_SYNCHRONOUS,
        isForeignKeysEnabled: initial.DB_FOREIGN_KEYS,
        cacheSizeBytes: initial.DB_CACHE_SIZE / initial.DB_MAX_CONNECTIONS,
      },
    },
    readerCount: initial.DB_MAX_CONNECTIONS - 1,
    connectionTimeoutMs: () => settings.current.DB_CONNECTION_TIMEOUT,
    retry: () => retryConfig(settings.current),
    ...{ recovery, clock, logger },
  });
}
