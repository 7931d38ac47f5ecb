import type { HealthReport } from "../../database/health/health-types.ts";

/**
 * What `/metrics` says of a health report. Names as https://prometheus.io/docs/practices/naming/ has them: base units,
 * `_total` for what only grows, no ids among the labels. `read` gives undefined for what is not known: then there is no
 * line, because 0 would be a claim.
 */
export interface MetricDefinition {
  /** Without the prefix `muster_`. */
  readonly name: string;
  readonly help: string;
  readonly kind: "gauge" | "counter";
  readonly labelNames: readonly string[];
  readonly read: (report: HealthReport) => MetricValue;
}

export interface LabelledValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

type MetricValue = number | undefined | readonly LabelledValue[];
type Read = MetricDefinition["read"];

const gauge = (name: string, help: string, read: Read, labelNames: readonly string[] = []): MetricDefinition => ({
  ...{ name, help, kind: "gauge", read, labelNames },
});
const counter = (name: string, help: string, read: Read): MetricDefinition => ({
  ...{ name, help, kind: "counter", read, labelNames: [] },
});

/** One line for each state that there is: 1 for the present one. */
function states<State extends string>(
  name: string,
  help: string,
  all: readonly State[],
  read: (report: HealthReport) => State,
): MetricDefinition {
  const readAll: Read = (report) => {
    const present = read(report);
    return all.map((state) => ({ labels: { state }, value: state === present ? 1 : 0 }));
  };
  return gauge(name, help, readAll, ["state"]);
}

const toSeconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000);
const toSecondsSince = (at: number | undefined, now: number): number | undefined =>
  at === undefined ? undefined : Math.max(0, now - at) / 1_000;

const DATABASE: readonly MetricDefinition[] = [
  states(
    "database_state",
    "State of the database: 1 for the present one",
    ["normal", "read-only", "offline"],
    ({ database }) => database.state,
  ),
  gauge("database_connected", "Whether there is a connection that can be used", ({ database }) =>
    Number(database.isConnected),
  ),
  counter("database_queries_total", "Calls to the database since the start", ({ database }) => database.queryCount),
  counter("database_errors_total", "Calls that failed since the start", ({ database }) => database.errorCount),
  counter("database_restarts_total", "Connections that had to be replaced", ({ database }) => database.restartCount),
  states(
    "database_breaker_state",
    "State of the circuit breaker: 1 for the present one",
    ["closed", "open", "half-open"],
    ({ database }) => database.breaker,
  ),
  gauge(
    "database_pool_connections",
    "Connections of the pool",
    ({ database: { pool } }) => [
      { labels: { state: "in-use" }, value: pool.inUse },
      { labels: { state: "idle" }, value: pool.idle },
    ],
    ["state"],
  ),
  gauge("database_pool_waiting_calls", "Calls that wait for a connection", ({ database }) => database.pool.waiting),
  gauge("database_pending_writes", "Writes that wait for the writer", ({ database }) => database.pendingWrites),
  counter("read_cache_hits_total", "Reads answered from the cache", ({ database }) => database.cache.hits),
  counter("read_cache_misses_total", "Reads that the cache could not answer", ({ database }) => database.cache.misses),
  gauge("read_cache_entries", "Answers in the read cache", ({ database }) => database.cache.size),
  gauge("queue_operations", "Writes that wait for the database", ({ database }) => database.queue.size),
  gauge("queue_oldest_age_seconds", "How long the oldest of them has waited", ({ at, database: { queue } }) =>
    queue.size === 0 ? 0 : toSecondsSince(queue.oldestAt, at),
  ),
  gauge("queue_dead_letters", "Writes that were given up", ({ database }) => database.queue.deadLetterCount),
  gauge("database_size_bytes", "Size of the database file", ({ database }) => database.files?.databaseBytes),
  gauge("database_size_limit_bytes", "DB_MAX_SIZE", ({ database }) => database.files?.maxBytes),
  gauge("database_wal_size_bytes", "Size of the write-ahead log", ({ database }) => database.files?.walBytes),
  gauge("disk_free_bytes", "Room on the disk of the database", ({ database }) => database.files?.diskFreeBytes),
  gauge("disk_size_bytes", "Size of the disk of the database", ({ database }) => database.files?.diskTotalBytes),
  states(
    "database_integrity_state",
    "What the last check found: 1 for it",
    ["unknown", "ok", "damaged"],
    ({ database }) => database.integrity.status,
  ),
  gauge("database_integrity_problems", "How much the last check found", ({ database }) =>
    database.integrity.checkedAt === undefined ? undefined : database.integrity.problemCount,
  ),
  gauge("database_integrity_checked_timestamp_seconds", "When the last check ended", ({ database }) =>
    toSeconds(database.integrity.checkedAt),
  ),
];

