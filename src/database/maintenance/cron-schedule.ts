import { createTask } from "node-cron";
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

/** On the system's clock. Its timers do not keep the process alive. */
export function createCronSchedule(logger: Logger): Schedule {
  const cronLogger = {
    info: (message: string) => logger.debug(message),
    debug: (message: string | Error) => logger.debug(String(message)),
    warn: (message: string) => logger.warn(message),
    error: (message: string | Error, error?: Error) => logger.error(String(message), { error: error ?? message }),
  };
  return (expression, run) => {
    const task = createTask(expression, run, { unref: true, logger: cronLogger });
    void task.start();
    return () => void task.destroy();
  };
}
