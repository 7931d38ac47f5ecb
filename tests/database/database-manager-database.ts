import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { LoggedOperation } from "../../src/database/operation-log.ts";
import { OperationQueue } from "../../src/resilience/operation-queue.ts";
import { createCounterDatabase, withFolder, type TestDatabase, type TestDatabaseOptions } from "../helpers/database.ts";
import { operations, PROBE_MODULE_URL } from "./database-manager-data-module.ts";

export interface ProbeDatabase extends TestDatabase {
  /** What was given to the operation log. */
  readonly logged: LoggedOperation[];
}

/** Runs a test against a started database with a cache, a queue, and the operations of `database-manager-data-module.ts`. */
export async function withProbeDatabase(
  options: Partial<TestDatabaseOptions>,
  body: (database: ProbeDatabase) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const logged: LoggedOperation[] = [];
    const connection = {
      ...{ path: join(folder, "test.db"), synchronous: "full" as const },
      ...{ isForeignKeysEnabled: true, cacheSizeBytes: 8 * 1024 ** 2 },
    };
    const database = createCounterDatabase({
      folder,
      ...options,
      engine: { thread: { dataModuleUrl: PROBE_MODULE_URL, connection }, ...options.engine },
      manager: {
        operations,
        log: { record: (operation) => void logged.push(operation) },
        cacheCapacity: () => 1_000,
        createQueue: (apply) =>
          new OperationQueue({
            folder: join(folder, "spool"),
            clock: systemClock,
            logger: silentLogger,
            maxRetries: () => 3,
            apply,
          }),
        ...options.manager,
      },
    });
    try {
      await database.manager.start();
      await body({ ...database, logged });
    } finally {
      await database.close();
    }
  });
}
