import { backoffDelayMs, type RetryConfig } from "../../resilience/backoff.ts";
import { MonitorError } from "./monitor-error.ts";

/** When a client tries again, and when it does not even try. Runs in browsers and in Node.js. */

const RETRY: RetryConfig = { maxAttempts: 3, baseDelay: 200, maxDelay: 2_000, backoffMultiplier: 2 };
/** Failures in a row after which nothing is asked for a while: a bot that is gone is not helped by more questions. */
const BREAKER_THRESHOLD = 5;
const BREAKER_RESET_MS = 5_000;

export interface Timing {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly random: () => number;
}

export const systemTiming: Timing = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
};

/** Runs `ask` until it succeeds, at most three times, as long as its error says that asking again may help. */
export async function withRetries<Result>(timing: Timing, ask: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt >= RETRY.maxAttempts || !(error instanceof MonitorError) || !error.isTemporary) throw error;
      await timing.sleep(backoffDelayMs(attempt, RETRY, timing.random));
    }
  }
}

/** Opens after five failures in a row to reach the bot, for five seconds; then one request is let through to look. */
export class Breaker {
  readonly #timing: Timing;
  #failureCount = 0;
  #openUntil = -Infinity;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Throws BREAKER_OPEN at once while it is open. */
  async run<Result>(ask: () => Promise<Result>): Promise<Result> {
    const now = this.#timing.now();
    if (now < this.#openUntil) {
      throw new MonitorError(0, {
        code: "BREAKER_OPEN",
        message: "The bot did not answer, and is not asked for a moment.",
      });
    }
    // Half-open: whoever comes while one looks is refused.
    if (this.#failureCount >= BREAKER_THRESHOLD) this.#openUntil = now + BREAKER_RESET_MS;
    try {
      const result = await ask();
      this.#close();
      return result;
    } catch (error) {
      if (error instanceof MonitorError && error.status === 0) this.#countFailure();
      // It is there, and says no.
      else this.#close();
      throw error;
    }
  }

  #close(): void {
    this.#failureCount = 0;
    this.#openUntil = -Infinity;
  }

  #countFailure(): void {
    this.#failureCount++;
    if (this.#failureCount >= BREAKER_THRESHOLD) this.#openUntil = this.#timing.now() + BREAKER_RESET_MS;
  }
}
