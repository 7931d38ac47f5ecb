import { readFile } from "node:fs/promises";
import { sleep, type Clock } from "../core/clock.ts";
import { writeFileDurably } from "../core/durable-file.ts";
import type { Logger } from "../core/logger.ts";

/**
 * Slows down a bot that its supervisor starts again and again: every start identifies at Discord's gateway, and more
 * than 1,000 of those a day reset the token. Recent starts are remembered in a file; the first few cost nothing.
 */
const WINDOW_MS = 60 * 60_000;
const FREE_STARTS = 10;
const BASE_DELAY_MS = 5_000;
/** With one start each five minutes a day has 288. */
const MAX_DELAY_MS = 5 * 60_000;

/** How long to wait before connecting, by the number of earlier starts within the last hour. */
export function startDelayMs(recentStartCount: number): number {
  if (recentStartCount < FREE_STARTS) return 0;
  return Math.min(BASE_DELAY_MS * 2 ** (recentStartCount - FREE_STARTS), MAX_DELAY_MS);
}

/** Notes this start in the file at `path` and waits as long as the recent ones call for. */
export async function throttleStart(path: string, clock: Clock, logger: Logger, signal?: AbortSignal): Promise<void> {
  const now = clock.now();
  const recent = (await readStarts(path)).filter((at) => at > now - WINDOW_MS && at <= now);
  try {
    await writeFileDurably(path, JSON.stringify([...recent, now].slice(-100)));
  } catch (error) {
    // A disk without space is no reason not to start.
    logger.warn("this start could not be noted", { error });
  }
  const delayMs = startDelayMs(recent.length);
  if (delayMs === 0) return;
  logger.warn("many starts within an hour: waiting before connecting to Discord", {
    startCount: recent.length,
    delayMs,
  });
  await sleep(clock, delayMs, signal);
}

/** A file that is missing or cannot be read is one without starts: it only ever saves waiting. */
async function readStarts(path: string): Promise<number[]> {
  try {
    const starts: unknown = JSON.parse(await readFile(path, "utf8"));
    return Array.isArray(starts) ? starts.filter((at) => typeof at === "number") : [];
  } catch {
    return [];
  }
}
