import type { Clock } from "../core/clock.ts";
import { toError } from "../core/errors.ts";

interface Waiter {
  go(): void;
  refuse(error: unknown): void;
}

/** Holds calls that come before something is open; then they run in the order in which they came. */
export class Opening {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #waiting = new Set<Waiter>();
  #isOpen = false;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Runs it now, or as soon as it is open; rejects when that takes longer than the limit, or fails. */
  async pass<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#isOpen) return run();
    return new Promise<Result>((resolve, reject) => {
      const waiter: Waiter = {
        go: () => {
          this.#leave(waiter, cancel);
          run().then(resolve, reject);
        },
        refuse: (error) => {
          this.#leave(waiter, cancel);
          reject(toError(error));
        },
      };
      const cancel = this.#clock.schedule(this.#limitMs, () => {
        waiter.refuse(new Error(`opening takes longer than ${this.#limitMs} ms`));
      });
      this.#waiting.add(waiter);
    });
  }

  /** Those that wait run now, before any call that comes later. */
  succeed(): void {
    this.#isOpen = true;
    for (const waiter of this.#waiting) waiter.go();
  }

  fail(error: unknown): void {
    for (const waiter of this.#waiting) waiter.refuse(error);
  }

  #leave(waiter: Waiter, cancelTimer: () => void): void {
    cancelTimer();
    this.#waiting.delete(waiter);
  }
}
