import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Bot } from "./bot/bot.ts";
import type { DiscordAccess } from "./bot/client.ts";
import { throttleStart } from "./bot/start-throttle.ts";
import type { Settings } from "./config/settings.ts";
import type { Clock } from "./core/clock.ts";
import { FOLDER_MODE } from "./core/durable-file.ts";
import { MusterError } from "./core/errors.ts";
import { Lifecycle, type Part } from "./core/lifecycle.ts";
import type { Logger } from "./core/logger.ts";
import { DatabaseManager } from "./database/database-manager.ts";
import { IN_MEMORY_PATH } from "./database/sqlite/connection.ts";
import { acquireInstanceLock, type InstanceLock } from "./database/sqlite/instance-lock.ts";
import { SqliteEngine } from "./database/sqlite/sqlite-engine.ts";
import type { RetryConfig } from "./resilience/backoff.ts";
import { GracefulDegradation } from "./resilience/graceful-degradation.ts";
import { DATA_MODULE_URL, operations } from "./store/data-module.ts";
import { createStore, type Store } from "./store/store.ts";

export interface AppOptions {
  readonly settings: Settings;
  /** Relative paths in the settings are relative to this folder. */
  readonly folder: string;
  readonly access: DiscordAccess;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something only a person can mend has happened; the process should end and not be restarted. */
  readonly onFatal: (error: MusterError) => void;
}

/** The whole program but for process and sandbox: every part, in the order in which it starts. */
export class App {
  readonly bot: Bot;
  readonly database: DatabaseManager;
  readonly engine: SqliteEngine;
  readonly degradation = new GracefulDegradation();
  readonly store: Store;
  readonly #lifecycle: Lifecycle;

  constructor({ settings, folder, access, clock, logger, onFatal }: AppOptions) {
    const databasePath = settings.TEST_MODE ? IN_MEMORY_PATH : resolve(folder, settings.DATABASE_PATH);
    this.engine = createEngine(settings, databasePath, clock, logger);
    this.database = new DatabaseManager({ engine: this.engine, operations, degradation: this.degradation, clock });
    this.store = createStore(this.database);
    const { store, database, degradation } = this;
    this.bot = new Bot({ access, settings, store, database, degradation, clock, logger, onFatal });
    this.#lifecycle = new Lifecycle([
      ...(settings.TEST_MODE ? [] : [createLockPart(databasePath, clock)]),
      createDatabasePart(this.database, logger),
      // Only Discord itself counts how often a bot connects.
      ...(settings.DISCORD_TOKEN === "" ? [] : [createThrottlePart(databasePath, clock, logger)]),
      { name: "bot", start: () => this.bot.start(), stop: () => this.bot.stop() },
    ]);
    degradation.onChange((state) => {
      if (state.kind === "normal") logger.info("the database is available");
      else logger.error(`the database is ${state.kind}`, { reason: state.reason });
    });
  }

  /** Throws INSTANCE_LOCKED or DISCORD_LOGIN_FAILED. A database that cannot be used leaves the bot running without it. */
  start(): Promise<void> {
    return this.#lifecycle.start();
  }

  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }
}

/** One bot for one data folder: two would both be right about different things. */
function createLockPart(databasePath: string, clock: Clock): Part {
  let lock: InstanceLock | undefined;
  const dataFolder = dirname(databasePath);
  return {
    name: "instance lock",
    start() {
      mkdirSync(dataFolder, { recursive: true, mode: FOLDER_MODE });
      lock = acquireInstanceLock({ path: join(dataFolder, "muster.lock"), clock });
    },
    stop: () => lock?.release(),
  };
}

/** The database opens meanwhile, and a stop ends the waiting. */
function createThrottlePart(databasePath: string, clock: Clock, logger: Logger): Part {
  const stopping = new AbortController();
  return {
    name: "start throttle",
    start: () =>
      databasePath === IN_MEMORY_PATH
        ? undefined
        : throttleStart(join(dirname(databasePath), "starts.json"), clock, logger, stopping.signal),
    stop: () => stopping.abort(new MusterError("SHUTTING_DOWN", "wait before connecting: the program is stopping")),
  };
}

function createDatabasePart(database: DatabaseManager, logger: Logger): Part {
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

function createEngine(settings: Settings, path: string, clock: Clock, logger: Logger): SqliteEngine {
  const retry = (): RetryConfig => ({
    maxAttempts: settings.DB_MAX_RETRIES,
    baseDelay: settings.DB_RETRY_DELAY,
    maxDelay: settings.DB_MAX_RETRY_DELAY,
    backoffMultiplier: settings.DB_RETRY_MULTIPLIER,
  });
  return new SqliteEngine({
    thread: {
      dataModuleUrl: DATA_MODULE_URL,
      connection: {
        path,
        synchronous: settings.DB_SYNCHRONOUS,
        isForeignKeysEnabled: settings.DB_FOREIGN_KEYS,
        cacheSizeBytes: settings.DB_CACHE_SIZE / settings.DB_MAX_CONNECTIONS,
      },
    },
    readerCount: settings.DB_MAX_CONNECTIONS - 1,
    connectionTimeoutMs: () => settings.DB_CONNECTION_TIMEOUT,
    operationTimeoutMs: () => settings.DB_OPERATION_TIMEOUT,
    retry,
    clock,
    logger,
  });
}
