import type { HealthReport } from "../../../database/health/health-types.ts";
import { formatAgo, formatPlural, formatSpan, formatTime } from "./format.ts";

export type Tone = "good" | "warning" | "critical" | "unknown";

/** The state of everything, as a person would say it. */
export interface Headline {
  readonly tone: Tone;
  /** Changes only with the state, so that it can be read aloud. */
  readonly title: string;
  readonly text: string;
}

/** What lies behind an error code, to stand behind "the database is offline since 14:05:". */
const REASONS: Readonly<Record<string, string>> = {
  DATABASE_UNAVAILABLE: "it cannot be reached",
  DATABASE_READ_ONLY: "the file system lets nothing be written",
  DATABASE_BUSY: "another process holds its write lock",
  DATABASE_FULL: "the disk is full",
  DATABASE_CORRUPT: "its file is damaged",
  DATABASE_MISSING: "its file is gone",
  DATABASE_IO: "the operating system fails to read or write its file",
  OPERATION_TIMEOUT: "it does not answer in time",
  SCHEMA_MISMATCH: "its tables are not those the program expects",
  SCHEMA_NEWER: "it was written by a newer version of the program",
  MIGRATION_PENDING: "it waits for the backup before a migration",
  MIGRATION_FAILED: "a migration failed and was undone",
  QUEUE_WRITE_FAILED: "the folder of the writes that wait cannot be used",
};

/** Kinds of problems that the headline itself already tells. */
const TOLD_BY_HEADLINE = ["database-offline", "database-read-only", "gateway-disconnected", "queue"];

export function headlineOf(health: HealthReport, now: number): Headline {
  const { database, gateway, problems } = health;
  const restorable = restorableWords(health, now);
  if (database.state !== "normal") return troubleHeadline(health, now);
  if (!gateway.isConnected) {
    return {
      tone: "critical",
      title: "Discord is out of reach.",
      text: `The bot hears nothing until it is connected again, which it tries by itself. The database is well. ${restorable}`,
    };
  }
  const [worst] = problems;
  if (worst) {
    const title = worst.severity === "critical" ? "Something is wrong." : "Running, with something to look at.";
    return { tone: worst.severity, title, text: `${asSentence(worst.message)} ${restorable}` };
  }
  return { tone: "good", title: "All is well.", text: restorable };
}

/** What else is not as it should be, beside what the headline says. */
export function otherProblems(health: HealthReport): readonly HealthReport["problems"][number][] {
  const isTrouble = health.database.state !== "normal" || !health.gateway.isConnected;
  if (!isTrouble) return health.problems.slice(1);
  return health.problems.filter(({ kind }) => !TOLD_BY_HEADLINE.some((told) => kind.startsWith(told)));
}

function troubleHeadline({ database }: HealthReport, now: number): Headline {
  const isReadOnly = database.state === "read-only";
  const what = isReadOnly ? "The database can only be read" : "The database is offline";
  const since = database.since === undefined ? "" : ` since ${formatTime(database.since, now)}`;
  const reason = database.reason === undefined ? undefined : (REASONS[database.reason] ?? "it does not work");
  const recovering = database.engine === "recovering" ? " It is being recovered." : "";
  return {
    tone: isReadOnly ? "warning" : "critical",
    title: `${what}${since}${reason === undefined ? "" : `: ${reason}`}.`,
    text: `${queueWords(database)}${recovering} The bot goes on answering, and tries again each second.`,
  };
}

function queueWords({ reason, queue: { size: count } }: HealthReport["database"]): string {
  if (reason === "QUEUE_WRITE_FAILED") return "What waits in it comes first, so nothing is written until then.";
  if (count === 0) return "No write waits, nothing is lost.";
  return `${formatPlural(count, "write")} ${count === 1 ? "waits" : "wait"}, nothing is lost.`;
}

function restorableWords({ backups }: HealthReport, now: number): string {
  if (backups.restorableUntil !== undefined) {
    return `The newest restorable moment is ${formatSpan(Math.max(now - backups.restorableUntil, 1_000))} ago.`;
  }
  if (backups.lastBackupAt !== undefined) return `The last backup was made ${formatAgo(backups.lastBackupAt, now)}.`;
  return "There is no backup yet.";
}

function asSentence(message: string): string {
  const upper = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
