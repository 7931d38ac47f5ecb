import { zeroOfCount, type Clock } from "../../core/clock.ts";
import { idTimePrefix } from "../../core/ids.ts";
import type { SqliteConnection } from "./connection.ts";

/**
 * Deletes old entries of `applied_operation`, by the time that their ids begin with: whoever asks again with an id that is
 * gone has the write applied twice. The time of day may jump, and then what was just written looks old. Writes of unknown
 * outcome are asked for again soon after the thread that takes them has started; so nothing is deleted until it has run for
 * a while in which the clock did not jump.
 */

/** How long an applied write is remembered: longer than anything waits in a queue before it counts as dead. */
const RETENTION_MS = 30 * 24 * 3_600_000;
const BATCH_SIZE = 500;
/** Many times what a full queue takes to be worked off. */
const CALM_MS = 3_600_000;
/** Less at a time is how a clock is brought in line that is right. */
const JUMP_MS = 60_000;

export class LedgerPruner {
  readonly #statements: SqliteConnection["statements"];
  readonly #clock: Clock;
  #zero: number;
  #calmSince: number;

  constructor({ statements }: Pick<SqliteConnection, "statements">, clock: Clock) {
    this.#statements = statements;
    this.#clock = clock;
    this.#zero = zeroOfCount(clock);
    this.#calmSince = clock.monotonic();
  }

  /** Deletes a bounded number, so that no round holds up the writes, and says how many. To be called every few seconds. */
  prune(): number {
    this.#noteJump();
    if (this.#clock.monotonic() - this.#calmSince < CALM_MS) return 0;
    const before = idTimePrefix(Math.max(this.#clock.now() - RETENTION_MS, 0));
    return this.#statements
      .prepare(
        "DELETE FROM applied_operation WHERE id IN (SELECT id FROM applied_operation WHERE id < ? ORDER BY id LIMIT ?)",
      )
      .run(before, BATCH_SIZE).changes;
  }

  /** In either direction: a clock that is put right, from a date long ago, makes what was written until then look old. */
  #noteJump(): void {
    const zero = zeroOfCount(this.#clock);
    if (Math.abs(zero - this.#zero) > JUMP_MS) this.#calmSince = this.#clock.monotonic();
    this.#zero = zero;
  }
}
