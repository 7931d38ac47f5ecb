import { isArchiveBehind } from "../../database/backup/archive-watch.ts";
import type { BackupStatus } from "../../database/backup/backup-manager.ts";
import type { RecoveryState } from "../../database/backup/recovery.ts";
import { formatDuration, formatMoment } from "../format-time.ts";
import type { Texts } from "../texts/texts.ts";

export interface BackupHealth {
  readonly status: BackupStatus;
  readonly recovery: RecoveryState;
  /** What the start found about the database that is no damage. */
  readonly notice: string | undefined;
  readonly isArchiving: boolean;
  /** How long a commit may wait to be archived at all. */
  readonly archiveIntervalMs: number;
}

/** What is done about a damaged database, and what a person can do. Nothing when it is not damaged. */
export function describeRecovery(state: RecoveryState, texts: Texts): string[] {
  const words = texts.admin.health.recovery;
  switch (state.kind) {
    case "idle":
      return [];
    case "confirming":
      return [words.confirming];
    case "recovering":
      return [words.recovering(state.share === undefined ? undefined : Math.floor(state.share * 100))];
    case "offered": {
      const { reachesAt, isComplete } = state.offer;
      const moment = reachesAt === undefined ? undefined : formatMoment(reachesAt, "long");
      return [words.offered(moment), isComplete ? words.offerComplete : words.offerIncomplete, words.howToAccept];
    }
    case "failed":
      return [words.failed, words.howToRestore];
  }
}

/** Written for the log: paths and codes are not for moderators. */
export function describeNotice(notice: string, texts: Texts): string {
  const plain = notice.replace(/\S*[\\/]\S*|\b[A-Z]{3,}_[A-Z_]+\b/g, "…");
  return texts.admin.health.recovery.notice(plain);
}

/** How safe the data is outside the database file; undefined = it is in memory. */
export function describeBackups(health: BackupHealth | undefined, texts: Texts): string {
  const words = texts.admin.health.backups;
  if (!health) return words.inMemory;
  const { lastBackup, backupStatus, restoreVerifiedAt } = health.status;
  const trial = restoreVerifiedAt === undefined ? undefined : formatMoment(restoreVerifiedAt, "relative");
  return [
    words.lastBackup(lastBackup && formatMoment(lastBackup.createdAt, "relative"), backupStatus),
    describeArchive(health, texts),
    words.lastTrial(trial),
  ].join("\n");
}

function describeArchive({ status, isArchiving, archiveIntervalMs }: BackupHealth, texts: Texts): string {
  const words = texts.admin.health.backups;
  if (!isArchiving) return words.archiveOff;
  if (!status.archive) return words.archiveAway;
  const lagMs = status.archive.pendingMs;
  if (lagMs === 0) return words.archiveCurrent;
  const lag = formatDuration(lagMs);
  return isArchiveBehind(lagMs, archiveIntervalMs) ? words.archiveBehind(lag) : words.archiveLag(lag);
}
