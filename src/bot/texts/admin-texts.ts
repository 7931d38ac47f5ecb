import type { FlagSubjectType } from "../../store/flags.ts";
import { FLAG_TABLE, type FlagName } from "../flags/flag-table.ts";
import { auditTexts } from "./audit-texts.ts";
import { backupTexts } from "./backup-texts.ts";
import { healthTexts } from "./health-texts.ts";

const SUBJECT_WORDS: Readonly<Record<FlagSubjectType, string>> = {
  server: "the server",
  role: "a role",
  member: "a member",
};

const flagTexts = {
  define: {
    command: "Set how Muster works in this server",
    set: "Set a flag",
    list: "Show the flags that are set, and those that can be",
    clear: "Go back to the default of a flag",
    flag: "Which flag",
    value: "Its value; what is possible depends on the flag",
    role: "For this role instead of the server, where the flag allows it",
    member: "For this member instead of the server, where the flag allows it",
  },
  /** What each flag does, which values it takes and what holds without it: English is in the table of flags itself. */
  about: FLAG_TABLE as Readonly<Record<FlagName, { description: string; expected: string; default: string }>>,
  choice: (name: string, description: string): string => `${name}: ${description}`,
  unknownFlag: (given: string, names: readonly string[]): string =>
    `There is no flag **${given}**. There are: ${names.map((name) => `\`${name}\``).join(", ")}.`,
  wrongValue: (name: string, given: string, expected: string): string =>
    `**${given}** is not a value for **${name}**. It must be ${expected}.`,
  missingChannelPermissions: (permissions: readonly string[]): string =>
    `I cannot use this channel: I need ${permissions.map((permission) => `**${permission}**`).join(", ")} there.`,
  twoSubjects: "A flag is set for one at a time: give a role or a member, not both.",
  wrongSubject: (name: string, given: FlagSubjectType, taken: readonly FlagSubjectType[]): string =>
    `**${name}** cannot be set for ${SUBJECT_WORDS[given]}, only for ${taken.map((type) => SUBJECT_WORDS[type]).join(" or ")}.` +
    (taken.includes("server") ? "" : " Please give one with the command."),
  everyoneRole: "Everyone is not a role of its own here. Please choose another one.",
  subject: {
    server: (): string => "the server",
    role: (mention: string): string => mention,
    member: (mention: string): string => mention,
  },
  set: (name: string, value: string, subject: string, previousValue: string | undefined): string =>
    `✅ **${name}** is now ${value} for ${subject}.` +
    (previousValue === undefined ? "" : ` Before: ${previousValue}.`),
  cleared: (name: string, subject: string, defaultValue: string): string =>
    `✅ **${name}** is not set any more for ${subject}. The default is: ${defaultValue}.`,
  notSet: (name: string, subject: string): string => `**${name}** is not set for ${subject}.`,
  listTitle: "Flags of this server",
  listEmpty: "No flag is set, so the defaults hold. Set one with `/admin-set-flag set`.",
  listNotSetTitle: "Not set, so the default holds",
  listLine: (subject: string, value: string): string => `${subject}: ${value}`,
  listNotSetLine: (name: string, defaultValue: string): string => `${name}: ${defaultValue}`,
  listDescribedLine: (name: string, description: string, defaultValue: string): string =>
    `**${name}** (${defaultValue}): ${description}`,
  more: (count: number): string => `… and ${count} more`,
};

export const adminTexts = {
  flags: flagTexts,
  audit: auditTexts,
  backup: backupTexts,
  health: healthTexts,
};
