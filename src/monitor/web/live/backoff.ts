/** Waits between attempts to reach the bot: doubled each time up to the last, each 20 % longer or shorter. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const JITTER = 0.2;

/** How long to wait before the given attempt, counted from 1. `random` is 0 to 1. */
export function waitBeforeAttemptMs(attempt: number, random: number): number {
  const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  return Math.round(waitMs * (1 + JITTER * (2 * random - 1)));
}
