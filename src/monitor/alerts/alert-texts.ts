import type { AlertNotice } from "./alert.ts";

/**
 * Everything that alerts say. Plain text for any chat, without markup: what it is, then what it means or what to do.
 * Nothing in it is a path, a secret or a member's name.
 */

const TITLES = {
  database: "The database does not work as it should",
  "response-time": "The database answers slowly",
  "error-rate": "Operations fail",
  "breaker-open": "The database is not asked for the moment",
  queue: "Writes wait for the database",
  "dead-letter": "A queued write was given up",
  disk: "The disk is nearly full",
  size: "The database is near its largest size",
  backup: "Backups fail",
  "backup-overdue": "A backup is overdue",
  "backup-damaged": "A backup is damaged",
  "backup-drill": "The newest state could not be restored on trial",
  archive: "The archive is behind",
  "archive-gap": "The archive has a gap",
  migration: "A migration failed",
  integrity: "Damaged data was found",
  mended: "Damaged rows were set aside",
  recovery: "The database is damaged",
  "recovery-running": "The database is being put in order",
  "recovery-notice": "The database is not what its archive says",
  recovered: "The database was damaged, and is recovered",
  settings: "Changed settings are not valid",
  gateway: "Discord is out of reach",
  "event-loop": "The program is kept from answering",
} as const;

export type AlertTopic = keyof typeof TITLES;

const SIGNS = { begun: { warning: "🟠", critical: "🔴" }, over: "🟢" } as const;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** "40 s", "4 min", "3 h", "2 days": one unit says enough. */
export function describeDuration(durationMs: number): string {
  if (durationMs < 90 * SECOND_MS) return `${Math.max(Math.round(durationMs / SECOND_MS), 1)} s`;
  if (durationMs < 90 * MINUTE_MS) return `${Math.round(durationMs / MINUTE_MS)} min`;
  if (durationMs < 36 * HOUR_MS) return `${Math.round(durationMs / HOUR_MS)} h`;
  return `${Math.round(durationMs / DAY_MS)} days`;
}

export const alertTexts = {
  titles: TITLES as Readonly<Record<AlertTopic, string>>,
  /** A problem that this catalogue does not know: `event-loop` → "Event loop". */
  unknownTitle: (kind: string): string => `${kind.charAt(0).toUpperCase()}${kind.slice(1).replaceAll("-", " ")}`,

  databaseReadOnly: (code: string): string =>
    `It can be read but not written (${code}). What members do is kept and applied later.`,
  databaseOffline: (code: string): string =>
    `It cannot be used (${code}). The bot goes on without it, and what may wait is kept.`,
  deadLetter: (operation: string): string =>
    `${operation} failed each time it was tried. It is in the file of dead letters, with its reason.`,
  backupFailed: (code: string): string => `All tries failed (${code}). The data itself is safe.`,
  backupDamaged: (id: string): string => `${id} is not what was stored. Make a new one.`,
  drillFailed: (code: string): string =>
    `The last one did not come out complete (${code}). Verify the backups, then make a new one.`,
  drillIncomplete: "Something is missing between the backups and now. Make a new backup.",
  archiveBehind: (lagMs: number): string =>
    `Changes of the last ${describeDuration(lagMs)} are in the database only. Look at the disk of the backups.`,
  archiveGap: "Changes are missing from it. Until the next backup is made, only what was before can be restored.",
  migrationFailed: (code: string): string =>
    `It was undone, and the database is as it was (${code}). The bot runs without it.`,
  migrationBackupFailed: (code: string): string =>
    `The backup before it could not be made (${code}), so nothing was changed. It is tried again.`,
  damageFound: "The check found what it cannot mend by itself. The log says what.",
  mended: (kind: string, rowCount: number): string =>
    rowCount > 0
      ? `The check found ${rowCount} of them (${kind}). They are kept in the table of quarantined rows.`
      : `The check found damage (${kind}) and mended it.`,
  recovering: "Damage was found. What it was is kept in quarantine.",
  rescuing: "Its file was taken away. It is written anew from what the program still has open.",
  restoring: "A backup is being put in its place.",
  recovered: "It came from the archive and the backups. The report in quarantine says what was found.",
  recoveryOffered: "A recovered database waits for somebody to put it in place.",
  recoveryFailed: "It could not be recovered. Somebody has to look: the log says what is known.",
  recoveryNotice: "The database and its archive do not agree. The log says what is known.",
  settingsRejected: (names: readonly string[]): string =>
    `The former ones hold until this is corrected: ${names.join(", ")}.`,

  /** One line, as every channel of alerts shows it. */
  describeNotice({ kind, at, alert }: AlertNotice): string {
    const { title, text, severity, startedAt, endedAt, count, isOccurrence } = alert;
    if (kind === "over") {
      return `${SIGNS.over} Over: ${title} (recovered after ${describeDuration((endedAt ?? at) - startedAt)})`;
    }
    const sign = SIGNS.begun[severity];
    if (kind === "begun") return `${sign} ${title}: ${text}`;
    if (kind === "worse") return `${sign} Worse now: ${title}: ${text}`;
    const how = isOccurrence
      ? `${count} times in ${describeDuration(at - startedAt)}`
      : `for ${describeDuration(at - startedAt)}`;
    return `${sign} Still: ${title} (${how}): ${text}`;
  },
  /** `count`: alerts for which there was no room. */
  omitted: (count: number): string => `… and ${count} more, which are in the log`,
} as const;
