import type { Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import type { RecoveryLog } from "../../resilience/recovery-log.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import type { MaintenanceRunner } from "../maintenance/maintenance-runner.ts";
import { quarantineFolderAt } from "../sqlite/replacement.ts";
import type { SqliteEngine } from "../sqlite/sqlite-engine.ts";
import { createBehindError, type BackupManager } from "./backup-manager.ts";
import type { ExchangeDatabaseResult } from "./exchange-database.ts";
import { removeRestoreLeftovers, type RestoreResult } from "./execute-restore.ts";
import type { RestoreTarget } from "./restore-facts.ts";

export interface RestorerOptions {
  readonly databasePath: string;
  readonly backups: Pick<BackupManager, "prepareRestore" | "requireArchived" | "completeArchive">;
  readonly engine: Pick<SqliteEngine, "withFilesReleased">;
  readonly run: MaintenanceRunner["run"];
  readonly exclusively: RunExclusively;
  readonly recovery: RecoveryLog;
  readonly clock: Clock;
}

export type RestoreOutcome = RestoreResult & {
  /** Where the former database is kept; undefined when there was none. */
  readonly quarantineFolder: string | undefined;
};

/** Runs a restore while nothing else puts a database in place; `isReleased`: nobody has the files open as it is. */
export type RunExclusively = <Result>(restore: (isReleased: boolean) => Promise<Result>) => Promise<Result>;

/**
 * Restores under a running bot. The new file is put together and verified beside the present one; only then are the
 * database's files released, exchanged, and opened again. What members ask meanwhile is answered as whenever the database
 * is away, and what they write is applied to the restored one. What the former database had is set aside, not destroyed.
 */
export class Restorer {
  readonly #options: RestorerOptions;

  constructor(options: RestorerOptions) {
    this.#options = options;
  }

  /**
   * Throws CONFLICT while another one, or a recovery, is in progress, and what planning and putting together throw: then
   * nothing has changed. A database that does not open after the exchange is tried again and again, like any other.
   */
  restore(target: RestoreTarget, onProgress?: ReportProgress): Promise<RestoreOutcome> {
    const { recovery, exclusively, databasePath } = this.#options;
    return exclusively(async (isReleased) => {
      const action = recovery.begin("restore", "database");
      try {
        const outcome = await this.#restore(target, isReleased, onProgress);
        action.succeed(`as of ${new Date(outcome.reachedAt).toISOString()}, from the backup ${outcome.snapshotId}`);
        return outcome;
      } catch (error) {
        action.fail(error);
        // Not exchanged: it is as large as the database, and nobody can use it. One that is being exchanged has its last name.
        await removeRestoreLeftovers(databasePath).catch(() => undefined);
        throw error;
      }
    });
  }

  async #restore(
    target: RestoreTarget,
    isReleased: boolean,
    onProgress: ReportProgress | undefined,
  ): Promise<RestoreOutcome> {
    const { engine, backups } = this.#options;
    const cause = new MusterError("DATABASE_UNAVAILABLE", "use the database: a backup is being restored", {
      hint: "It opens again by itself.",
    });
    const prepare = (): Promise<RestoreResult> => backups.prepareRestore(target, onProgress);
    if (isReleased) return this.#exchange(await prepare());
    // The newest state is complete only when nobody writes any more; of any earlier one nothing changes meanwhile.
    if (target.kind === "newest") {
      await backups.requireArchived();
      return engine.withFilesReleased(cause, async () => {
        const unarchived = await backups.completeArchive(0);
        if (unarchived !== undefined) throw createBehindError(unarchived);
        return this.#exchange(await prepare());
      });
    }
    const result = await prepare();
    return engine.withFilesReleased(cause, async () => {
      // A writer that was given up has not archived its last changes, and what is set aside is archived no more.
      const unarchived = await backups.completeArchive(0);
      const warnings = unarchived === undefined ? result.warnings : [unarchived, ...result.warnings];
      return this.#exchange({ ...result, warnings });
    });
  }

  async #exchange(result: RestoreResult): Promise<RestoreOutcome> {
    const { databasePath, run, clock } = this.#options;
    const folder = quarantineFolderAt(databasePath, clock.now());
    const job = { kind: "exchange-database", databasePath, quarantineFolder: folder, isPrepared: true } as const;
    return describeExchange(result, databasePath, await run(job));
  }
}

/** The restore, with the database in its place. */
export function describeExchange(
  result: RestoreResult,
  databasePath: string,
  { quarantineFolder, hadOffer }: ExchangeDatabaseResult,
): RestoreOutcome {
  const setAside = "The database that the bot had recovered and offered was not used; it is kept with the former one.";
  const warnings = hadOffer ? [...result.warnings, setAside] : result.warnings;
  return { ...result, path: databasePath, quarantineFolder, warnings };
}
