import { formatDurationMs, formatSizeBytes } from "../../core/units.ts";
import type { HealthProblem, HealthReport, HealthStatus, Throughput } from "./health-types.ts";

/** What is not as it should be, from what is known: rules without any state. */

export interface ProblemThresholds {
  /** Milliseconds. */
  readonly warningResponseMs: number;
  readonly criticalResponseMs: number;
  /** 0 to 1. */
  readonly warningErrorRate: number;
  readonly criticalErrorRate: number;
}

export type HealthFacts = Pick<HealthReport, "at" | "database" | "backups" | "gateway" | "system"> & {
  /** How many writes waited at the sample before. */
  readonly formerQueueSize: number;
};

type Severity = HealthProblem["severity"];

/** Of fewer calls in a minute, one that is slow or fails would be a large share. */
export const MIN_CALL_COUNT = 5;
/** Below it nothing that the program writes is certain to find room. */
const CRITICAL_FREE_BYTES = 100 * 1024 ** 2;
const WARNING_FREE_BYTES = 500 * 1024 ** 2;
/** Share of `DB_MAX_SIZE` from which on old data is cleaned up. */
export const NEAR_LIMIT_SHARE = 0.9;
/** A short pause of the database leaves some; more, and still growing, means that it does not keep up. */
const GROWING_QUEUE_SIZE = 100;
const PATIENCE_WITH_QUEUE_MS = 60_000;
/** A backup takes its time, and is tried several times. */
const PATIENCE_WITH_BACKUP_MS = 30 * 60_000;

/** The worst first. */
export function findProblems(facts: HealthFacts, thresholds: ProblemThresholds): HealthProblem[] {
  const problems = [
    ...findStateProblems(facts),
    ...findResponseProblems(facts.database.lastMinute, thresholds),
    ...findQueueProblems(facts),
    ...findFileProblems(facts),
    ...findBackupProblems(facts),
    ...findGatewayProblems(facts),
  ];
  return problems.sort((a, b) => Number(b.severity === "critical") - Number(a.severity === "critical"));
}

export function toHealthStatus(problems: readonly HealthProblem[]): HealthStatus {
  return problems.some(({ severity }) => severity === "critical")
    ? "critical"
    : problems.length > 0
      ? "warning"
      : "healthy";
}

function findStateProblems({ at, database }: HealthFacts): HealthProblem[] {
  const { state, reason, since, breaker, integrity } = database;
  const sinceWhen = since === undefined ? "" : ` for ${formatRoughly(at - since)}`;
  const why = reason === undefined ? "" : ` (${reason})`;
  const problems: HealthProblem[] = [];
  if (state === "offline") {
    problems.push(critical("database-offline", `The database has been offline${sinceWhen}${why}`));
  } else if (state === "read-only") {
    problems.push(critical("database-read-only", `The database has taken no writes${sinceWhen}${why}`));
  }
  if (breaker !== "closed") {
    problems.push(critical("breaker-open", "Writes are stopped before they reach the database: too many have failed"));
  }
  if (integrity.status === "damaged") {
    const count = integrity.problemCount;
    problems.push(
      critical("integrity-damaged", `The last check found damage that it could not mend: ${count} findings`),
    );
  }
  return problems;
}

function findResponseProblems(
  { count, p95Ms, errorRate, errorCount }: Throughput,
  { warningResponseMs, criticalResponseMs, warningErrorRate, criticalErrorRate }: ProblemThresholds,
): HealthProblem[] {
  if (count < MIN_CALL_COUNT) return [];
  const problems: HealthProblem[] = [];
  const slowness = grade(p95Ms, warningResponseMs, criticalResponseMs);
  if (slowness) {
    const message = `The database answers slowly: 5 % of the calls of the last minute took longer than ${formatRoughly(p95Ms)}`;
    problems.push({ severity: slowness, kind: "response-time", message });
  }
  const failing = grade(errorRate, warningErrorRate, criticalErrorRate);
  if (failing) {
    const message = `Calls of the database fail: ${errorCount} of ${count} in the last minute (${formatShare(errorRate)})`;
    problems.push({ severity: failing, kind: "error-rate", message });
  }
  return problems;
}

