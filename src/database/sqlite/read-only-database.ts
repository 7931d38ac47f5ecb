import type { Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import { createReference } from "../../core/ids.ts";
import { OperationCatalogue } from "../operation-catalogue.ts";
import type { OperationGroups } from "../operation.ts";
import { openReaderConnection, type SqliteConnection } from "./connection.ts";
import { classifySqliteError } from "./error-classification.ts";
import { createTransaction } from "./transaction-manager.ts";

export interface ReadOnlyDatabaseOptions {
  readonly path: string;
  readonly operations: OperationGroups;
  readonly clock: Clock;
}

const CACHE_SIZE_BYTES = 16 * 1024 ** 2;

/**
 * Read operations on a database file, without threads: for the command line, beside a running bot or without one. Never
 * in the bot's own process, where closing the file would drop the locks of its connections.
 */
export class ReadOnlyDatabase {
  readonly #connection: SqliteConnection;
  readonly #catalogue: OperationCatalogue;
  readonly #clock: Clock;

  /** Throws DATABASE_UNAVAILABLE when there is no such file. */
  constructor({ path, operations, clock }: ReadOnlyDatabaseOptions) {
    this.#connection = openReaderConnection({
      ...{ path, synchronous: "full", isForeignKeysEnabled: true, mustExist: true },
      cacheSizeBytes: CACHE_SIZE_BYTES,
    });
    this.#catalogue = new OperationCatalogue(operations);
    this.#clock = clock;
  }

  /** Each call sees one state of the database. */
  async call(name: string, input: unknown): Promise<unknown> {
    const operation = this.#catalogue.require(name);
    if (operation.kind !== "read") throw new MusterError("INTERNAL", `run ${name}: only reading is possible here`);
    const { database, statements } = this.#connection;
    try {
      statements.prepare("BEGIN").run();
      const context = { operationId: createReference(), requestedAt: this.#clock.now() };
      return await operation.run(createTransaction(this.#connection), operation.input.parse(input), context);
    } catch (error) {
      throw classifySqliteError(error, `run ${name}`);
    } finally {
      // Not COMMIT, which SQLite refuses once a read has met a damaged page.
      if (database.inTransaction) statements.prepare("ROLLBACK").run();
    }
  }

  close(): void {
    this.#connection.database.close();
  }
}
