import type { SnapshotReason } from "../../database/backup/snapshot-manifest.ts";

const REASONS: Readonly<Record<SnapshotReason, string>> = {
  manual: "made by hand",
  schedule: "made on schedule",
  start: "made at the first start",
  "before-migration": "made before an update",
  "before-restore": "made before a restore",
  "new-generation": "made when the archive began anew",
};

/** Steps of the jobs, as they call them. One that is not here is not named. */
const STEPS: Readonly<Record<string, string>> = {
  copy: "copying",
  check: "checking every page",
  store: "storing",
  "read back": "reading it back",
  unpack: "unpacking",
  apply: "applying what was changed afterwards",
  finish: "finishing",
};

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

export const backupTexts = {
  define: {
    command: "Make, verify and restore backups of the database",
    create: "Make a backup now",
    list: "Show the backups, and what can be restored",
    verify: "Unpack a backup and check all of it",
    restore: "Bring the database back to a backup or to a moment; asks before it does",
    comment: "What it is for",
    backup: "Which backup: type a time, a comment or an id",
    at: 'Or a moment: "today 14:05", "2 hours ago", "2026-12-24 18:00"',
  },
  inMemory: "The database is in memory only (test mode), so there are no backups of it.",
  working: {
    create: "Making a backup",
    verify: "Verifying the backup",
    restore: "Restoring the database",
  },
  progress: (activity: string, step: string, percent: number | undefined): string =>
    `⏳ ${activity}` +
    (STEPS[step] === undefined ? "" : `: ${STEPS[step]}`) +
    (percent === undefined ? " …" : ` … ${percent} %`),
  created: (id: string, sizeText: string): string => `✅ Backup \`${id}\` is made and verified (${sizeText}).`,
  listTitle: "Backups",
  listEmpty: "There is no backup yet. Make one with `/dbbackup create`.",
  listLine: (parts: { moment: string; id: string; size: string; reason: SnapshotReason; comment: string }): string =>
    `✅ ${parts.moment} · \`${parts.id}\` · ${parts.size} · ${REASONS[parts.reason]}` +
    (parts.comment === "" ? "" : `: ${parts.comment}`),
  listDamagedLine: (moment: string, id: string): string => `❌ ${moment} · \`${id}\` · damaged, not used any more`,
  listMore: (count: number): string => `… and ${plural(count, "older one", "older ones")}`,
  listProblems: (count: number): string => `❌ ${plural(count, "file", "files")} among the backups cannot be used.`,
  restorableTitle: "What can be restored",
  restorableSpan: (from: string, to: string): string => `every moment from ${from} to ${to}`,
  restorableMoment: (moment: string): string => `the state of ${moment}`,
  choice: (parts: { time: string; id: string; reason: SnapshotReason; comment: string; isDamaged: boolean }): string =>
    `${parts.isDamaged ? "❌ " : ""}${parts.time} · ${parts.id} · ${parts.comment === "" ? REASONS[parts.reason] : parts.comment}`,
  recoveredChoice: (time: string | undefined): string =>
    time === undefined ? "recovered" : `recovered, as of ${time}`,
  unknownBackup: (given: string): string =>
    `There is no backup **${given}**. Please choose one from the list, or look with \`/dbbackup list\`.`,
  sound: (id: string, moment: string, rowCount: number, durationText: string): string =>
    `✅ Backup \`${id}\` of ${moment} is sound: unpacked and checked whole, with ${plural(rowCount, "row", "rows")}, in ${durationText}.`,
  unusable: (id: string, findings: readonly string[]): string =>
    `❌ Backup \`${id}\` cannot be used.\n${findings.map((finding) => `- ${finding}`).join("\n")}`,
  wrongKey: (id: string): string =>
    `❌ Backup \`${id}\` was encrypted with another key than the one that is set now. With its own key it may be sound.`,
  whichTarget: "Please say what to restore: either a `backup`, or a moment with `at`.",
  momentNotUnderstood: (given: string): string =>
    `I do not understand **${given}** as a time. Write something like "today 14:05", "2 hours ago" or "2026-12-24 18:00".`,
  momentInFuture: (moment: string): string => `${moment} is yet to come. Please give a moment that has been.`,
  nothingToRestore: "Nothing can be restored yet: there is no backup that can be used.",
  notRestorable: (spans: readonly string[]): string =>
    `That cannot be restored. What can: ${spans.join("; ")}. Give a moment in there with \`at\`.`,
  planTitle: "Restore the database?",
  planMoment: (moment: string): string => `You asked for the state of **${moment}**.`,
  planBackup: (id: string, moment: string): string => `You asked for backup \`${id}\` of ${moment}.`,
  planReaches: (moment: string, relative: string): string =>
    `It comes back as it was at **${moment}** (${relative}), the last change that is in it.`,
  planLoses:
    "Everything after that, **in all servers of this bot**, is taken back: events, answers, flags, the audit log. " +
    "The present database is set aside, not destroyed, and the bot's operator can get it back.",
  planMeanwhile: "While it is exchanged the bot answers with what it last knew; answers by reaction are kept.",
  planDeclines: (reach: string): string =>
    `⚠️ This gives up the recovered database, which reaches to ${reach}. To have that one, choose **recovered** from the list.`,
  offerTitle: "Put the recovered database in place?",
  offerReaches: (reach: string): string => `The database is damaged. What was recovered reaches to **${reach}**.`,
  offerUnknownMoment: "a moment that is not known",
  offerComplete: "Everything that the bot has confirmed to anybody is in it.",
  offerIncomplete: "**It does not have everything** that was confirmed:",
  offerAside: "The damaged database is set aside, not destroyed, and the bot's operator can get at it.",
  offerGone: "There is no recovered database that waits to be put in place. Please look with `/dbhealth`.",
  accepted: (reach: string, rowCount: number): string =>
    `✅ The recovered database is in place: it reaches to ${reach} and has ${plural(rowCount, "row", "rows")}.`,
  recoveryRunning:
    "The database is being looked over or recovered right now. Nothing was begun; `/dbhealth` shows when that is done.",
  planSource: (id: string, moment: string, hasArchive: boolean): string =>
    `From backup \`${id}\` of ${moment}${hasArchive ? " and the archive of every change after it" : ", without what was changed after it"}.`,
  planWarning: (warning: string): string => `⚠️ ${warning}`,
  planExpires: (moment: string): string => `Only you can confirm this, until ${moment}.`,
  restoreButton: "Restore",
  cancelButton: "Cancel",
  cancelled: "Nothing was restored, and nothing has changed.",
  expired: "This question is too old, and much may have changed since. Please use `/dbbackup restore` again.",
  notYours: "Only who asked for this restore can confirm it.",
  restoreRunning: "A restore is in progress already. Nothing else was begun.",
  restored: (moment: string, relative: string): string =>
    `✅ The database is back as it was at ${moment} (${relative}).`,
  restoredFrom: (id: string, rowCount: number): string =>
    `It came from backup \`${id}\`, and every page of it was checked: ${plural(rowCount, "row", "rows")}.`,
  restoredAside:
    "The former database is set aside, not destroyed; the bot's operator finds it in the quarantine folder.",
  restoredNote: (note: string): string => `⚠️ ${note}`,
};
