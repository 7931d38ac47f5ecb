import type { Clock } from "../../src/core/clock.ts";

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now: number;
  #setBackMs = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  constructor(startAt = 1_750_000_000_000) {
    this.#now = startAt;
  }

  now(): number {
    return this.#now - this.#setBackMs;
  }

  /** The wall clock is put right, which was ahead by so much; or, with a negative number, jumps ahead. */
  setBack(byMs: number): void {
    this.#setBackMs += byMs;
  }

  monotonic(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Milliseconds until each timer that is set, shortest first. */
  get delaysMs(): number[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Goes on, firing what is due on the way, in order. */
  advance(durationMs: number): void {
    const end = this.#now + durationMs;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }
}
