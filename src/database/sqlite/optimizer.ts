import type Database from "better-sqlite3";
import type { Clock } from "../../core/clock.ts";

/**
 * Lets SQLite gather what it plans queries by: how many rows tables have, and how selective indexes are. It looks at a
 * bounded part of each index and only where a table has changed a lot since, so mostly it does nothing; the first time
 * took 170 ms for half a gigabyte (measured). A day apart, and at the end of a longer run.
 */

const INTERVAL_MS = 24 * 3_600_000;
/** The start has other things to do, and a short run changes nothing that would be worth it. */
const FIRST_AFTER_MS = 3_600_000;
/** Analyse (2), within limits (0x10), all tables: those that only readers query are unknown to this connection (0x10000). */
const MASK = "0x10012";

export class Optimizer {
  readonly #database: Database.Database;
  readonly #clock: Clock;
  #dueMonotonic: number;
  #worthMonotonic: number;

  constructor(database: Database.Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#dueMonotonic = this.#worthMonotonic = clock.monotonic() + FIRST_AFTER_MS;
  }

  get isDue(): boolean {
    return this.#clock.monotonic() >= this.#dueMonotonic;
  }

  /** Whether enough time has passed to do it once more before the connection closes. */
  get isWorthwhile(): boolean {
    return this.#clock.monotonic() >= this.#worthMonotonic;
  }

  /** What it changes is a commit of its own. */
  optimize(): void {
    // Should it fail, the next round must not try again at once.
    const now = this.#clock.monotonic();
    this.#dueMonotonic = now + INTERVAL_MS;
    this.#worthMonotonic = now + FIRST_AFTER_MS;
    this.#database.pragma(`optimize(${MASK})`);
  }
}
