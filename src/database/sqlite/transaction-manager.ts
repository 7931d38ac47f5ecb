import { sleep, type Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import { backoffDelayMs } from "../../resilience/backoff.ts";
import type { WriteTransaction } from "../operation.ts";
import type { SqliteConnection } from "./connection.ts";
import { classifySqliteError } from "./error-classification.ts";

/** Pauses between tries for the write lock: short first, because most foreign locks last milliseconds. */
const LOCK_RETRY = { maxAttempts: Infinity, baseDelay: 5, maxDelay: 250, backoffMultiplier: 2 } as const;

/** The transaction interface over one connection. SQLite answers at once; the promises are for other engines. */
export function createTransaction({ statements }: SqliteConnection): WriteTransaction {
  return {
    get: <R>(sql: string, ...parameters: readonly unknown[]) =>
      Promise.resolve(statements.prepare(sql).get(...parameters) as R | undefined),
    all: <R>(sql: string, ...parameters: readonly unknown[]) =>
      Promise.resolve(statements.prepare(sql).all(...parameters) as R[]),
    run: (sql, ...parameters) => Promise.resolve({ changes: statements.prepare(sql).run(...parameters).changes }),
  };
}

/**
 * Transactions on the one read-write connection. Every write begins with BEGIN IMMEDIATE, because a read that upgrades
 * to a write later ignores the busy timeout; parts that may fail alone run in savepoints.
 */
export class TransactionManager {
  readonly #connection: SqliteConnection;
  readonly #clock: Clock;
  readonly #transaction: WriteTransaction;
  readonly #random: () => number;

  constructor(connection: SqliteConnection, clock: Clock, random: () => number = Math.random) {
    this.#connection = connection;
    this.#clock = clock;
    this.#random = random;
    this.#transaction = createTransaction(connection);
  }

  /** Runs `body` between BEGIN IMMEDIATE and COMMIT; undone as a whole when anything throws. Throws MusterError. */
  async executeTransaction<Result>(body: (transaction: WriteTransaction) => Promise<Result>): Promise<Result> {
    this.#run("BEGIN IMMEDIATE", "begin a transaction");
    let result: Result;
    try {
      result = await body(this.#transaction);
      this.commit();
    } catch (error) {
      this.#rollbackAfter(error);
      throw classifySqliteError(error, "run a transaction");
    }
    return result;
  }

  /**
   * As `executeTransaction`, but a write lock held by another process is waited for, with growing pauses in which the
   * thread stays responsive, until `deadlineAt` (epoch milliseconds; asked anew each time). Then DATABASE_BUSY.
   */
  async executeWithRetry<Result>(
    body: (transaction: WriteTransaction) => Promise<Result>,
    deadlineAt: () => number,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.executeTransaction(body);
      } catch (error) {
        const restMs = deadlineAt() - this.#clock.now();
        if (!isMusterError(error, "DATABASE_BUSY") || restMs <= 0) throw error;
        await sleep(this.#clock, Math.min(backoffDelayMs(attempt, LOCK_RETRY, this.#random), restMs));
      }
    }
  }

  /** Runs `body` so that its failure undoes only itself; must be inside a transaction. Throws what `body` throws. */
  async executeSavepoint<Result>(body: (transaction: WriteTransaction) => Promise<Result>): Promise<Result> {
    this.#run("SAVEPOINT operation", "begin an operation");
    try {
      const result = await body(this.#transaction);
      this.#run("RELEASE operation", "complete an operation");
      return result;
    } catch (error) {
      // SQLITE_FULL, SQLITE_IOERR and a few others have undone the whole transaction already: there is nothing to go back to.
      if (!this.isOpen) throw error;
      this.#run("ROLLBACK TO operation", "undo an operation");
      this.#run("RELEASE operation", "undo an operation");
      throw error;
    }
  }

  /** Runs `body` as part of the transaction that is open. */
  executeInOpenTransaction<Result>(body: (transaction: WriteTransaction) => Promise<Result>): Promise<Result> {
    return body(this.#transaction);
  }

  /** Whether a transaction is open on the connection. */
  get isOpen(): boolean {
    return this.#connection.database.inTransaction;
  }

  commit(): void {
    this.#run("COMMIT", "commit a transaction");
  }

  /** Safe to call when nothing is open. */
  rollback(): void {
    if (this.isOpen) this.#run("ROLLBACK", "undo a transaction");
  }

  #rollbackAfter(error: unknown): void {
    try {
      this.rollback();
    } catch (rollbackError) {
      throw new MusterError(
        "TRANSACTION_FAILED",
        `undo a transaction after "${toError(error).message}": ${toError(rollbackError).message}`,
        { cause: error, hint: "The connection is replaced; nothing of the transaction is kept." },
      );
    }
  }

  #run(sql: string, activity: string): void {
    try {
      this.#connection.statements.prepare(sql).run();
    } catch (error) {
      throw classifySqliteError(error, activity);
    }
  }
}
