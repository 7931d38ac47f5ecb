import type { SettingsReport } from "../config/settings-watcher.ts";
import type { ArchiveEvent } from "../database/backup/archive-watch.ts";
import type { BackupEvent } from "../database/backup/backup-manager.ts";
import type { RecoveryIncident } from "../database/backup/recovery.ts";
import type { IntegrityIncident } from "../database/integrity/integrity-monitor.ts";
import type { MigrationEvent } from "../database/schema/migration-gate.ts";
import type { DegradationState } from "../resilience/graceful-degradation.ts";
import type { RecoveryAction } from "../resilience/recovery-log.ts";

/** What happens to the program and its database, for all who keep or tell it: audit log, alerts. */
export type SystemEvent =
  | { readonly of: "backup"; readonly event: BackupEvent | ArchiveEvent }
  | { readonly of: "migration"; readonly event: MigrationEvent }
  | { readonly of: "integrity"; readonly incident: IntegrityIncident }
  | { readonly of: "recovery"; readonly incident: RecoveryIncident }
  | { readonly of: "action"; readonly action: RecoveryAction }
  | { readonly of: "state"; readonly state: DegradationState }
  | { readonly of: "dead-letter"; readonly operation: string }
  | { readonly of: "settings"; readonly report: Exclude<SettingsReport, { kind: "unchanged" }> };
