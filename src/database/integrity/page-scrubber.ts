import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { RecoveryLog } from "../../resilience/recovery-log.ts";
import type { ScrubPagesResult } from "../backup/scrub-pages.ts";
import type { MaintenanceRunner } from "../maintenance/maintenance-runner.ts";
import { quarantineFolderAt } from "../sqlite/replacement.ts";
import type { SqliteEngine } from "../sqlite/sqlite-engine.ts";

export interface PageScrubberOptions {
  readonly databasePath: string;
  readonly backupFolder: string;
  readonly settings: () => { readonly isArchiving: boolean; readonly key: string | undefined };
  readonly run: MaintenanceRunner["run"];
  readonly engine: Pick<SqliteEngine, "withFilesReleased" | "flushArchive">;
  readonly recovery: RecoveryLog;
  readonly onRepaired: (details: { readonly pages: readonly number[]; readonly quarantineFolder: string }) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export type ScrubOutcome =
  | { readonly kind: "sound"; readonly result: ScrubPagesResult }
  /** Nothing tells what the pages have to be: no archive, no snapshot yet, a key that does not fit. */
  | { readonly kind: "unprovable"; readonly reason: string }
  | { readonly kind: "repaired"; readonly pages: readonly number[] }
  /** More than can be mended in place. `isProvedDamage`, unless the archive could not tell any more. */
  | { readonly kind: "damaged"; readonly error: MusterError };

/** The archive has the word: SQLite's own check sees no more than a quarter of what it proves. */
export function isProvedDamage({ details }: MusterError): boolean {
  return details?.["isProved"] === true;
}

/** Beyond both the disk is at fault, and a whole new file is the better answer. */
const MAX_DAMAGED_SHARE = 0.05;
const MAX_DAMAGED_COUNT = 64;
const MAX_NAMED = 20;

/**
 * Finds pages of the database that are not what was written to them, and puts the right content back. Looking disturbs
 * nobody; for putting it back the files are released for a moment, which members notice as a short pause.
 */
export class PageScrubber {
  readonly #options: PageScrubberOptions;
  #running: Promise<ScrubOutcome> | undefined;

  constructor(options: PageScrubberOptions) {
    this.#options = options;
  }

  /** One at a time: who asks meanwhile gets the same. Rejects with SHUTTING_DOWN, or when the job itself fails. */
  scrub(signal?: AbortSignal): Promise<ScrubOutcome> {
    this.#running ??= this.#scrub(signal).finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #scrub(signal: AbortSignal | undefined): Promise<ScrubOutcome> {
    const { databasePath, backupFolder, settings } = this.#options;
    const { isArchiving, key } = settings();
    if (!isArchiving) return { kind: "unprovable", reason: "there is no archive" };
    const shared = { databasePath, backupFolder, ...(key === undefined ? {} : { key }) };
    const found = await this.#look(shared, signal);
    if (found.kind !== "differs") return found;
    const { damagedPages, pageCount } = found.result;
    if (damagedPages.length > Math.max(MAX_DAMAGED_COUNT, pageCount * MAX_DAMAGED_SHARE)) {
      return { kind: "damaged", error: createDamage(damagedPages.length, pageCount) };
    }
    return this.#repair(shared, damagedPages);
  }

  async #look(shared: Shared, signal?: AbortSignal): Promise<Look> {
    const { run, engine, logger } = this.#options;
    try {
      await engine.flushArchive();
      const result = await run({ kind: "scrub-pages", ...shared }, signal ? { signal } : {});
      const isSound = result.damagedPages.length === 0 && !result.isLogDamaged;
      return isSound ? { kind: "sound", result } : { kind: "differs", result };
    } catch (error) {
      if (!isMusterError(error, "BACKUP_NOT_FOUND", "BACKUP_DAMAGED", "BACKUP_KEY_WRONG")) throw error;
      logger.warn("the pages of the database could not be held against the archive", { error });
      return { kind: "unprovable", reason: error.message };
    }
  }

  async #repair(shared: Shared, pages: readonly number[]): Promise<ScrubOutcome> {
    const { engine, run, recovery, onRepaired, clock, logger } = this.#options;
    const named = pages.slice(0, MAX_NAMED);
    logger.error("pages of the database are not what was written to them, mending them", { pages: named });
    const quarantineFolder = quarantineFolderAt(shared.databasePath, clock.now());
    const cause = new MusterError("DATABASE_UNAVAILABLE", "use the database: damaged pages of it are being mended", {
      hint: "It opens again by itself.",
    });
    const action = recovery.begin("repair-pages", "database");
    try {
      // Closing moves the log to the file, also a damaged frame of it: so those are looked at as well.
      const { repairedPages } = await engine.withFilesReleased(cause, async () => {
        const found = await run({ kind: "scrub-pages", ...shared, isReleased: true });
        const all = [...new Set([...pages, ...found.damagedPages])];
        return run({ kind: "repair-pages", ...shared, pages: all, quarantineFolder });
      });
      action.succeed(`${repairedPages.length} pages`);
      logger.error("damaged pages were mended from the archive", { pages: repairedPages.slice(0, MAX_NAMED) });
      onRepaired({ pages: repairedPages, quarantineFolder });
      return { kind: "repaired", pages: repairedPages };
    } catch (thrown) {
      action.fail(thrown);
      if (isMusterError(thrown, "SHUTTING_DOWN", "CONFLICT")) throw thrown;
      return this.#judgeUnmended(shared, toError(thrown));
    }
  }

  /** What kept it from being mended may have been a moment's, or have come after it was: what is there now counts. */
  async #judgeUnmended(shared: Shared, cause: Error): Promise<ScrubOutcome> {
    this.#options.logger.error("damaged pages could not be mended", { error: cause });
    const found = await this.#look(shared);
    if (found.kind === "sound") return found;
    const error = new MusterError(
      "DATABASE_CORRUPT",
      `check the database: its pages cannot be mended: ${cause.message}`,
      { cause, details: { isProved: found.kind === "differs" } },
    );
    return { kind: "damaged", error };
  }
}

interface Shared {
  readonly databasePath: string;
  readonly backupFolder: string;
  readonly key?: string;
}

type Look =
  | Extract<ScrubOutcome, { kind: "sound" | "unprovable" }>
  | { readonly kind: "differs"; readonly result: ScrubPagesResult };

function createDamage(damagedCount: number, pageCount: number): MusterError {
  const message = `check the database: ${damagedCount} of its ${pageCount} pages are not what was written to them`;
  return new MusterError("DATABASE_CORRUPT", message, {
    hint: "It is recovered from archive and snapshots. Look at the disk.",
    details: { isProved: true },
  });
}
