import { zeroOfCount, type Clock } from "./clock.ts";

/** Notices that the time of day was set back: against the time that only counts, it begins earlier than before. */
export class SetBackDetector {
  readonly #clock: Clock;
  readonly #toleranceMs: number;
  #latestZero: number;

  /** Less than `toleranceMs` at a time is not noticed: so a clock is brought in line that is right. */
  constructor(clock: Clock, toleranceMs: number) {
    this.#clock = clock;
    this.#toleranceMs = toleranceMs;
    this.#latestZero = zeroOfCount(clock);
  }

  /** The clock was used: how far ahead it was is remembered. */
  note(): void {
    this.#latestZero = Math.max(this.#latestZero, zeroOfCount(this.#clock));
  }

  /** Whether it was set back since the last time that this said so. */
  check(): boolean {
    const zero = zeroOfCount(this.#clock);
    const isSetBack = zero < this.#latestZero - this.#toleranceMs;
    this.#latestZero = isSetBack ? zero : Math.max(this.#latestZero, zero);
    return isSetBack;
  }
}
