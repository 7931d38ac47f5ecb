import type { Clock } from "../../core/clock.ts";
import { isVerified } from "../../database/backup/snapshot-catalogue.ts";
import type { SnapshotManifest } from "../../database/backup/snapshot-manifest.ts";
import type { DatabaseErrorRecord } from "../../database/error-handler.ts";
import type { WaitingOperation } from "../../resilience/operation-queue.ts";
import type { RecoveryAction } from "../../resilience/recovery-log.ts";
import type { AlertRow, BackupRow, ErrorRow, QueueReport, QueueRow, RecoveryRow } from "../api-types.ts";
import type { MonitorSources } from "../monitor-sources.ts";
import { createSafeReport } from "../safe-report.ts";
import { toSafeText } from "../safe-text.ts";
import { noQuery, rangeSchema } from "../validation.ts";
import { readRoute, type ReadRoute } from "./read-routes.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * 60_000;
const MAX_ROWS = 200;

/** What the dashboard shows. */
export function createDataRoutes(sources: MonitorSources, clock: Clock): readonly ReadRoute[] {
  const { health, errors, recovery, alerts, queue, backups, store } = sources;
  const now = (): number => clock.now();
  return [
    readRoute("/api/health", noQuery, () => createSafeReport(health.report())),
    readRoute("/api/samples", rangeSchema(now, DAY_MS), ({ from, to }) => health.samples(from, to)),
    readRoute("/api/operations", noQuery, () => health.operations()),
    readRoute("/api/slow-queries", noQuery, () => health.slowQueries()),
    readRoute("/api/suggestions", noQuery, () => health.suggestions()),
    readRoute("/api/errors", noQuery, () => errors.recent(MAX_ROWS).map(toErrorRow)),
    readRoute("/api/recovery-actions", noQuery, () => recovery.list({ limit: MAX_ROWS }).map(toRecoveryRow)),
    readRoute("/api/alerts", noQuery, () => alerts.list().map(toSafeAlert)),
    readRoute("/api/backups", noQuery, async () => {
      const catalogue = await backups?.manager.list();
      return catalogue?.snapshots.map(({ manifest }) => toBackupRow(manifest)) ?? [];
    }),
    readRoute("/api/queue", noQuery, () => describeQueue(queue)),
    // By whole minutes, so that the read cache can answer who asks again.
    readRoute("/api/usage", rangeSchema(now, 7 * DAY_MS), ({ from, to }) =>
      store.usage.report({ from: floorTo(from, MINUTE_MS), to: floorTo(to + MINUTE_MS - 1, MINUTE_MS) }),
    ),
  ];
}

function toErrorRow({ id, timestamp, errorType, sqliteCode, resolved, retryCount }: DatabaseErrorRecord): ErrorRow {
  return {
    ...{ reference: id, at: timestamp, type: errorType, resolved, retryCount },
    ...(sqliteCode === undefined ? {} : { code: sqliteCode }),
  };
}

function floorTo(at: number, stepMs: number): number {
  return at - (at % stepMs);
}

function toSafeAlert(alert: AlertRow): AlertRow {
  return { ...alert, text: toSafeText(alert.text) };
}

/** Without the detail, which is for the log. */
function toRecoveryRow({ detail: _detail, target, ...action }: RecoveryAction): RecoveryRow {
  return { ...action, target: toSafeText(target) };
}

function toBackupRow(manifest: SnapshotManifest): BackupRow {
  const { id, createdAt, reason, comment, databaseBytes, storedBytes, compression, encryption } = manifest;
  return {
    ...{ id, at: createdAt, reason, comment, sizeBytes: databaseBytes, storedBytes },
    isCompressed: compression !== "none",
    isEncrypted: encryption !== null,
    isVerified: isVerified(manifest),
    verifiedAt: manifest.verifiedAt,
    schemaVersion: manifest.schemaVersion,
  };
}

/** Without parameters: they say who did what. */
function describeQueue(queue: MonitorSources["queue"]): QueueReport {
  if (!queue) return { size: 0, entries: [], deadLetters: [] };
  return {
    size: queue.size,
    entries: queue.list(MAX_ROWS).map(toQueueRow),
    deadLetters: queue.listDeadLetters(MAX_ROWS).map((letter) => ({
      ...toQueueRow(letter),
      deadAt: letter.deadAt,
      // Its message may quote what was to be written.
      error: letter.error.code ?? letter.error.name,
    })),
  };
}

function toQueueRow({ id, operation, timestamp, priority, retryCount, maxRetries }: WaitingOperation): QueueRow {
  return { id, operation, at: timestamp, priority, retryCount, maxRetries };
}
