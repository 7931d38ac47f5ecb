import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger, type Logger } from "../../src/core/logger.ts";
import { ErrorHandler } from "../../src/database/error-handler.ts";
import { OperationQueue } from "../../src/resilience/operation-queue.ts";
import { createCounterDatabase, type TestDatabase } from "./database.ts";

export interface TortureFolders {
  readonly database: string;
  readonly spool: string;
}

/** Set as the bot's defaults, with less patience for one call, so that more of them are queued. */
const RETRY = { maxAttempts: 5, baseDelay: 100, maxDelay: 30_000, backoffMultiplier: 2 };
const OPERATION_TIMEOUT_MS = 500;

/** The counters with a queue for writes, a cache and breakers, as the bot has them. Not started. */
export function createTortureDatabase(folders: TortureFolders, logger: Logger = silentLogger): TestDatabase {
  return createCounterDatabase({
    folder: folders.database,
    readerCount: 2,
    operationTimeoutMs: OPERATION_TIMEOUT_MS,
    engine: { retry: () => RETRY, logger },
    manager: {
      createQueue: (apply) =>
        new OperationQueue({
          folder: folders.spool,
          clock: systemClock,
          logger,
          maxRetries: () => 5,
          apply,
        }),
      retry: () => RETRY,
      breaker: { threshold: () => 5, resetMs: () => 30_000 },
      cacheCapacity: () => 1_000,
      errors: new ErrorHandler({ clock: systemClock, logger, isDebug: () => false }),
      logger,
    },
  });
}

export function databasePathIn({ database }: TortureFolders): string {
  return join(database, "test.db");
}