const BACKUP_STATES = { NONE: "none", SUCCESS: "success", FAILED: "failed", IN_PROGRESS: "in-progress" } as const;

const BACKUPS: readonly MetricDefinition[] = [
  states(
    "backup_state",
    "What came of the last backup: 1 for it",
    ["none", "success", "failed", "in-progress"],
    ({ backups }) => BACKUP_STATES[backups.backupStatus ?? "NONE"],
  ),
  gauge("backup_last_success_timestamp_seconds", "When the newest verified backup was made", ({ backups }) =>
    toSeconds(backups.lastBackupAt),
  ),
  gauge("backup_age_seconds", "Age of the newest verified backup", ({ at, backups }) =>
    toSecondsSince(backups.lastBackupAt, at),
  ),
  gauge(
    "backup_size_bytes",
    "Size of the newest verified backup as it is stored",
    ({ backups }) => backups.lastBackupBytes,
  ),
  gauge("backup_restorable_until_timestamp_seconds", "The newest state that can be restored", ({ backups }) =>
    toSeconds(backups.restorableUntil),
  ),
  gauge("backup_restore_verified_timestamp_seconds", "When a restore was last tried and complete", ({ backups }) =>
    toSeconds(backups.restoreVerifiedAt),
  ),
  states(
    "archive_state",
    "State of the archive of changes: 1 for the present one",
    ["off", "ok", "behind"],
    ({ backups }) => backups.archive.status,
  ),
  gauge("archive_lag_seconds", "How far the archive is behind the database", ({ backups }) =>
    toSeconds(backups.archive.lagMs),
  ),
];

const PROGRAM: readonly MetricDefinition[] = [
  states(
    "health_status",
    "Whether all is well: 1 for the present status",
    ["healthy", "warning", "critical"],
    ({ status }) => status,
  ),
  gauge(
    "build_info",
    "Version of the program and of Node.js; always 1",
    ({ system }) => [{ labels: { version: system.version, node_version: system.nodeVersion }, value: 1 }],
    ["version", "node_version"],
  ),
  gauge("process_start_time_seconds", "When the program was started", ({ system }) => toSeconds(system.startedAt)),
  gauge("process_resident_memory_bytes", "Memory in use", ({ system }) => system.memory.residentBytes),
  gauge("process_heap_used_bytes", "Heap of the main thread in use", ({ system }) => system.memory.heapUsedBytes),
  gauge("process_heap_size_bytes", "Heap of the main thread", ({ system }) => system.memory.heapTotalBytes),
  gauge("process_cpu_cores", "CPU in use, in cores", ({ system }) => system.cpuShare),
  gauge("event_loop_delay_mean_seconds", "How late the event loop is on average", ({ system }) =>
    toSeconds(system.eventLoopDelay.meanMs),
  ),
  gauge("event_loop_delay_p99_seconds", "How late the event loop is at most in 99 of 100 turns", ({ system }) =>
    toSeconds(system.eventLoopDelay.p99Ms),
  ),
  gauge("event_loop_delay_max_seconds", "How late the event loop was at most", ({ system }) =>
    toSeconds(system.eventLoopDelay.maxMs),
  ),
  gauge("gateway_connected", "Whether Discord's gateway is connected", ({ gateway }) => Number(gateway.isConnected)),
  gauge("gateway_ping_seconds", "Round trip of the last heartbeat", ({ gateway }) => toSeconds(gateway.pingMs)),
  counter(
    "gateway_reconnects_total",
    "How often the gateway was connected again",
    ({ gateway }) => gateway.reconnectCount,
  ),
  counter("gateway_rate_limits_total", "How often Discord made the bot wait", ({ gateway }) => gateway.rateLimitCount),
  gauge("gateway_guilds", "Servers that the bot is in", ({ gateway }) => gateway.guildCount),
];

export const METRICS: readonly MetricDefinition[] = [...PROGRAM, ...DATABASE, ...BACKUPS];
