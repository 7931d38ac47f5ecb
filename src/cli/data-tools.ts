import { dirname, join, resolve } from "node:path";
import { loadSettingsFromDisk } from "../config/load-settings.ts";
import type { Settings } from "../config/settings.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { isMusterError, MusterError } from "../core/errors.ts";
import type { LogFields, Logger } from "../core/logger.ts";
import { ARCHIVE_FOLDER } from "../database/backup/archive-index.ts";
import { BackupManager } from "../database/backup/backup-manager.ts";
import { toBackupSettings } from "../database/backup/backup-settings.ts";
import { cleanSnapshotLeftovers } from "../database/backup/snapshot-files.ts";
import { snapshotFolderOf } from "../database/backup/snapshot-manifest.ts";
import { MaintenanceRunner } from "../database/maintenance/maintenance-runner.ts";
import { acquireInstanceLock, type InstanceLock } from "../database/sqlite/instance-lock.ts";
import { actAsOwner } from "./act-as-owner.ts";
import type { Workplace } from "./workplace.ts";

/** What the verbs work on the data with, put together from the settings as the bot would put it together. */
export interface DataTools {
  readonly settings: Settings;
  readonly databasePath: string;
  /** The folder of the database. */
  readonly dataFolder: string;
  readonly backups: BackupManager;
  readonly run: MaintenanceRunner["run"];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Keeps a bot from starting until it is released. Throws INSTANCE_LOCKED while one runs. */
  lock(activity: string, hint?: string): InstanceLock;
}

/** A person is waiting, and can try again when the reason is gone. */
const ONE_TRY = { maxAttempts: 1, baseDelay: 0, maxDelay: 0, backoffMultiplier: 1 } as const;

/**
 * Runs a verb. Ctrl-C ends the process of the job that runs, with
 * what it had begun, and SHUTTING_DOWN with `stoppedText` is thrown. Throws CONFIG_INVALID for a database that is in
 * memory only.
 */
export async function withDataTools<Result>(
  { folder, createMaintenance = (parts) => new MaintenanceRunner(parts) }: Workplace,
  body: (tools: DataTools) => Promise<Result>,
  stoppedText = "stopped before it was done",
): Promise<Result> {
  const settings = loadSettingsFromDisk(folder);
  if (settings.TEST_MODE) {
    throw new MusterError("CONFIG_INVALID", "find the database: with TEST_MODE it is in the bot's memory only", {
      hint: "Set TEST_MODE=false.",
    });
  }
  const backupFolder = resolve(folder, settings.DB_BACKUP_DIR);
  const databasePath = resolve(folder, settings.DATABASE_PATH);
  // The bot itself has made these.
  actAsOwner([databasePath, join(backupFolder, ARCHIVE_FOLDER), snapshotFolderOf(backupFolder)]);
  const interruption = new AbortController();
  const clock = systemClock;
  const logger = createConsoleLogger();
  const maintenance = createMaintenance({ clock, logger });
  const run: MaintenanceRunner["run"] = (job, options) => maintenance.run(job, options);
  const backups = createBackupManager({ settings, databasePath, backupFolder, run, clock, logger });
  const interrupt = (): void => {
    interruption.abort(new MusterError("SHUTTING_DOWN", stoppedText));
    backups.stop();
    void maintenance.stop();
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  try {
    return await body({
      ...{ settings, databasePath, dataFolder: dirname(databasePath), backups, run, clock, logger },
      signal: interruption.signal,
      lock: (activity, hint) => lockData(join(dirname(databasePath), "muster.lock"), activity, clock, hint),
    });
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    // What the killed job left is nobody's; what a running bot is making has a living process.
    await maintenance.stop();
    await cleanSnapshotLeftovers(backupFolder);
    throw interruption.signal.reason;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    await maintenance.stop();
  }
}

interface BackupParts extends Pick<DataTools, "settings" | "databasePath" | "run" | "clock" | "logger"> {
  readonly backupFolder: string;
}

function createBackupManager({ settings, backupFolder, ...parts }: BackupParts): BackupManager {
  return new BackupManager({
    ...parts,
    folder: backupFolder,
    settings: () => toBackupSettings(settings),
    retry: () => ONE_TRY,
    // Where a running bot writes its archive is not known here: the newest segments are left alone.
    getArchiveStatus: () => undefined,
    // Only the bot that writes it can: what it has not archived yet comes within its interval.
    flushArchive: () => Promise.resolve(),
  });
}

const RESTORE_HINT = "Use /dbbackup restore in Discord, which works while the bot runs, or stop the bot first.";

function lockData(path: string, activity: string, clock: Clock, hint = RESTORE_HINT): InstanceLock {
  try {
    return acquireInstanceLock({ path, clock });
  } catch (error) {
    if (!isMusterError(error, "INSTANCE_LOCKED")) throw error;
    throw new MusterError("INSTANCE_LOCKED", `${activity}: a bot is running on this data (${error.message})`, {
      cause: error,
      hint,
      ...(error.details === undefined ? {} : { details: error.details }),
    });
  }
}

/** What goes wrong beside the work itself, on stderr. */
function createConsoleLogger(): Logger {
  const print = (message: string, { error }: LogFields = {}): void =>
    console.error(error instanceof Error ? `${message}: ${error.message}` : message);
  // Not the silent one with two members changed: it would bring all that writes log files with it.
  const logger: Logger = {
    error: print,
    warn: print,
    info: () => undefined,
    debug: () => undefined,
    with: () => logger,
  };
  return logger;
}
