import { join } from "node:path";
import type { Settings } from "../../config/settings.ts";
import type { ArchiveSettings } from "../sqlite/archive-keeper.ts";
import { ARCHIVE_FOLDER } from "./archive-index.ts";
import type { BackupsSettings } from "./backups.ts";
import type { RecoverySettings } from "./recovery.ts";

/** What of the program's settings backups go by. */

/** Only where neither a schedule nor an interval is set. */
const DEFAULT_INTERVAL_HOURS = 6;
const HOUR_MS = 3_600_000;

export function toBackupSettings(settings: Settings): BackupsSettings {
  return {
    isCompressed: settings.DB_COMPRESS_BACKUPS,
    key: toKey(settings),
    maxBackups: settings.DB_MAX_BACKUPS,
    keep: {
      dailyCount: settings.DB_KEEP_DAILY,
      weeklyCount: settings.DB_KEEP_WEEKLY,
      monthlyCount: settings.DB_KEEP_MONTHLY,
    },
    isArchiving: settings.DB_ARCHIVE,
    archiveIntervalMs: settings.DB_ARCHIVE_INTERVAL,
    isEnabled: settings.DB_BACKUP_ENABLED,
    expression: settings.DB_BACKUP_SCHEDULE === "" ? undefined : settings.DB_BACKUP_SCHEDULE,
    intervalMs: (settings.DB_BACKUP_INTERVAL_HOURS ?? DEFAULT_INTERVAL_HOURS) * HOUR_MS,
    drillExpression: settings.DB_INTEGRITY_SCHEDULE,
  };
}

export function toRecoverySettings(settings: Settings): RecoverySettings {
  return { isAutomatic: settings.DB_AUTO_RECOVER, key: toKey(settings), isArchiving: settings.DB_ARCHIVE };
}

/** undefined = nothing is archived. */
export function toArchiveSettings(settings: Settings, backupFolder: string): ArchiveSettings | undefined {
  if (!settings.DB_ARCHIVE) return undefined;
  return { folder: join(backupFolder, ARCHIVE_FOLDER), intervalMs: settings.DB_ARCHIVE_INTERVAL };
}

function toKey({ DB_BACKUP_KEY: key }: Settings): string | undefined {
  return key === "" ? undefined : key;
}
