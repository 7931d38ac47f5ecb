import type { BackupManager } from "../database/backup/backup-manager.ts";
import type { Restorer } from "../database/backup/restorer.ts";

/** What `/dbbackup` works with. Nothing of it needs the database to be open. `Backups` is one. */
export interface BackupTools {
  readonly manager: Pick<BackupManager, "create" | "list" | "verify" | "planRestore">;
  readonly restorer: Pick<Restorer, "restore">;
}
