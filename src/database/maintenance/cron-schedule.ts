import { createTask } from "node-cron";
import type { Logger } from "../../core/logger.ts";

/** Calls back at the moments of a cron expression, in the host's time zone, until the function returned is called. */
export type Schedule = (expression: string, run: () => void) => () => void;

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
