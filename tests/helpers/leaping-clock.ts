import { systemClock, type Clock } from "../../src/core/clock.ts";

interface Timer {
  readonly dueAt: number;
  readonly fire: () => void;
  /** Of the real timer that stands behind it. */
  cancel: () => void;
}

/** Real time, but for leaps over a wait: what is set to go off within it goes off at once. The wall clock stays true. */
export class LeapingClock implements Clock {
  #aheadMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#aheadMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const fire = (): void => {
      this.#timers.delete(timer);
      callback();
    };
    const timer: Timer = { dueAt: this.monotonic() + delayMs, fire, cancel: systemClock.schedule(delayMs, fire) };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
      timer.cancel();
    };
  }

  leap(durationMs: number): void {
    this.#aheadMs += durationMs;
    const at = this.monotonic();
    for (const timer of [...this.#timers].sort((a, b) => a.dueAt - b.dueAt)) {
      // One that went off may have cancelled another.
      if (!this.#timers.has(timer)) continue;
      timer.cancel();
      if (timer.dueAt <= at) timer.fire();
      else timer.cancel = systemClock.schedule(timer.dueAt - at, timer.fire);
    }
  }
}
