import { formatDurationMs, formatSizeBytes } from "../../core/units.ts";
import type { BackupReport, DatabaseReport, Suggestion } from "./health-types.ts";
import { formatRoughly, formatShare, NEAR_LIMIT_SHARE } from "./problems.ts";

/** Which settings the figures speak for: rules without any state. */

export interface SuggestionFacts {
  readonly database: DatabaseReport;
  readonly backups: BackupReport;
  /** From the beginning of the last backup until it was verified, milliseconds. */
  readonly lastBackupDurationMs: number | undefined;
  /** Of how many looks at the readers, in how many calls waited for one. */
  readonly readerLooks: { readonly count: number; readonly waitingCount: number };
  readonly settings: SuggestionSettings;
}

/** As they are set now, by the names of their variables; sizes are bytes, durations milliseconds. */
export interface SuggestionSettings {
  readonly DB_READ_CACHE: number;
  readonly DB_CACHE_SIZE: number;
  readonly DB_MAX_CONNECTIONS: number;
  readonly DB_SLOW_QUERY: number;
  readonly DB_ARCHIVE_INTERVAL: number;
  readonly DB_BACKUP_SCHEDULE: string;
  readonly DB_BACKUP_INTERVAL_HOURS?: number | undefined;
}

/** Fewer say nothing about a setting. */
const MIN_CACHE_QUESTIONS = 1_000;
const MIN_CALLS = 100;
const MIN_READER_LOOKS = 20;
const LOW_HIT_RATE = 0.5;
const WAITING_SHARE = 0.2;
/** More readers than this only wait for the same disk. */
const MAX_CONNECTIONS = 8;
const BACKUP_SHARE = 0.25;
const SLOW_ANSWER_MS = 20;
const HOUR_MS = 3_600_000;

export function findSuggestions(facts: SuggestionFacts): Suggestion[] {
  return [
    suggestReadCache(facts),
    suggestPageCache(facts),
    suggestReaders(facts),
    suggestArchiveInterval(facts),
    suggestSlowQuery(facts),
    suggestBackupInterval(facts),
    suggestMaxSize(facts),
  ].filter((suggestion) => suggestion !== undefined);
}

function suggestReadCache({ database: { cache }, settings }: SuggestionFacts): Suggestion | undefined {
  const capacity = settings.DB_READ_CACHE;
  const isFull = capacity > 0 && cache.size >= capacity * 0.95;
  if (cache.hits + cache.misses < MIN_CACHE_QUESTIONS || cache.hitRate >= LOW_HIT_RATE || !isFull) return undefined;
  const reason = `the cache is full with ${cache.size} answers, and only ${formatShare(cache.hitRate)} of the questions find theirs`;
  return { setting: "DB_READ_CACHE", current: String(capacity), suggested: String(capacity * 2), reason };
}

function suggestPageCache({ database, settings }: SuggestionFacts): Suggestion | undefined {
  const { files, lastFiveMinutes } = database;
  const bytes = settings.DB_CACHE_SIZE;
  if (!files || files.databaseBytes < bytes * 4) return undefined;
  if (lastFiveMinutes.count < MIN_CALLS || lastFiveMinutes.p95Ms < SLOW_ANSWER_MS) return undefined;
  const reason =
    `of a database of ${formatSizeBytes(files.databaseBytes)} only ${formatSizeBytes(bytes)} fit into memory, ` +
    `and 5 % of the calls take longer than ${formatRoughly(lastFiveMinutes.p95Ms)}`;
  return { setting: "DB_CACHE_SIZE", current: toSetting(bytes), suggested: toSetting(bytes * 2), reason };
}

function suggestReaders({ readerLooks, settings }: SuggestionFacts): Suggestion | undefined {
  const { count, waitingCount } = readerLooks;
  const current = settings.DB_MAX_CONNECTIONS;
  if (count < MIN_READER_LOOKS || waitingCount < count * WAITING_SHARE || current >= MAX_CONNECTIONS) return undefined;
  const reason = `calls waited for a free reader in ${waitingCount} of ${count} looks`;
  return { setting: "DB_MAX_CONNECTIONS", current: String(current), suggested: String(current + 1), reason };
}

function suggestArchiveInterval({ database, settings }: SuggestionFacts): Suggestion | undefined {
  const { count, p95Ms } = database.lastFiveMinutes;
  if (settings.DB_ARCHIVE_INTERVAL > 0 || count < MIN_CALLS || p95Ms < SLOW_ANSWER_MS) return undefined;
  const reason =
    `every write waits until it is archived, and 5 % of the calls take longer than ${formatRoughly(p95Ms)}; ` +
    "with an interval, a lost disk costs the changes of that time at most";
  return { setting: "DB_ARCHIVE_INTERVAL", current: "0", suggested: "1s", reason };
}

function suggestSlowQuery({ database, settings }: SuggestionFacts): Suggestion | undefined {
  const { count, p50Ms, p99Ms } = database.lastFiveMinutes;
  const current = settings.DB_SLOW_QUERY;
  if (count < MIN_CALLS || p50Ms <= current) return undefined;
  // In tens, so that it can be read.
  const suggested = Math.ceil((p99Ms * 1.2) / 10) * 10;
  const reason = `half of all calls take longer than that, so the list of slow ones says nothing`;
  return {
    setting: "DB_SLOW_QUERY",
    current: formatDurationMs(current),
    suggested: formatDurationMs(suggested),
    reason,
  };
}

function suggestBackupInterval({ backups, lastBackupDurationMs, settings }: SuggestionFacts): Suggestion | undefined {
  const { lastBackupAt, nextBackupAt } = backups;
  if (lastBackupAt === undefined || nextBackupAt === undefined || lastBackupDurationMs === undefined) return undefined;
  const intervalMs = nextBackupAt - lastBackupAt;
  if (intervalMs <= 0 || lastBackupDurationMs < intervalMs * BACKUP_SHARE) return undefined;
  const hours = Math.min(24, Math.max(1, Math.ceil((lastBackupDurationMs * 10) / HOUR_MS)));
  const reason = `the last backup took ${formatRoughly(lastBackupDurationMs)}, and the next one is due after ${formatRoughly(intervalMs)}`;
  const { DB_BACKUP_SCHEDULE: schedule, DB_BACKUP_INTERVAL_HOURS: currentHours } = settings;
  if (schedule === "") {
    return {
      ...{ setting: "DB_BACKUP_INTERVAL_HOURS", current: String(currentHours ?? ""), suggested: String(hours) },
      reason,
    };
  }
  const suggested = hours === 24 ? "0 4 * * *" : `0 */${hours} * * *`;
  return { setting: "DB_BACKUP_SCHEDULE", current: schedule, suggested, reason };
}

function suggestMaxSize({ database: { files } }: SuggestionFacts): Suggestion | undefined {
  if (!files) return undefined;
  const { databaseBytes, maxBytes, diskFreeBytes } = files;
  // Room for the growth itself, and for a restore of what has grown.
  if (databaseBytes < maxBytes * NEAR_LIMIT_SHARE || diskFreeBytes < maxBytes * 4) return undefined;
  const reason =
    `the database has ${formatSizeBytes(databaseBytes)} also after the clean-up, ` +
    `and its disk has room for ${formatSizeBytes(diskFreeBytes)} more`;
  return { setting: "DB_MAX_SIZE", current: toSetting(maxBytes), suggested: toSetting(maxBytes * 2), reason };
}

/** As it stands in `.env`. */
function toSetting(bytes: number): string {
  return formatSizeBytes(bytes).replace(" ", "");
}
