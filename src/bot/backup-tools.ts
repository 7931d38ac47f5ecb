import type { BackupManager } from "../database/backup/backup-manager.ts";
import type { Recovery } from "../database/backup/recovery.ts";
import type { Restorer } from "../database/backup/restorer.ts";

/** What `/dbbackup` works with. Nothing of it needs the database to be open. */
export interface BackupTools {
  readonly manager: Pick<BackupManager, "create" | "list" | "verify" | "planRestore" | "status">;
  readonly restorer: Pick<Restorer, "restore">;
  /** Of a damaged database. */
  readonly recovery?: Pick<Recovery, "status" | "accept">;
}
