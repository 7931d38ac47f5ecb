import type { ChainFault } from "../../store/audit-chain.ts";

/** What was done, as `<who> …`. An action that is not here is shown by its own name. */
const ACTIONS: Readonly<Record<string, string>> = {
  "event.create": "created the event",
  "event.edit": "changed the event",
  "event.pause": "paused the event",
  "event.resume": "resumed the event",
  "event.close": "closed the event",
  "event.delete": "deleted the event",
  "event.remind": "sent a reminder of the event",
  "flag.set": "set the flag",
  "flag.clear": "cleared the flag",
  "mydata.delete": "had what was kept about them deleted",
  "audit.export": "exported the audit log as",
  "backup.create": "made a backup",
  "backup.verify": "verified the backup",
  "backup.restore": "restored the backup",
};

/** What an entry's details are called. A detail that is not here is called by its own name, in words. */
const DETAILS: Readonly<Record<string, string>> = {
  value: "now",
  previousValue: "before",
  audienceRoleId: "audience",
  channelId: "channel",
  intervalMs: "every",
  closesAt: "closes",
  reactions: "answers",
  entryCount: "entries",
  isTruncated: "cut short",
};

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

export const auditTexts = {
  define: {
    command: "See, export and verify what was done in this server, and by whom",
    list: "Show who did what, newest first",
    export: "Get the whole audit log as a file",
    verify: "Check that no entry was altered or removed",
    action: "Only this action",
    actor: "Only what this member did",
    since: 'Only from then on: "yesterday", "3 days ago", "2026-12-24 18:00"',
    until: "Only up to then",
    text: "Only entries in which this text occurs",
    format: "csv for spreadsheets, json for programs",
  },
  title: "Audit log",
  actions: ACTIONS,
  /** In place of a member, for what Muster did by itself. */
  system: "Muster",
  failed: "⚠️ tried, and it failed:",
  entry: (parts: { moment: string; actor: string; action: string; target: string; failed: string }): string =>
    [parts.moment, parts.actor, parts.failed, parts.action, parts.target].filter((part) => part !== "").join(" "),
  flagTarget: (name: string, subject: string): string => `**${name}**` + (subject === "" ? "" : ` for ${subject}`),
  details: DETAILS,
  detail: (name: string, value: string): string => `${name}: ${value}`,
  yes: "yes",
  no: "no",
  none: "none",
  empty: "Nothing has been recorded in this server yet. Events, flags and exports will show up here.",
  emptyFiltered: "No entry fits this. Try a longer time, or fewer filters.",
  filteredBy: (parts: readonly string[]): string => `Only: ${parts.join(" · ")}`,
  filter: {
    action: (action: string): string => action,
    actor: (mention: string): string => `by ${mention}`,
    since: (moment: string): string => `since ${moment}`,
    until: (moment: string): string => `until ${moment}`,
    text: (text: string): string => `with "${text}"`,
  },
  entryNumbers: (newest: number, oldest: number): string =>
    newest === oldest ? `Entry ${newest}` : `Entries ${newest} to ${oldest}`,
  newer: "Newer",
  older: "Older",
  unknownAction: (given: string): string => `There is no action **${given}**. Please choose one from the list.`,
  momentNotUnderstood: (given: string): string =>
    `I do not understand **${given}** as a time. Write something like "yesterday", "3 days ago" or "2026-12-24 18:00".`,
  momentTooFar: (given: string): string => `**${given}** is too far away.`,
  sinceAfterUntil: "The time after `since` is later than the one after `until`, so nothing can fit.",
  exported: (count: number): string => `📄 ${plural(count, "entry", "entries")}, oldest first.`,
  exportTruncated: (count: number): string =>
    `✂️ The audit log is longer than fits into one file: these are the newest ${plural(count, "entry", "entries")}.`,
  verifyTitle: "The audit log, checked entry by entry",
  serverChain: "This server",
  systemChain: "What Muster did to itself",
  chainEmpty: "No entries yet.",
  chainUnbroken: (count: number, sinceMoment: string): string =>
    `✅ ${plural(count, "entry", "entries")}, unbroken since ${sinceMoment}: none is altered or missing.`,
  chainBroken: (fault: ChainFault, soundCount: number): string =>
    (fault.kind === "missing"
      ? `❌ Entry ${fault.sequence} is missing.`
      : `❌ Entry ${fault.sequence} is altered (\`${fault.id}\`).`) +
    ` It is the first that is wrong; ${soundCount === 0 ? "there is none before it" : `the ${plural(soundCount, "entry", "entries")} before it ${soundCount === 1 ? "is" : "are"} sound`}.`,
  chainBrokenAdvice: "Somebody changed the database past Muster. Compare with an export or a backup from before.",
};
