import { zeroOfCount, type Clock } from "../../core/clock.ts";

/** By less at a time a clock is brought in line that is right: nothing that is shown moves for it. */
const TOLERANCE_MS = 1_000;

/**
 * Moments that only count, so that sums of them hold when the time of day is set. They are the wall clock's as it was at
 * first, in whole milliseconds; `jumpMs` makes of one what it is by the wall clock as it is now.
 */
export class CountedTime {
  readonly #clock: Clock;
  /** When the time that only counts began. */
  readonly #zero: number;
  #jumpMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#zero = zeroOfCount(clock);
  }

  now(): number {
    return Math.round(this.#zero + this.#clock.monotonic());
  }

  /** By how much the wall clock was put ahead since, milliseconds; negative = it was set back. */
  get jumpMs(): number {
    const jumpMs = this.#clock.now() - this.now();
    if (Math.abs(jumpMs - this.#jumpMs) > TOLERANCE_MS) this.#jumpMs = jumpMs;
    return this.#jumpMs;
  }
}
