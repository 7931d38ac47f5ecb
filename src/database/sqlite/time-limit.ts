import { sleep, systemClock } from "../../core/clock.ts";

/**
 * Whether it settles, in whatever way, within this time. By the system's clock, whatever clock the program runs on:
 * what is waited for is the operating system's.
 */
export async function settlesWithin(work: Promise<unknown>, limitMs: number): Promise<boolean> {
  const timeLimit = new AbortController();
  const settled = work.then(
    () => true,
    () => true,
  );
  const expired = sleep(systemClock, limitMs, timeLimit.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([settled, expired]);
  } finally {
    timeLimit.abort();
  }
}
