/**
 * All that a server can set, in one table: to add a flag is to add an entry here, and `/admin-set-flag`, its
 * autocomplete and its help have it. What a flag does is up to whoever reads `EffectiveFlags`.
 */
import type { Guild } from "discord.js";
import type { FlagSubjectType } from "../../store/flags.ts";
import { listAlertChannels, readAlertChannel } from "./alert-channel.ts";
import type { FlagChoice, FlagValueResult } from "./flag-value-result.ts";
import { listTimeZones, readEmblem, readOneOf, readQuietHours, readSwitch, readTimeZone } from "./flag-values.ts";

export interface FlagDefinition {
  /** For people, one line: what it does. */
  readonly description: string;
  /** For people: which values it takes, as in "The value must be …". */
  readonly expected: string;
  /** For people: what holds where it is not set. */
  readonly default: string;
  readonly subjects: readonly [FlagSubjectType, ...FlagSubjectType[]];
  readonly parse: (text: string, guild: Guild) => FlagValueResult;
  /** What autocomplete offers before it looks for what has been typed; absent where there is too much to choose from. */
  readonly listChoices?: (guild: Guild) => readonly FlagChoice[];
  /** How a stored value is shown; default: as it is. */
  readonly show?: "channel";
}

const toChoices = (values: readonly string[]): readonly FlagChoice[] => values.map((value) => ({ name: value, value }));

const SWITCH = {
  expected: "`on` or `off`",
  parse: readSwitch,
  listChoices: () => toChoices(["on", "off"]),
} as const;

export const FLAG_TABLE = {
  reminders: {
    ...SWITCH,
    description: "Whether members are reminded of events that they have not answered",
    default: "on",
    subjects: ["server"],
  },
  "event-creators": {
    description: "Who may create events: everyone, or only moderators (the permission Manage Events)",
    expected: "`everyone` or `moderators`",
    default: "moderators",
    subjects: ["server"],
    parse: readOneOf("everyone", "moderators"),
    listChoices: () => toChoices(["moderators", "everyone"]),
  },
  "reminder-delivery": {
    description: "Where reminders go: into the event's channel, or to each member as a direct message",
    expected: "`channel` or `dm`",
    default: "channel",
    subjects: ["server"],
    parse: readOneOf("channel", "dm"),
    listChoices: () => toChoices(["channel", "dm"]),
  },
  "keep-reminders": {
    ...SWITCH,
    description: "Whether earlier reminders stay in the channel when a new one is sent",
    default: "off",
    subjects: ["server"],
  },
  "quiet-hours": {
    description: "The part of every day in which no reminders are sent, by the clocks of the flag timezone",
    expected: "two times of day, such as `22:00-08:00`",
    default: "none",
    subjects: ["server"],
    parse: readQuietHours,
    listChoices: () => toChoices(["22:00-08:00", "21:00-09:00", "23:00-07:00", "00:00-06:00"]),
  },
  timezone: {
    description: "The time zone in which times are meant that people write here, quiet hours too",
    expected: "the name of a time zone, such as `Europe/Vienna`",
    default: "UTC",
    subjects: ["server"],
    parse: readTimeZone,
    listChoices: () => toChoices(listTimeZones()),
  },
  "alert-channel": {
    description: "The channel in which administrators are told when something is wrong",
    expected: "a text channel of this server: choose one, or give its id",
    default: "none",
    subjects: ["server"],
    parse: readAlertChannel,
    listChoices: listAlertChannels,
    show: "channel",
  },
  excused: {
    description: "Who is not expected to answer, and never reminded",
    expected: "`yes`",
    default: "nobody",
    subjects: ["role", "member"],
    parse: readOneOf("yes"),
    listChoices: () => toChoices(["yes"]),
  },
  emblem: {
    description: "The sign shown on event cards, or beside the answers of a role's members",
    expected: "one emoji, or the address of an image that begins with `https://` (png, jpg, gif or webp)",
    default: "none",
    subjects: ["server", "role"],
    parse: readEmblem,
  },
} as const satisfies Readonly<Record<string, FlagDefinition>>;

export type FlagName = keyof typeof FLAG_TABLE;

export const FLAG_NAMES = Object.keys(FLAG_TABLE) as readonly FlagName[];

export function isFlagName(text: string): text is FlagName {
  return Object.hasOwn(FLAG_TABLE, text);
}

export function getFlagDefinition(name: FlagName): FlagDefinition {
  return FLAG_TABLE[name];
}
