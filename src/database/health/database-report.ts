import type { DegradationState } from "../../resilience/graceful-degradation.ts";
import type { DatabaseHealth } from "../database-manager.ts";
import type { CheckResult } from "../integrity/integrity-monitor.ts";
import type { DatabaseFilesSize } from "./database-files.ts";
import type { BackupReport, DatabaseReport, HealthSample, SystemReport } from "./health-types.ts";
import type { ResponseHistogram } from "./response-histogram.ts";
import { FIVE_MINUTES_MS, MINUTE_MS, type ResponseWindows } from "./response-times.ts";

export interface DatabaseFacts {
  readonly health: DatabaseHealth;
  readonly state: DegradationState;
  readonly windows: ResponseWindows;
  /** undefined in memory, or not measured yet. */
  readonly files: DatabaseFilesSize | undefined;
  /** `DB_MAX_SIZE`. */
  readonly maxBytes: number;
  readonly lastCheck: CheckResult | undefined;
}

export function createDatabaseReport({
  health,
  state,
  windows,
  files,
  maxBytes,
  lastCheck,
}: DatabaseFacts): DatabaseReport {
  const { engine, cache, queue } = health;
  const askedCount = cache.hitCount + cache.missCount;
  const { size, oldestAt, deadLetterCount } = queue;
  return {
    state: state.kind,
    ...(state.kind === "normal" ? {} : { reason: state.reason.code, since: state.since }),
    isConnected: health.isConnected,
    engine: engine.state.kind,
    ...(engine.engineVersion === undefined ? {} : { engineVersion: engine.engineVersion }),
    restartCount: engine.restartCount,
    queryCount: health.queryCount,
    errorCount: health.errorCount,
    lastMinute: windows.throughput(MINUTE_MS),
    lastFiveMinutes: windows.throughput(FIVE_MINUTES_MS),
    pool: engine.pool,
    pendingWrites: engine.pendingWrites,
    breaker: health.breaker.kind,
    cache: {
      hits: cache.hitCount,
      misses: cache.missCount,
      hitRate: askedCount === 0 ? 0 : cache.hitCount / askedCount,
      size: cache.size,
    },
    queue: { size, ...(oldestAt === undefined ? {} : { oldestAt }), deadLetterCount },
    ...(files ? { files: { ...files, maxBytes } } : {}),
    integrity: createIntegrityReport(lastCheck),
  };
}

function createIntegrityReport(last: CheckResult | undefined): DatabaseReport["integrity"] {
  if (!last) return { status: "unknown", problemCount: 0 };
  const { at: checkedAt, outcome, findings } = last;
  // A check that could not be made says nothing.
  if (outcome === "failed") return { status: "unknown", checkedAt, problemCount: 0 };
  const isDamaged = outcome === "damaged";
  return { status: isDamaged ? "damaged" : "ok", checkedAt, problemCount: isDamaged ? findings.length : 0 };
}

export interface SampleFacts {
  readonly at: number;
  /** Of the calls since the sample before. */
  readonly taken: ResponseHistogram;
  /** Milliseconds since the sample before. */
  readonly elapsedMs: number;
  readonly database: DatabaseReport;
  readonly backups: BackupReport;
  readonly system: SystemReport;
}

export function createSample({ at, taken, elapsedMs, database, backups, system }: SampleFacts): HealthSample {
  const { count, averageMs, p50Ms, p95Ms, p99Ms } = taken.times();
  const { backupStatus, lastBackupAt, archive } = backups;
  return {
    at,
    connectionStatus: database.state,
    queryCount: count,
    errorCount: taken.errorCount,
    errorRate: count === 0 ? 0 : round(taken.errorCount / count),
    perSecond: elapsedMs > 0 ? round((count * 1_000) / elapsedMs) : 0,
    averageResponseMs: round(averageMs),
    p50Ms: round(p50Ms),
    p95Ms: round(p95Ms),
    p99Ms: round(p99Ms),
    queueSize: database.queue.size,
    databaseBytes: database.files?.databaseBytes ?? 0,
    walBytes: database.files?.walBytes ?? 0,
    diskFreeBytes: database.files?.diskFreeBytes ?? 0,
    ...(archive.lagMs === undefined ? {} : { archiveLagMs: round(archive.lagMs) }),
    eventLoopP99Ms: round(system.eventLoopDelay.p99Ms),
    residentBytes: system.memory.residentBytes,
    ...(backupStatus === undefined ? {} : { backupStatus }),
    ...(lastBackupAt === undefined ? {} : { lastBackupAt }),
  };
}

/** The figures of one moment in the shape that other systems of this kind use. */
export interface HealthMetrics {
  readonly timestamp: Date;
  readonly connectionStatus: HealthSample["connectionStatus"];
  readonly queryCount: number;
  readonly errorRate: number;
  /** Milliseconds. */
  readonly averageResponseTime: number;
  /** Bytes. */
  readonly databaseSize: number;
  readonly backupStatus: HealthSample["backupStatus"];
  readonly lastBackup: Date | undefined;
}

export function toHealthMetrics(sample: HealthSample): HealthMetrics {
  const { at, connectionStatus, queryCount, errorRate, averageResponseMs, databaseBytes, backupStatus } = sample;
  return {
    timestamp: new Date(at),
    ...{ connectionStatus, queryCount, errorRate, backupStatus },
    averageResponseTime: averageResponseMs,
    databaseSize: databaseBytes,
    lastBackup: sample.lastBackupAt === undefined ? undefined : new Date(sample.lastBackupAt),
  };
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
