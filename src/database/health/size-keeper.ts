import type { Clock } from "../../core/clock.ts";
import { isMusterError, toError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { MaintenanceRunner } from "../maintenance/maintenance-runner.ts";
import type { VacuumResult } from "../maintenance/vacuum.ts";
import type { DatabaseFilesSize } from "./database-files.ts";
import { NEAR_LIMIT_SHARE } from "./problems.ts";

/** Old data of one kind that can go. */
export interface CleanUp {
  readonly name: string;
  /** Deletes at most so many of the oldest from before a moment, and says how many. */
  readonly prune: (input: { readonly before: number; readonly limit: number }) => Promise<number>;
  /** What is younger stays. */
  readonly keepDays: number;
}

/** What was done because the database came near the size it may have. */
export interface SizeWork {
  readonly deleted: Readonly<Record<string, number>>;
  /** undefined = not tried: no room, or never quiet. */
  readonly vacuum: VacuumResult | undefined;
}

export interface SizeKeeperOptions {
  readonly databasePath: string;
  /** `DB_MAX_SIZE`. */
  readonly maxBytes: () => number;
  readonly cleanUps: readonly CleanUp[];
  readonly run: MaintenanceRunner["run"];
  readonly onWork: (work: SizeWork) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known at a health check. */
export interface SizeFacts {
  readonly files: DatabaseFilesSize;
  readonly isAvailable: boolean;
  /** Calls of the database in a second, over the last minute. */
  readonly perSecond: number;
  readonly uptimeMs: number;
}

export type SizeStep = "none" | "clean-up" | "vacuum";

const DAY_MS = 86_400_000;
const LIMIT = 1_000;
/** After the start there are people to serve. */
const START_DELAY_MS = 5 * 60_000;
/** Writes wait while the file is made smaller: not while there are more than these. */
const QUIET_PER_SECOND = 1;
/** Once more for SQLite's copy, once in the log, once in the archive. */
const ROOM_FACTOR = 3;
const MIN_FREE_SHARE = 0.2;

/** What is to be done now. `doneAgoMs`: since the last clean-up; `isVacuumOwed`: it was not followed by a vacuum yet. */
export function planSizeStep(
  { files, isAvailable, perSecond, uptimeMs }: SizeFacts,
  maxBytes: number,
  { doneAgoMs, isVacuumOwed }: { readonly doneAgoMs: number; readonly isVacuumOwed: boolean },
): SizeStep {
  const bytes = files.databaseBytes + files.walBytes;
  if (!isAvailable || uptimeMs < START_DELAY_MS || bytes < maxBytes * NEAR_LIMIT_SHARE) return "none";
  if (doneAgoMs >= DAY_MS) return "clean-up";
  if (!isVacuumOwed || files.diskFreeBytes < files.databaseBytes * ROOM_FACTOR) return "none";
  return perSecond <= QUIET_PER_SECOND || bytes >= maxBytes ? "vacuum" : "none";
}

/**
 * Keeps the database under the size it may have: deletes what is old, little by little, and gives the space back to the
 * disk at a quiet moment. At most once a day.
 */
export class SizeKeeper {
  readonly #options: SizeKeeperOptions;
  readonly #stopping = new AbortController();
  #cleanedMonotonic = -Infinity;
  #deleted: Record<string, number> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: SizeKeeperOptions) {
    this.#options = options;
  }

  /** Begins what is to be done, and does not wait for it. */
  look(facts: SizeFacts): void {
    const { clock, maxBytes } = this.#options;
    if (this.#running || this.#stopping.signal.aborted) return;
    const step = planSizeStep(facts, maxBytes(), {
      doneAgoMs: clock.monotonic() - this.#cleanedMonotonic,
      isVacuumOwed: this.#deleted !== undefined,
    });
    if (step === "none") return;
    const work = step === "clean-up" ? this.#cleanUp() : this.#vacuum();
    this.#running = work.finally(() => (this.#running = undefined));
  }

  /** Resolves when what was begun is done, or given up. */
  async settle(): Promise<void> {
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #cleanUp(): Promise<void> {
    const { clock, cleanUps, logger } = this.#options;
    this.#report();
    this.#cleanedMonotonic = clock.monotonic();
    const deleted: Record<string, number> = {};
    for (const cleanUp of cleanUps) {
      try {
        deleted[cleanUp.name] = await this.#prune(cleanUp);
      } catch (error) {
        logger.warn("old data could not be deleted", { what: cleanUp.name, error });
      }
    }
    logger.info("the database is near DB_MAX_SIZE: old data was deleted", { deleted });
    this.#deleted = deleted;
  }

  async #prune({ prune, keepDays }: CleanUp): Promise<number> {
    const before = this.#options.clock.now() - keepDays * DAY_MS;
    let [total, count] = [0, LIMIT];
    while (count === LIMIT && !this.#stopping.signal.aborted) {
      count = await prune({ before, limit: LIMIT });
      total += count;
    }
    return total;
  }

  async #vacuum(): Promise<void> {
    const { databasePath: path, run, logger } = this.#options;
    try {
      const job = { kind: "vacuum", path, minFreeShare: MIN_FREE_SHARE } as const;
      const result = await run(job, { signal: this.#stopping.signal });
      logger.info("the database's file was gone over", { ...result });
      this.#report(result);
    } catch (error) {
      if (!isMusterError(error, "SHUTTING_DOWN")) {
        logger.warn("the database's file could not be made smaller", { error: toError(error) });
        this.#report();
      }
    }
  }

  /** Tells what has been done since the last clean-up; a vacuum that never found its moment is not waited for for ever. */
  #report(vacuum?: VacuumResult): void {
    const deleted = this.#deleted;
    this.#deleted = undefined;
    if (deleted) this.#options.onWork({ deleted, vacuum });
  }
}
