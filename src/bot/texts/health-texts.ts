import type { ErrorCode } from "../../core/errors.ts";
import type { BackupStatus } from "../../database/backup/backup-manager.ts";
import type { DegradationState } from "../../resilience/graceful-degradation.ts";

/** Why the database is not as it should be, for moderators: no path, no SQL, no code. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  DATABASE_UNAVAILABLE: "The connection to the database was lost.",
  DATABASE_READ_ONLY: "The disk or folder of the database does not allow writing.",
  DATABASE_BUSY: "Another program holds the database.",
  DATABASE_FULL: "The disk, or the size allowed for the database, is full.",
  DATABASE_CORRUPT: "A problem with the stored data was found.",
  DATABASE_MISSING: "The database is not where it was.",
  DATABASE_IO: "The disk did not read or write as it should.",
  SCHEMA_MISMATCH: "The database is being updated, or does not fit this version of the bot.",
  SCHEMA_NEWER: "The database was written by a newer version of the bot. The bot has to be updated.",
  MIGRATION_FAILED: "An update of the database failed and was undone.",
  OPERATION_TIMEOUT: "The database does not answer in time.",
  TRANSACTION_FAILED: "Changes cannot be completed.",
  QUEUE_WRITE_FAILED: "The folder of the changes that wait cannot be used.",
  SHUTTING_DOWN: "The bot is stopping.",
  INSTANCE_LOCKED: "Another running bot holds the same data.",
  SQLITE_TOO_OLD: "The database library on this machine is too old.",
};

const STATES: Readonly<Record<DegradationState["kind"], { title: string; meaning: string }>> = {
  normal: { title: "🟢 Normal", meaning: "Everything works." },
  "read-only": { title: "🟠 Read-only", meaning: "What is stored can be shown, but nothing can be saved." },
  offline: { title: "🔴 Offline", meaning: "The data cannot be read or saved. The bot keeps trying to reconnect." },
};

const LAST_BACKUP_NOTES: Readonly<Record<NonNullable<BackupStatus["backupStatus"]>, string>> = {
  SUCCESS: "",
  IN_PROGRESS: " (another is being made)",
  FAILED: " (⚠️ a later one failed)",
};

export const healthTexts = {
  define: {
    command: "Show how the database is doing",
    details: "Show more figures",
  },
  state: STATES,
  reason: (code: ErrorCode): string => REASONS[code] ?? "A fault that is described in the bot's log.",
  since: (moment: string, relative: string): string => `Since ${moment} (${relative})`,
  lastKnown: "The figures are the last known ones.",
  picture: (hours: number): string =>
    `Response times, errors and backups of the last ${hours} hours; times without the database are shaded`,
  reconnecting: (attempt: number): string => `Reconnecting: attempt ${attempt}.`,
  starting: { title: "🟡 Starting", meaning: "The database is being opened." },
  closed: { title: "⚪ Closed", meaning: "The bot is stopping, and the database is closed." },
  connections: "Connections",
  connected: (count: number): string => `${count} open`,
  notConnected: "none",
  queries: "Queries",
  errors: "Errors",
  errorRate: (count: number, percent: string): string => `${count} (${percent} %)`,
  averageTime: "Average time",
  restarts: "Restarts of connections",
  pool: "Readers",
  poolFigures: (pool: { size: number; inUse: number; idle: number; waiting: number }): string =>
    `${pool.size} in all: ${pool.inUse} at work, ${pool.idle} free. ${pool.waiting} waiting for one.`,
  pendingWrites: "Writes waiting",
  engineVersion: "Version of the engine",
  unknown: "not known yet",
  lastCheck: "Checked",
  details: {
    answerTimes: "Answers, last 5 min",
    notAsked: "nothing was asked",
    percentiles: (times: { count: number; p50: string; p95: string; p99: string; max: string }): string =>
      `${times.count}: half within ${times.p50}, 95 % within ${times.p95}, 99 % within ${times.p99}, all within ${times.max}`,
    queue: "Saved for later",
    waiting: (size: number, oldest: string | undefined, deadCount: number): string =>
      `${size} waiting${oldest === undefined ? "" : `, the oldest from ${oldest}`}${deadCount === 0 ? "" : `, ⚠️ ${deadCount} given up`}`,
    files: "Size",
    sizes: (database: string, log: string, free: string): string =>
      `${database}, and ${log} of log. ${free} of disk are free.`,
    archive: "Archive of changes",
    lag: (lag: string): string => `${lag} behind`,
    breaker: "Circuit breaker",
    breakerStates: {
      closed: "closed: the database is asked",
      open: "open: the database is left alone for a while",
      "half-open": "half-open: the database is being tried",
    },
    cache: "Answers in memory",
    hits: (size: number, percent: string): string => `${size}, used for ${percent} % of the questions`,
    eventLoop: "Delay of the program",
    delays: (p99: string, max: string): string => `99 % within ${p99}, ${max} at most`,
    memory: "Memory",
    gateway: "Discord",
    unknownPing: "not measured yet",
    ping: (time: string): string => `answers in ${time}`,
  },
  recovery: {
    notice: (text: string): string => `ℹ️ Found at the start: ${text}.`,
    confirming: "🔎 The database may be damaged and is being looked over. Nothing needs to be done yet.",
    recovering: (percent: number | undefined): string =>
      `🛠️ The database is damaged or gone, and is being recovered${percent === undefined ? "" : ` (this step: ${percent} %)`}. ` +
      "Nothing needs to be done until that is finished.",
    offered: (moment: string | undefined): string =>
      `🛟 The database is damaged. A recovered one${moment === undefined ? "" : `, as of ${moment},`} is ready and waits for an administrator.`,
    offerComplete: "It has everything that the bot has confirmed to anybody.",
    offerIncomplete: "It may not have everything; what may be missing is shown before it is put in place.",
    howToAccept: "Use `/dbbackup restore` and choose **recovered**, or another backup.",
    failed: "⛔ The database is damaged or gone, and could not be recovered. That is tried again by itself.",
    howToRestore:
      "An administrator can bring a backup back with `/dbbackup restore`. The bot's operator finds in its log what stands in the way.",
  },
  backups: {
    title: "Backups",
    inMemory: "None: the database is in memory only (test mode).",
    lastBackup: (moment: string | undefined, status: BackupStatus["backupStatus"]): string => {
      if (moment !== undefined) return `Last backup: ${moment}${status === undefined ? "" : LAST_BACKUP_NOTES[status]}`;
      if (status === "IN_PROGRESS") return "Last backup: the first one is being made";
      return status === "FAILED" ? "Last backup: ⚠️ none, the last try failed" : "Last backup: none yet";
    },
    archiveOff: "Archive of changes: off, so only backups can be restored",
    archiveAway: "Archive of changes: goes on with the database",
    archiveCurrent: "Archive of changes: has every change",
    archiveLag: (lag: string): string => `Archive of changes: ${lag} behind, which is as it should be`,
    archiveBehind: (lag: string): string => `Archive of changes: ⚠️ behind by ${lag}`,
    lastTrial: (moment: string | undefined): string =>
      `Last restore on trial that brought everything: ${moment ?? "none since the start"}`,
  },
};
