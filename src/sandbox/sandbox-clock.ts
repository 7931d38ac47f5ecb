import { systemClock, type Clock } from "../core/clock.ts";
import { MusterError } from "../core/errors.ts";

/** A day passes in 24 s. Faster, and what asks once a second what is due would see several reminders as one. */
export const MAX_RATE = 3_600;
/** A year: longer than any interval that the bot takes. */
export const MAX_SKIP_MS = 366 * 24 * 3_600_000;

export interface TimeDescription {
  /** Epoch milliseconds of the sandbox's time. */
  readonly nowMs: number;
  /** How many seconds of the sandbox pass in one real second. */
  readonly rate: number;
  /** How far the sandbox's time is ahead of the real one. */
  readonly aheadMs: number;
}

/**
 * The time of the sandbox, and of a bot that it is injected into: `now()` may run faster than real time or jump ahead,
 * while `monotonic()` and timers stay real, so that time limits keep their meaning. Only ever ahead: a rate of 1 keeps
 * what was gained, because ids, the audit chain and schedules rely on a time that does not go back.
 */
export class SandboxClock implements Clock {
  readonly #base: Clock;
  /** Ahead of the base by this much at the monotonic moment beside it; from there on it grows by `rate - 1`. */
  #aheadMs = 0;
  #aheadAt: number;
  #rate = 1;
  readonly #listeners = new Set<() => void>();

  constructor(base: Clock = systemClock) {
    this.#base = base;
    this.#aheadAt = base.monotonic();
  }

  get rate(): number {
    return this.#rate;
  }

  now(): number {
    return Math.floor(this.#base.now() + this.#currentAheadMs());
  }

  monotonic(): number {
    return this.#base.monotonic();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.#base.schedule(delayMs, callback);
  }

  describe(): TimeDescription {
    return { nowMs: this.now(), rate: this.#rate, aheadMs: Math.floor(this.#currentAheadMs()) };
  }

  /** From 1 (real time) to `MAX_RATE`. Throws INPUT_INVALID. */
  setRate(rate: number): void {
    if (!(rate >= 1 && rate <= MAX_RATE)) {
      throw new MusterError("INPUT_INVALID", `let time run at ${rate}: the rate goes from 1 to ${MAX_RATE}`);
    }
    this.#settle();
    this.#rate = rate;
    this.#tell();
  }

  /** Jumps ahead by up to `MAX_SKIP_MS`. Throws INPUT_INVALID. */
  skip(durationMs: number): void {
    if (!(durationMs >= 0 && durationMs <= MAX_SKIP_MS)) {
      throw new MusterError(
        "INPUT_INVALID",
        `skip ${durationMs} ms: time goes ahead only, by up to ${MAX_SKIP_MS} ms at once`,
      );
    }
    this.#settle();
    this.#aheadMs += durationMs;
    this.#tell();
  }

  /** Called after every change of rate or offset; returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #currentAheadMs(): number {
    return this.#aheadMs + (this.#base.monotonic() - this.#aheadAt) * (this.#rate - 1);
  }

  #settle(): void {
    this.#aheadMs = this.#currentAheadMs();
    this.#aheadAt = this.#base.monotonic();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
