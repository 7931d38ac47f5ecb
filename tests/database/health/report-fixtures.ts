import type { BackupReport, DatabaseReport, Throughput } from "../../../src/database/health/health-types.ts";
import type { HealthFacts } from "../../../src/database/health/problems.ts";

export const AT = 1_750_000_000_000;
const GB = 1024 ** 3;

export function createThroughput(given: Partial<Throughput> = {}): Throughput {
  return {
    ...{ count: 1_000, averageMs: 1, minMs: 0.1, maxMs: 5, p50Ms: 1, p95Ms: 2, p99Ms: 3 },
    ...{ windowMs: 60_000, errorCount: 0, errorRate: 0, perSecond: 16 },
    ...given,
  };
}

/** A database with which all is well. */
export function createDatabaseReport(given: Partial<DatabaseReport> = {}): DatabaseReport {
  return {
    ...{ state: "normal", isConnected: true, engine: "ready", restartCount: 0, queryCount: 1_000, errorCount: 0 },
    lastMinute: createThroughput(),
    lastFiveMinutes: createThroughput(),
    pool: { size: 2, inUse: 0, idle: 2, waiting: 0 },
    pendingWrites: 0,
    breaker: "closed",
    cache: { hits: 0, misses: 0, hitRate: 0, size: 0 },
    queue: { size: 0, deadLetterCount: 0 },
    files: { databaseBytes: GB / 8, walBytes: 0, maxBytes: 2 * GB, diskFreeBytes: 100 * GB, diskTotalBytes: 200 * GB },
    integrity: { status: "ok", problemCount: 0 },
    ...given,
  };
}

export function createBackups(given: Partial<BackupReport> = {}): BackupReport {
  return {
    backupStatus: "SUCCESS",
    lastBackupAt: AT - 3_600_000,
    nextBackupAt: AT + 3_600_000,
    archive: { isEnabled: true, lagMs: 500, status: "ok" },
    ...given,
  };
}

export function createFacts(given: Partial<HealthFacts> = {}): HealthFacts {
  return {
    at: AT,
    database: createDatabaseReport(),
    backups: createBackups(),
    system: {
      ...{ version: "0", nodeVersion: "24", startedAt: AT - 86_400_000, uptimeMs: 86_400_000, cpuShare: 0 },
      eventLoopDelay: { meanMs: 0, p99Ms: 0, maxMs: 0 },
      memory: { residentBytes: 1, heapUsedBytes: 1, heapTotalBytes: 1 },
    },
    gateway: { isConnected: true, reconnectCount: 0, rateLimitCount: 0, guildCount: 1 },
    formerQueueSize: 0,
    ...given,
  };
}
