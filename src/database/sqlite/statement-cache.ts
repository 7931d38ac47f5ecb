import type Database from "better-sqlite3";

/** More distinct statements than a program of named operations has; a bound, so that none can grow without end. */
const DEFAULT_CAPACITY = 500;

/** Prepared statements by their SQL, the least recently used dropped beyond `capacity`. */
export class StatementCache {
  readonly #database: Database.Database;
  readonly #capacity: number;
  readonly #statements = new Map<string, Database.Statement<unknown[]>>();

  constructor(database: Database.Database, capacity: number = DEFAULT_CAPACITY) {
    this.#database = database;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#statements.size;
  }

  prepare(sql: string): Database.Statement<unknown[]> {
    const known = this.#statements.get(sql);
    if (known) {
      // Moving a hit to the end on every call would cost more than the lookup; it only matters once the cache is full.
      if (this.#statements.size === this.#capacity) {
        this.#statements.delete(sql);
        this.#statements.set(sql, known);
      }
      return known;
    }
    const statement = this.#database.prepare<unknown[]>(sql);
    if (this.#statements.size === this.#capacity) this.#statements.delete(this.#statements.keys().next().value!);
    this.#statements.set(sql, statement);
    return statement;
  }
}
