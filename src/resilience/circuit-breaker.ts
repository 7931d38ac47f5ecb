/*
 * The circuit breaker: after `threshold` failures in a row it opens and refuses every call at once, so that nobody
 * waits for what is known to be down; after `resetMs` it lets one call through (half-open), whose outcome closes or
 * reopens it. Counting failures is cockatiel's ConsecutiveBreaker. The states are ours, because cockatiel's policy
 * reads `Date.now()` itself (a clock set back would keep it open, a test would have to wait), lets calls that come
 * during a probe wait for its outcome instead of refusing them, and does not say when it will be ready again.
 *
 * A call counts only for the period in which it began: one that ends after the state has changed, or after a reset,
 * speaks of the past.
 */
import { ConsecutiveBreaker } from "cockatiel";
import type { Clock } from "../core/clock.ts";

/** Moments in epoch milliseconds. */
export type BreakerState =
  | { readonly kind: "closed"; readonly consecutiveFailures: number }
  | { readonly kind: "open"; readonly openedAt: number; readonly retryAt: number }
  | { readonly kind: "half-open"; readonly since: number };

export interface CircuitBreakerOptions {
  /** What it protects, for errors and logs. */
  readonly name: string;
  readonly clock: Clock;
  /** Failures in a row that open it, usually 5. Read at each failure: a lower one applies from the next failure on. */
  readonly threshold: () => number;
  /** How long it stays open before a probe, milliseconds, usually 30,000. Read anew each time: applies while open too. */
  readonly resetMs: () => number;
  /** Which errors are faults of what is protected; any other, such as a request's own fault, counts neither way. */
  readonly isFailure: (error: unknown) => boolean;
  /** The error of a refused call; at `retryAt` (epoch milliseconds), at the latest, a call is let through again. */
  readonly createOpenError: (retryAt: number) => Error;
}

export type BreakerListener = (state: BreakerState, previous: BreakerState) => void;

/** A period between two changes, with when it began, on both clocks: durations are measured on the monotonic one. */
interface Period {
  readonly kind: BreakerState["kind"];
  readonly beganAt: number;
  readonly beganMonotonic: number;
  /** A probe is under way: only ever in half-open. */
  isProbing: boolean;
}

export class CircuitBreaker {
  readonly name: string;
  readonly #options: CircuitBreakerOptions;
  readonly #listeners = new Set<BreakerListener>();
  #counter: ConsecutiveBreaker;
  #threshold: number;
  #period: Period;

  constructor(options: CircuitBreakerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#threshold = options.threshold();
    this.#counter = new ConsecutiveBreaker(this.#threshold);
    this.#period = this.#createPeriod("closed");
  }

  get state(): BreakerState {
    const { kind, beganAt } = this.#period;
    switch (kind) {
      case "closed":
        return { kind, consecutiveFailures: this.#counter.state };
      case "open":
        return { kind, openedAt: beganAt, retryAt: this.#retryAt };
      case "half-open":
        return { kind, since: beganAt };
    }
  }

  /** Runs, or rejects at once: while open, and in half-open while another call is the probe. */
  async execute<T>(run: () => Promise<T>): Promise<T> {
    const period = this.#period.kind === "closed" ? this.#period : this.#beginProbe();
    let result: T;
    try {
      result = await run();
    } catch (error) {
      if (period === this.#period) this.#recordError(period, error);
      throw error;
    }
    if (period === this.#period) this.#recordSuccess(period);
    return result;
  }

  /** Calls back on every change from one kind of state to another. Listeners must not throw. Returns what ends it. */
  onChange(listener: BreakerListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes it with a clean count, for when the cause is known to be gone: the next call need not be a probe. */
  reset(): void {
    this.#enter("closed");
  }

  /** Throws the open error unless the caller may be the probe. */
  #beginProbe(): Period {
    const { clock, createOpenError, resetMs } = this.#options;
    const isDue = clock.monotonic() - this.#period.beganMonotonic >= resetMs();
    const isProbeFree = this.#period.kind === "half-open" && !this.#period.isProbing;
    if (!isDue && !isProbeFree) throw createOpenError(this.#retryAt);
    // Due in half-open: the probe has not answered for as long as a break lasts. Without another in its place, one
    // call that hangs would keep the breaker from ever closing.
    if (isDue) this.#enter("half-open");
    this.#period.isProbing = true;
    return this.#period;
  }

  #recordSuccess(period: Period): void {
    if (period.kind === "half-open") this.#enter("closed");
    else this.#counter.success();
  }

  #recordError(period: Period, error: unknown): void {
    period.isProbing = false;
    if (!this.#options.isFailure(error)) return;
    if (period.kind === "half-open") this.#enter("open");
    else if (this.#requireCounter().failure()) this.#enter("open");
  }

  /** The counter for the threshold of now; a new one goes on from the old one's count. */
  #requireCounter(): ConsecutiveBreaker {
    const threshold = this.#options.threshold();
    if (threshold !== this.#threshold) {
      const count = this.#counter.state;
      this.#threshold = threshold;
      this.#counter = new ConsecutiveBreaker(threshold);
      this.#counter.state = count;
    }
    return this.#counter;
  }

  #enter(kind: BreakerState["kind"]): void {
    const previous = this.state;
    this.#period = this.#createPeriod(kind);
    if (kind === "closed") this.#counter.success();
    if (kind === previous.kind) return;
    const { state } = this;
    for (const listener of this.#listeners) listener(state, previous);
  }

  #createPeriod(kind: BreakerState["kind"]): Period {
    const { clock } = this.#options;
    return { kind, beganAt: clock.now(), beganMonotonic: clock.monotonic(), isProbing: false };
  }

  get #retryAt(): number {
    return this.#period.beganAt + this.#options.resetMs();
  }
}
