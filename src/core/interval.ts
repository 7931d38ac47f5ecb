import type { Clock } from "./clock.ts";

export interface IntervalOptions {
  readonly clock: Clock;
  /** Milliseconds between the end of one run and the start of the next; asked anew each time, so a live setting applies. */
  readonly everyMs: () => number;
  readonly run: () => Promise<void> | void;
  /** Receives whatever a run throws; the interval goes on. */
  readonly onError: (error: unknown) => void;
}

/**
 * Background work that repeats: runs never overlap, a failing one is reported and does not end the interval, and
 * `stop()` waits for the run in progress.
 */
export class Interval {
  readonly #options: IntervalOptions;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #isStarted = false;
  #isRunWanted = false;

  constructor(options: IntervalOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#scheduleNext();
  }

  /** Runs now. When a run is in progress, one more follows it, so that what changed meanwhile is seen. */
  trigger(): void {
    if (!this.#isStarted) return;
    if (this.#running) {
      this.#isRunWanted = true;
      return;
    }
    this.#cancelTimer?.();
    this.#running = this.#runOnce().finally(() => {
      this.#running = undefined;
      if (!this.#isStarted) return;
      if (this.#isRunWanted) {
        this.#isRunWanted = false;
        this.trigger();
      } else {
        this.#scheduleNext();
      }
    });
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#isRunWanted = false;
    this.#cancelTimer?.();
    await this.#running;
  }

  #scheduleNext(): void {
    this.#cancelTimer = this.#options.clock.schedule(this.#options.everyMs(), () => this.trigger());
  }

  async #runOnce(): Promise<void> {
    try {
      await this.#options.run();
    } catch (error) {
      this.#options.onError(error);
    }
  }
}
