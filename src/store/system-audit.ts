import type { Logger } from "../core/logger.ts";
import type { ArchiveEvent } from "../database/backup/archive-watch.ts";
import type { BackupEvent } from "../database/backup/backup-manager.ts";
import { describeBackupEvent } from "../database/backup/backups.ts";
import type { RecoveryIncident } from "../database/backup/recovery.ts";
import type { SizeWork } from "../database/health/size-keeper.ts";
import type { MigrationEvent } from "../database/schema/migration-gate.ts";
import type { RecoveryAction } from "../resilience/recovery-log.ts";
import type { AuditOutcome } from "./audit-chain.ts";
import type { AuditLog } from "./audit-log.ts";
import { SYSTEM_CHAIN, type NewAuditEntry } from "./audit.ts";
import { SYSTEM_ACTOR } from "./inputs.ts";
import type { SystemEvent } from "./system-event.ts";

type Details = NewAuditEntry["details"];

/**
 * What the program does to itself, in the audit log: restores, migrations, recoveries, changed settings. An entry that
 * cannot be recorded is told of in the log, and stops nothing. What happens before the audit log is open waits for it.
 */
export class SystemAudit {
  readonly #audit: Pick<AuditLog, "record">;
  readonly #logger: Logger;
  readonly #opened = Promise.withResolvers<void>();

  constructor(audit: Pick<AuditLog, "record">, logger: Logger) {
    this.#audit = audit;
    this.#logger = logger;
  }

  /** The audit log is open. */
  open(): void {
    this.#opened.resolve();
  }

  async record(action: string, target: string, outcome: AuditOutcome, details: Details = {}): Promise<void> {
    try {
      await this.#opened.promise;
      await this.#audit.record({ guildId: SYSTEM_CHAIN, actorId: SYSTEM_ACTOR, action, target, outcome, details });
    } catch (error) {
      this.#logger.error("what the program did to itself was not audited", { action, error });
    }
  }

  /** What was deleted and given back because the database came near its limit. */
  recordSizeWork({ deleted, vacuum }: SizeWork): void {
    const details = vacuum ? { deleted, bytesBefore: vacuum.bytesBefore, bytesAfter: vacuum.bytesAfter } : { deleted };
    void this.record("database.clean-up", "database", "success", details);
  }

  take(event: SystemEvent): Promise<void> | void {
    switch (event.of) {
      case "backup":
        return this.#recordBackup(event.event);
      case "migration":
        return this.#recordMigration(event.event);
      case "integrity":
        return this.record(`integrity.${event.incident.kind}`, "database", "success", event.incident.details);
      case "recovery":
        return this.#recordRecovery(event.incident);
      case "action":
        return this.#recordRescue(event.action);
      case "settings":
        return this.#recordSettings(event.report);
      case "state":
      case "dead-letter":
        return undefined;
    }
  }

  #recordBackup(event: BackupEvent | ArchiveEvent): void {
    // Whoever asks for one is in the audit log with the asking.
    if (event.kind === "made" && event.manifest.reason === "manual") return;
    const { action, isSuccess, target, details } = describeBackupEvent(event);
    if (!isSuccess) this.#logger.error(`backups: ${action}`, { target, ...details });
    void this.record(action, target, isSuccess ? "success" : "failure", details);
  }

  #recordRecovery({ kind, summary, details }: RecoveryIncident): void {
    const isSuccess = kind === "recovered" || kind === "reopened";
    void this.record(`recovery.${kind}`, "database", isSuccess ? "success" : "failure", { summary, ...details });
  }

  #recordRescue({ action, outcome, target, detail }: RecoveryAction): void {
    if (action !== "rescue" || outcome === "running") return;
    void this.record("database.rescue", target, outcome === "succeeded" ? "success" : "failure", { detail });
  }

  #recordMigration(event: MigrationEvent): void {
    if (event.kind === "waiting") return;
    const { from, to } = event.pending ?? {};
    const details =
      event.kind === "migrated" ? { from, to, backup: event.backupId } : { from, to, code: event.error.code };
    if (event.kind !== "migrated") this.#logger.error(`migration: ${event.kind}`, { error: event.error });
    void this.record("database.migrate", "database", event.kind === "migrated" ? "success" : "failure", details);
  }

  #recordSettings(report: Extract<SystemEvent, { of: "settings" }>["report"]): void {
    if (report.kind === "applied") {
      void this.record("settings.change", "settings", "success", { changes: report.changes });
    } else if (report.kind === "rejected") {
      void this.record("settings.reject", "settings", "failure", { problems: report.problems });
    }
  }
}
