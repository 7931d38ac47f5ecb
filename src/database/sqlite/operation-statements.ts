import type { ReadTransaction, WriteTransaction } from "../operation.ts";

/**
 * Which statements an operation runs. A database thread notes each statement the first time that an operation uses it
 * and tells the main thread, before the answer to that call; later uses cost one look into a set. The main thread keeps
 * what it hears, for the debug log and for the plans of slow operations.
 */

/** An operation that builds its SQL from its input could have any number of statements; these are enough to know it by. */
const MAX_STATEMENTS_PER_OPERATION = 50;

/** Statements that an operation has used for the first time. */
export interface NewStatements {
  readonly operation: string;
  readonly sql: readonly string[];
}

/** A thread's side. Operations run one after another in a thread, so there is one current one. */
export class StatementRecorder {
  readonly #tell: (statements: NewStatements) => void;
  readonly #knownByOperation = new Map<string, Set<string>>();
  readonly #recorded = new WeakMap<ReadTransaction, WriteTransaction>();
  #known = new Set<string>();
  #added: string[] = [];

  constructor(tell: (statements: NewStatements) => void) {
    this.#tell = tell;
  }

  /** What is noted from now on belongs to this operation. */
  begin(operation: string): void {
    let known = this.#knownByOperation.get(operation);
    if (!known) this.#knownByOperation.set(operation, (known = new Set()));
    this.#known = known;
  }

  /** Tells what the operation has used that it had not used before. */
  end(operation: string): void {
    if (this.#added.length === 0) return;
    this.#tell({ operation, sql: this.#added });
    this.#added = [];
  }

  /** The same transaction, with its statements noted. */
  record<Transaction extends ReadTransaction>(transaction: Transaction): Transaction {
    let recorded = this.#recorded.get(transaction);
    // A transaction that reads has no `run`, and nobody who was given it by its type asks for one.
    if (!recorded)
      this.#recorded.set(transaction, (recorded = this.#wrap(transaction as ReadTransaction as WriteTransaction)));
    return recorded as ReadTransaction as Transaction;
  }

  #wrap(transaction: WriteTransaction): WriteTransaction {
    return {
      get: (sql, ...parameters) => transaction.get(this.#note(sql), ...parameters),
      all: (sql, ...parameters) => transaction.all(this.#note(sql), ...parameters),
      run: (sql, ...parameters) => transaction.run(this.#note(sql), ...parameters),
    };
  }

  #note(sql: string): string {
    const known = this.#known;
    if (!known.has(sql) && known.size < MAX_STATEMENTS_PER_OPERATION) {
      known.add(sql);
      this.#added.push(sql);
    }
    return sql;
  }
}

/** The main thread's side: what the threads have told. */
export class OperationStatements {
  readonly #byOperation = new Map<string, readonly string[]>();

  /** Each thread tells of each statement once; those that another has told of are known. */
  add({ operation, sql }: NewStatements): void {
    this.#byOperation.set(
      operation,
      [...new Set([...this.list(operation), ...sql])].slice(0, MAX_STATEMENTS_PER_OPERATION),
    );
  }

  list(operation: string): readonly string[] {
    return this.#byOperation.get(operation) ?? [];
  }
}
