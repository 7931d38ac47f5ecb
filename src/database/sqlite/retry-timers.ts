import type { Clock } from "../../core/clock.ts";
import { backoffDelayMs, type RetryConfig } from "../../resilience/backoff.ts";

export interface RetryTimersOptions {
  readonly retry: () => RetryConfig;
  readonly clock: Clock;
  readonly random?: () => number;
}

/** What is tried again later, until it is cancelled. */
export class RetryTimers {
  readonly #options: RetryTimersOptions;
  readonly #cancels = new Set<() => void>();

  constructor(options: RetryTimersOptions) {
    this.#options = options;
  }

  /** How many wait. */
  get size(): number {
    return this.#cancels.size;
  }

  /** Before the try with this number, from 1: grows by the retry configuration. */
  delayMs(attempt: number): number {
    return backoffDelayMs(attempt, this.#options.retry(), this.#options.random ?? Math.random);
  }

  schedule(delayMs: number, run: () => void): void {
    const cancel = this.#options.clock.schedule(delayMs, () => {
      this.#cancels.delete(cancel);
      run();
    });
    this.#cancels.add(cancel);
  }

  cancelAll(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
