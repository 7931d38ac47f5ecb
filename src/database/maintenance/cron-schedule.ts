import { findNextCronMoment } from "../../config/cron.ts";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";

/** Calls back at the moments of a cron expression, in the host's time zone, until the function returned is called. */
export type Schedule = (expression: string, run: () => void) => () => void;

/** Something that is done at the moments of an expression which may change meanwhile. */
export class CronJob {
  readonly #schedule: Schedule;
  readonly #run: () => void;
  #expression: string | undefined;
  #end: (() => void) | undefined;

  constructor(schedule: Schedule, run: () => void) {
    this.#schedule = schedule;
    this.#run = run;
  }

  /** undefined = never. */
  set(expression: string | undefined): void {
    if (expression === this.#expression) return;
    this.stop();
    this.#expression = expression;
    if (expression !== undefined) this.#end = this.#schedule(expression, this.#run);
  }

  stop(): void {
    this.#end?.();
    this.#end = undefined;
    this.#expression = undefined;
  }
}

/** No timer runs longer: so soon a clock that was set, or a machine that was suspended, is noticed. */
const LOOK_INTERVAL_MS = 10_000;
/** A clock that is set back by less is brought in line, and does not bring back a moment that has come. */
const SET_BACK_TOLERANCE_MS = 5_000;

/**
 * By the time of day, which may jump: it is looked again and again whether the next moment has come. Of the moments that
 * a jump or a suspended machine has left behind one is made up for, however many they are: what they are there for was
 * not done. When the clock is set back, its next moment is found anew, not when it will have caught up.
 */
export function createCronSchedule(clock: Clock, logger: Logger): Schedule {
  return (expression, run) => {
    // The next moment is the first one after `since`, and stays so until it comes, or the clock is before `since`.
    let since = 0;
    let nextAt = 0;
    let cancelTimer = (): void => undefined;

    const plan = (now: number): void => {
      since = now;
      nextAt = findNextCronMoment(expression, now) ?? Infinity;
    };
    const arm = (now: number): void => {
      cancelTimer = clock.schedule(Math.min(nextAt - now, LOOK_INTERVAL_MS), look);
    };
    const look = (): void => {
      const now = clock.now();
      const isDue = now >= nextAt;
      if (isDue || now < since - SET_BACK_TOLERANCE_MS) plan(now);
      // First, because what is run may fail, or end the schedule.
      arm(now);
      if (!isDue) return;
      try {
        run();
      } catch (error) {
        logger.error("what was scheduled failed", { expression, error });
      }
    };

    const now = clock.now();
    plan(now);
    arm(now);
    return () => cancelTimer();
  };
}
