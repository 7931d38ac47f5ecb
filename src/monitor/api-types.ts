/**
 * What the monitor says, as JSON: the contract between the server, the typed client and the dashboard. Types only, so
 * that a browser can import it. Moments are epoch milliseconds, durations milliseconds, sizes bytes, shares 0 to 1.
 */
import type {
  DatabaseStateName,
  HealthReport,
  HealthSample,
  OperationRow,
  SlowQuery,
  Suggestion,
} from "../database/health/health-types.ts";
import type { UsageReport } from "../store/usage-report.ts";

/** `GET /api/usage?from&to`. */
export type { UsageReport };

/** `GET /health/ready`. */
export interface ReadinessReport {
  readonly isReady: boolean;
  readonly database: DatabaseStateName;
}

/** `GET /api/errors`: the newest first. */
export interface ErrorRow {
  readonly reference: string;
  readonly at: number;
  readonly type: string;
  readonly code?: string;
  readonly operation?: string;
  readonly resolved: boolean;
  readonly retryCount: number;
}

/** `GET /api/recovery-actions`: what was tried to bring the database back, the newest first. */
export interface RecoveryRow {
  readonly id: string;
  readonly action: string;
  readonly target: string;
  readonly startedAt: number;
  readonly finishedAt?: number;
  readonly outcome: "running" | "succeeded" | "failed";
  readonly attempt?: number;
}

/** `GET /api/backups`: the newest first. */
export interface BackupRow {
  readonly id: string;
  readonly at: number;
  readonly reason: string;
  readonly comment: string;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  readonly isCompressed: boolean;
  readonly isEncrypted: boolean;
  readonly isVerified: boolean;
  readonly verifiedAt?: number;
  readonly schemaVersion: number;
}

/** `GET /api/queue`: what waits for the database. No parameters: they may be personal. */
export interface QueueReport {
  readonly size: number;
  readonly entries: readonly QueueRow[];
  readonly deadLetters: readonly (QueueRow & { readonly deadAt: number; readonly error: string })[];
}

export interface QueueRow {
  readonly id: string;
  readonly operation: string;
  readonly at: number;
  readonly priority: "HIGH" | "MEDIUM" | "LOW";
  readonly retryCount: number;
  readonly maxRetries: number;
}

/** `GET /api/alerts`: those that last, critical ones first, then those that are over, the newest first. */
export interface AlertRow {
  /** What it is about; the same as long as it lasts. */
  readonly key: string;
  readonly severity: "warning" | "critical";
  readonly title: string;
  readonly text: string;
  readonly startedAt: number;
  /** Absent while it lasts. */
  readonly endedAt?: number;
  /** When people were last told of it. */
  readonly saidAt: number;
  readonly count: number;
  /** Something that happened, and does not last: that it ends says nothing. */
  readonly isOccurrence: boolean;
}

/** A long piece of work that was begun by a request, `GET /api/jobs/:id`, and as `job` events of the stream. */
export interface JobReport {
  readonly id: string;
  readonly kind: "backup" | "verify" | "restore";
  readonly state: "running" | "succeeded" | "failed";
  readonly step?: string;
  /** 0 to 1. */
  readonly progress?: number;
  readonly message?: string;
  readonly startedAt: number;
  readonly finishedAt?: number;
}

/** `POST /api/backups`. */
export interface CreateBackupRequest {
  readonly comment?: string;
}

/** `POST /api/restore`: to a backup, an instant (ISO 8601), or with neither to the newest state. */
export interface RestoreRequest {
  readonly backup?: string;
  readonly at?: string;
  /** Only says what would be done. */
  readonly isDryRun?: boolean;
  /** True, or nothing is restored. */
  readonly confirm?: boolean;
}

/** What a dry run of a restore answers. */
export interface RestorePlanReport {
  readonly backup: string;
  readonly restoredUntil?: number;
  readonly segmentCount: number;
  readonly warnings: readonly string[];
}

/** What is read with GET, and can be asked for in a batch, by its address; `from` and `to` are epoch milliseconds. */
export interface ReadAnswers {
  readonly "/api/health": HealthReport;
  readonly "/api/samples": readonly HealthSample[];
  readonly "/api/operations": readonly OperationRow[];
  readonly "/api/slow-queries": readonly SlowQuery[];
  readonly "/api/suggestions": readonly Suggestion[];
  readonly "/api/errors": readonly ErrorRow[];
  readonly "/api/recovery-actions": readonly RecoveryRow[];
  readonly "/api/alerts": readonly AlertRow[];
  readonly "/api/backups": readonly BackupRow[];
  readonly "/api/queue": QueueReport;
  readonly "/api/usage": UsageReport;
}

/** `GET /api/batch?path=…&path=…`, addresses of other reads with their queries: one of these for each, in their order. */
export type BatchAnswer =
  | { readonly path: string; readonly status: 200; readonly body: unknown }
  | { readonly path: string; readonly status: number; readonly body: ErrorBody };

/** Every answer that is not what was asked for. */
export interface ErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly reference?: string;
  };
}

/** `GET /api/stream`, server-sent events: `event:` is the key, `data:` its JSON. */
export interface StreamEvents {
  /** Every two seconds, and at once when the database's state changes. */
  readonly health: HealthReport;
  readonly sample: HealthSample;
  readonly job: JobReport;
}
