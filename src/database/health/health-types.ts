/**
 * What is known of the health of the program and its database. Types only, without imports, so that a browser can read
 * them too. Moments are epoch milliseconds, durations milliseconds, sizes bytes, shares 0 to 1.
 */

export type DatabaseStateName = "normal" | "read-only" | "offline";

/** Whether all is well, in one word: `warning` and `critical` follow the alert thresholds and the database's state. */
export type HealthStatus = "healthy" | "warning" | "critical";

/** Something that is not as it should be, in words that an operator understands. */
export interface HealthProblem {
  readonly severity: "warning" | "critical";
  /** Stable, kebab-case: `error-rate`, `breaker-open`, `archive-behind`, ... */
  readonly kind: string;
  readonly message: string;
}

/** Times of answers over a window; all zero when nothing was asked. */
export interface ResponseTimes {
  readonly count: number;
  readonly averageMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** One window of time: what the database was asked, and how that went. */
export interface Throughput extends ResponseTimes {
  readonly windowMs: number;
  readonly errorCount: number;
  /** Share of the calls that failed through the database's fault, 0 to 1. */
  readonly errorRate: number;
  readonly perSecond: number;
}

export interface DatabaseReport {
  readonly state: DatabaseStateName;
  /** What is wrong, as an error code; absent when nothing is. */
  readonly reason?: string;
  readonly since?: number;
  readonly isConnected: boolean;
  readonly engine: "starting" | "ready" | "recovering" | "offline" | "closed";
  readonly engineVersion?: string;
  readonly restartCount: number;
  /** Since the start. */
  readonly queryCount: number;
  readonly errorCount: number;
  /** The last minute, and the last five. */
  readonly lastMinute: Throughput;
  readonly lastFiveMinutes: Throughput;
  readonly pool: { readonly size: number; readonly inUse: number; readonly idle: number; readonly waiting: number };
  readonly pendingWrites: number;
  readonly breaker: "closed" | "open" | "half-open";
  readonly cache: { readonly hits: number; readonly misses: number; readonly hitRate: number; readonly size: number };
  readonly queue: { readonly size: number; readonly oldestAt?: number; readonly deadLetterCount: number };
  /** undefined with a database in memory. */
  readonly files?: {
    readonly databaseBytes: number;
    readonly walBytes: number;
    readonly maxBytes: number;
    readonly diskFreeBytes: number;
    readonly diskTotalBytes: number;
  };
  readonly integrity: {
    readonly status: "unknown" | "ok" | "damaged";
    readonly checkedAt?: number;
    readonly problemCount: number;
  };
}

export interface BackupReport {
  readonly backupStatus?: "SUCCESS" | "FAILED" | "IN_PROGRESS";
  readonly lastBackupAt?: number;
  readonly lastBackupId?: string;
  readonly lastBackupBytes?: number;
  readonly lastError?: string;
  readonly nextBackupAt?: number;
  /** The newest state known to be restorable: verified snapshot plus archive. */
  readonly restorableUntil?: number;
  readonly restoreVerifiedAt?: number;
  readonly archive: { readonly isEnabled: boolean; readonly lagMs?: number; readonly status: "off" | "ok" | "behind" };
}

export interface SystemReport {
  readonly version: string;
  readonly nodeVersion: string;
  readonly startedAt: number;
  readonly uptimeMs: number;
  readonly eventLoopDelay: { readonly meanMs: number; readonly p99Ms: number; readonly maxMs: number };
  readonly memory: { readonly residentBytes: number; readonly heapUsedBytes: number; readonly heapTotalBytes: number };
  /** CPU use of this process since the last sample, 1 = one core. */
  readonly cpuShare: number;
}

export interface GatewayReport {
  readonly isConnected: boolean;
  /** The last heartbeat's round trip; absent before the first. */
  readonly pingMs?: number;
  readonly connectedAt?: number;
  readonly reconnectCount: number;
  readonly rateLimitCount: number;
  readonly guildCount: number;
}

/** `GET /health`: all of it. */
export interface HealthReport {
  readonly at: number;
  readonly status: HealthStatus;
  /** Empty when all is well; the worst first. */
  readonly problems: readonly HealthProblem[];
  readonly database: DatabaseReport;
  readonly backups: BackupReport;
  readonly system: SystemReport;
  readonly gateway: GatewayReport;
}

/** One point of the charts, `GET /api/samples?from&to`; sampled each `DB_HEALTH_CHECK_INTERVAL`, kept for days. */
export interface HealthSample {
  readonly at: number;
  readonly connectionStatus: DatabaseStateName;
  /** Calls since the sample before. */
  readonly queryCount: number;
  readonly errorCount: number;
  readonly errorRate: number;
  readonly perSecond: number;
  readonly averageResponseMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly queueSize: number;
  readonly databaseBytes: number;
  readonly walBytes: number;
  readonly diskFreeBytes: number;
  readonly archiveLagMs?: number;
  readonly eventLoopP99Ms: number;
  readonly residentBytes: number;
  readonly backupStatus?: "SUCCESS" | "FAILED" | "IN_PROGRESS";
  readonly lastBackupAt?: number;
}

/** `GET /api/operations`: by the time they took in all, the most first; over the last five minutes. */
export interface OperationRow extends ResponseTimes {
  readonly name: string;
  readonly totalMs: number;
  readonly errorCount: number;
}

/** `GET /api/slow-queries`: the newest first. Never values, only statements with their placeholders. */
export interface SlowQuery {
  readonly at: number;
  readonly operation: string;
  readonly durationMs: number;
  readonly sql: string;
  /** Lines of EXPLAIN QUERY PLAN; empty until it is known. */
  readonly plan: readonly string[];
  /** What an index would have to cover, where the plan shows a scan. */
  readonly missingIndex?: string;
}

/** `GET /api/suggestions`: better settings, in plain words, with the figures that show the reason. */
export interface Suggestion {
  readonly setting: string;
  readonly current: string;
  readonly suggested: string;
  readonly reason: string;
}
