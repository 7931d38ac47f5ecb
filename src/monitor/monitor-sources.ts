import type { BackupManager } from "../database/backup/backup-manager.ts";
import type { Recovery } from "../database/backup/recovery.ts";
import type { Restorer } from "../database/backup/restorer.ts";
import type { ErrorHandler } from "../database/error-handler.ts";
import type { QueueView } from "../database/write-path.ts";
import type { RecoveryLog } from "../resilience/recovery-log.ts";
import type { ReadStore } from "../store/store.ts";
import type { Alerts } from "./alerts/alerts.ts";
import type { HealthSource } from "./health-source.ts";
import type { CallFigures } from "./metrics/call-figures.ts";

/** Backups are files beside the database: making one, or putting one in its place, is no write of data. */
export interface MonitorBackups {
  readonly manager: Pick<BackupManager, "create" | "list" | "verify" | "planRestore">;
  readonly restorer: Pick<Restorer, "restore">;
  /** Of a damaged database. */
  readonly recovery?: Pick<Recovery, "status">;
}

/** All that the monitor sees of the program. Nothing in here can change what is stored. */
export interface MonitorSources {
  readonly health: HealthSource;
  readonly calls: CallFigures;
  /** Calls back whenever the database becomes available, limited or unavailable. Returns what ends it. */
  readonly onStateChange: (listener: () => void) => () => void;
  readonly errors: Pick<ErrorHandler, "recent">;
  readonly recovery: Pick<RecoveryLog, "list">;
  readonly alerts: Pick<Alerts, "list">;
  /** undefined with a database in memory. */
  readonly queue: QueueView | undefined;
  /** undefined with a database in memory. */
  readonly backups: MonitorBackups | undefined;
  readonly store: ReadStore;
}

/** What was done on a request through the monitor: for the audit log. */
export interface FinishedWork {
  readonly action: "backup.create" | "backup.verify" | "backup.restore";
  readonly target: string;
  readonly isSuccess: boolean;
  readonly details: Readonly<Record<string, string | number>>;
}