function findQueueProblems({ at, database, formerQueueSize }: HealthFacts): HealthProblem[] {
  const { queue, state } = database;
  const problems: HealthProblem[] = [];
  if (queue.size >= GROWING_QUEUE_SIZE && queue.size > formerQueueSize) {
    problems.push(warning("queue-growing", `${queue.size} writes wait for the database, and they become more`));
  } else if (state === "normal" && queue.oldestAt !== undefined && at - queue.oldestAt > PATIENCE_WITH_QUEUE_MS) {
    const message = `A write has waited for ${formatRoughly(at - queue.oldestAt)} although the database is there`;
    problems.push(warning("queue-stuck", message));
  }
  if (queue.deadLetterCount > 0) {
    problems.push(warning("dead-letters", `${queue.deadLetterCount} writes were given up after several tries`));
  }
  return problems;
}

function findFileProblems({ database: { files } }: HealthFacts): HealthProblem[] {
  if (!files) return [];
  const { databaseBytes, walBytes, maxBytes, diskFreeBytes } = files;
  const problems: HealthProblem[] = [];
  // A restore needs room for the database once more.
  const free = formatSizeBytes(diskFreeBytes);
  if (diskFreeBytes < CRITICAL_FREE_BYTES) {
    problems.push(critical("disk-full", `The disk of the database is nearly full: ${free} left`));
  } else if (diskFreeBytes < Math.max(WARNING_FREE_BYTES, databaseBytes)) {
    problems.push(warning("disk-full", `The disk of the database fills up: ${free} left`));
  }
  if (databaseBytes + walBytes >= maxBytes * NEAR_LIMIT_SHARE) {
    const size = formatSizeBytes(databaseBytes + walBytes);
    const message = `The database has ${size} of the ${formatSizeBytes(maxBytes)} that DB_MAX_SIZE allows`;
    problems.push(warning("size-limit", message));
  }
  return problems;
}

function findBackupProblems({ at, backups, database, system }: HealthFacts): HealthProblem[] {
  const { backupStatus, nextBackupAt, lastError, archive } = backups;
  const problems: HealthProblem[] = [];
  if (backupStatus === "FAILED") {
    problems.push(warning("backup-failed", `The last backup failed${lastError === undefined ? "" : `: ${lastError}`}`));
  } else if (
    nextBackupAt !== undefined &&
    backupStatus !== "IN_PROGRESS" &&
    // A bot that was off could make none, and one without a database cannot either.
    Math.min(at - nextBackupAt, system.uptimeMs) > PATIENCE_WITH_BACKUP_MS &&
    database.state !== "offline"
  ) {
    problems.push(warning("backup-overdue", `A backup has been due for ${formatRoughly(at - nextBackupAt)}`));
  }
  if (archive.status === "behind") {
    const message = `The archive is ${formatRoughly(archive.lagMs ?? 0)} behind: what came since exists only once`;
    problems.push(critical("archive-behind", message));
  }
  return problems;
}

function findGatewayProblems({ gateway }: HealthFacts): HealthProblem[] {
  return gateway.isConnected ? [] : [warning("gateway-away", "The bot is not connected to Discord")];
}

function grade(value: number, warningOver: number, criticalOver: number): Severity | undefined {
  if (value > criticalOver) return "critical";
  return value > warningOver ? "warning" : undefined;
}

function warning(kind: string, message: string): HealthProblem {
  return { severity: "warning", kind, message };
}

function critical(kind: string, message: string): HealthProblem {
  return { severity: "critical", kind, message };
}

export function formatShare(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}

/** In the two largest units that matter to somebody who reads it. */
export function formatRoughly(durationMs: number): string {
  const unitMs = [3_600_000, 60_000, 1_000, 10].find((unit) => durationMs >= unit * 10) ?? 1;
  return formatDurationMs(Math.max(0, Math.round(durationMs / unitMs) * unitMs));
}
