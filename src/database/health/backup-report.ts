import { findNextCronMoment } from "../../config/cron.ts";
import { isArchiveBehind } from "../backup/archive-watch.ts";
import type { BackupStatus } from "../backup/backup-manager.ts";
import type { BackupsSettings } from "../backup/backups.ts";
import type { BackupReport } from "./health-types.ts";

export interface BackupFacts {
  readonly status: BackupStatus;
  readonly settings: BackupsSettings;
  /** As the canary has measured last. */
  readonly canaryLagMs: number | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
}

export function createBackupReport({ status, settings, canaryLagMs, now }: BackupFacts): BackupReport {
  const { backupStatus, lastBackup, lastError, restoreVerifiedAt } = status;
  return withoutUndefined({
    backupStatus,
    lastBackupAt: lastBackup?.createdAt,
    lastBackupId: lastBackup?.id,
    lastBackupBytes: lastBackup?.storedBytes,
    // Of a failure that a later success has made up for nobody needs to know.
    lastError: backupStatus === "SUCCESS" ? undefined : lastError,
    nextBackupAt: findBackupMoment(settings, lastBackup?.createdAt, now),
    restorableUntil: findRestorableUntil(status),
    restoreVerifiedAt,
    archive: createArchiveReport(status, settings, canaryLagMs),
  });
}

/** When the next backup is due by schedule; a moment that is past = it is overdue. undefined = none is made. */
export function findBackupMoment(
  { isEnabled, expression, intervalMs }: BackupsSettings,
  lastBackupAt: number | undefined,
  now: number,
): number | undefined {
  if (!isEnabled) return undefined;
  // The first one is made a moment after the start.
  if (lastBackupAt === undefined) return now;
  // From a clock that was set back since, nothing can be told.
  const since = Math.min(lastBackupAt, now);
  return expression === undefined ? since + intervalMs : findNextCronMoment(expression, since);
}

/** Where the archive belongs to the newest backup and nothing waited for it, up to when that was seen, not up to now. */
function findRestorableUntil({ lastBackup, archive }: BackupStatus): number | undefined {
  if (!lastBackup) return undefined;
  const isContinued = archive !== undefined && lastBackup.archive?.from.generation === archive.generation;
  if (!isContinued) return lastBackup.createdAt;
  // In the very millisecond of the look something may have been committed behind it.
  const archivedUntil = archive.pendingSince === undefined ? archive.at - 1 : (archive.archivedUntil ?? 0);
  return Math.max(lastBackup.createdAt, archivedUntil);
}

function createArchiveReport(
  { archive }: BackupStatus,
  { isArchiving, archiveIntervalMs }: BackupsSettings,
  canaryLagMs: number | undefined,
): BackupReport["archive"] {
  // Without a writer nobody archives, and nothing is written that would have to be.
  if (!isArchiving || !archive) return { isEnabled: isArchiving, status: "off" };
  const { pendingSince, pendingMs, lastError } = archive;
  const lagMs = Math.max(pendingMs, canaryLagMs ?? 0);
  const isFailing = pendingSince !== undefined && lastError !== undefined;
  return { isEnabled: true, lagMs, status: isFailing || isArchiveBehind(lagMs, archiveIntervalMs) ? "behind" : "ok" };
}

function withoutUndefined(report: { [Key in keyof BackupReport]: BackupReport[Key] | undefined }): BackupReport {
  return Object.fromEntries(
    Object.entries(report).filter(([, value]) => value !== undefined),
  ) as unknown as BackupReport;
}
