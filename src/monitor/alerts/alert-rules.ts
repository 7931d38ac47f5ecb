import type { ArchiveEvent } from "../../database/backup/archive-watch.ts";
import type { BackupEvent } from "../../database/backup/backup-manager.ts";
import { describeBackupEvent } from "../../database/backup/backups.ts";
import type { RecoveryIncident } from "../../database/backup/recovery.ts";
import type { HealthProblem } from "../../database/health/health-types.ts";
import type { IntegrityIncident } from "../../database/integrity/integrity-monitor.ts";
import type { MigrationEvent } from "../../database/schema/migration-gate.ts";
import type { DegradationState } from "../../resilience/graceful-degradation.ts";
import type { RecoveryAction } from "../../resilience/recovery-log.ts";
import type { SystemEvent } from "../../store/system-event.ts";
import { alertTexts, type AlertTopic } from "./alert-texts.ts";
import type { AlertSeverity, AlertSignal, Finding } from "./alert.ts";

/*
 * What people are to be told, from what the health monitor measures and from what happens. Both speak of the same
 * matters: a problem and an event with one topic are one alert.
 */

/** A lost thread is replaced within a second or two; nobody has to hear of it. */
const DATABASE_GRACE_MS = 5_000;
/** What takes as long as the database is large. */
const RECOVERY_TEXTS: Readonly<Record<string, string>> = {
  rescue: alertTexts.rescuing,
  recover: alertTexts.recovering,
  restore: alertTexts.restoring,
};

/** Problems of the health monitor by their kind, where they are told of under another name. */
const TOPICS: Readonly<Record<string, AlertTopic>> = {
  "database-offline": "database",
  "database-read-only": "database",
  "queue-growing": "queue",
  "queue-stuck": "queue",
  "dead-letters": "dead-letter",
  "disk-full": "disk",
  "size-limit": "size",
  "backup-failed": "backup",
  "archive-behind": "archive",
  "integrity-damaged": "integrity",
  "gateway-away": "gateway",
};

/** Events that hold until another one says otherwise, which may come after a restart. */
const LASTING_TOPICS: ReadonlySet<string> = new Set<AlertTopic>(["backup", "backup-drill", "archive-gap"]);

export function outlivesRestart(key: string): boolean {
  return LASTING_TOPICS.has(key);
}

/** Without the state of the database: its own event knows that at once, and when it was only for a moment. */
export function findingsOf(problems: readonly HealthProblem[]): readonly Finding[] {
  return problems
    .map(({ kind, severity, message }) => {
      const key = TOPICS[kind] ?? kind;
      return { key, severity, title: titleOf(key), text: message };
    })
    .filter(({ key }) => key !== "database");
}

export function signalsOf(event: SystemEvent): readonly AlertSignal[] {
  switch (event.of) {
    case "backup":
      return backupSignals(event.event);
    case "migration":
      return migrationSignals(event.event);
    case "integrity":
      return integritySignals(event.incident);
    case "recovery":
      return recoverySignals(event.incident);
    case "action":
      return actionSignals(event.action);
    case "state":
      return stateSignals(event.state);
    case "dead-letter":
      return [happened("dead-letter", "warning", alertTexts.deadLetter(event.operation))];
    case "settings":
      return event.report.kind === "rejected"
        ? [raise("settings", "warning", alertTexts.settingsRejected(event.report.problems.map(({ name }) => name)))]
        : [clear("settings")];
  }
}

function titleOf(key: string): string {
  const titles: Readonly<Record<string, string>> = alertTexts.titles;
  return titles[key] ?? alertTexts.unknownTitle(key);
}

function finding(topic: AlertTopic, severity: AlertSeverity, text: string, subject?: string): Finding {
  const key = subject === undefined ? topic : `${topic}:${subject}`;
  return { key, severity, title: alertTexts.titles[topic], text };
}

function raise(topic: AlertTopic, severity: AlertSeverity, text: string, afterMs = 0): AlertSignal {
  return { kind: "raise", finding: finding(topic, severity, text), afterMs };
}

function happened(topic: AlertTopic, severity: AlertSeverity, text: string, subject?: string): AlertSignal {
  return { kind: "happened", finding: finding(topic, severity, text, subject) };
}

function clear(...keys: readonly AlertTopic[]): AlertSignal {
  return { kind: "clear", keys };
}

function backupSignals(event: BackupEvent | ArchiveEvent): readonly AlertSignal[] {
  switch (event.kind) {
    case "made":
      return [clear("backup", "archive-gap")];
    case "failed":
      return [raise("backup", "critical", alertTexts.backupFailed(event.error.code))];
    case "damaged":
      return [happened("backup-damaged", "critical", alertTexts.backupDamaged(event.id), event.id)];
    case "drill": {
      if (event.result?.isComplete === true) return [clear("backup-drill")];
      const text = event.error ? alertTexts.drillFailed(event.error.code) : alertTexts.drillIncomplete;
      return [raise("backup-drill", "warning", text)];
    }
    case "archive-gap":
      // After a restore it is in order.
      return describeBackupEvent(event).isSuccess ? [] : [raise("archive-gap", "warning", alertTexts.archiveGap)];
    case "archive-behind":
      return [raise("archive", "critical", alertTexts.archiveBehind(event.lagMs))];
    case "archive-recovered":
      return [clear("archive")];
  }
}

function migrationSignals(event: MigrationEvent): readonly AlertSignal[] {
  switch (event.kind) {
    case "waiting":
      return [];
    case "migrated":
      return [clear("migration")];
    case "backup-failed":
      return [raise("migration", "critical", alertTexts.migrationBackupFailed(event.error.code))];
    case "failed":
      return [raise("migration", "critical", alertTexts.migrationFailed(event.error.code))];
  }
}

function integritySignals({ kind, details }: IntegrityIncident): readonly AlertSignal[] {
  if (kind === "damage-found") return [happened("integrity", "critical", alertTexts.damageFound)];
  const counts = Object.values((details["movedByTable"] ?? {}) as Readonly<Record<string, number>>);
  const rowCount = counts.reduce((sum, count) => sum + count, 0);
  return [happened("mended", "warning", alertTexts.mended(kind.replaceAll("-", " "), rowCount), kind)];
}

function recoverySignals({ kind }: RecoveryIncident): readonly AlertSignal[] {
  switch (kind) {
    case "recovered":
      return [clear("recovery", "integrity"), happened("recovered", "critical", alertTexts.recovered)];
    case "offered":
      return [raise("recovery", "critical", alertTexts.recoveryOffered)];
    case "failed":
      return [raise("recovery", "critical", alertTexts.recoveryFailed)];
    case "notice":
      return [happened("recovery-notice", "critical", alertTexts.recoveryNotice)];
    case "declined":
    case "reopened":
      return [clear("recovery")];
  }
}

function actionSignals({ action, outcome }: RecoveryAction): readonly AlertSignal[] {
  const text = RECOVERY_TEXTS[action];
  if (text === undefined) return [];
  return [outcome === "running" ? raise("recovery-running", "warning", text) : clear("recovery-running")];
}

function stateSignals(state: DegradationState): readonly AlertSignal[] {
  switch (state.kind) {
    case "normal":
      return [clear("database", "migration", "recovery")];
    case "read-only":
      return [raise("database", "critical", alertTexts.databaseReadOnly(state.reason.code), DATABASE_GRACE_MS)];
    case "offline":
      return [raise("database", "critical", alertTexts.databaseOffline(state.reason.code), DATABASE_GRACE_MS)];
  }
}
