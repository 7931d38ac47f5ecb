import type { APIApplicationCommand } from "discord-api-types/v10";
import type { OptionValue, SentFile } from "./option-value.ts";

/** Kinds of options, by Discord's numbers. */
export const KIND = {
  subcommand: 1,
  group: 2,
  text: 3,
  integer: 4,
  boolean: 5,
  user: 6,
  channel: 7,
  role: 8,
  mentionable: 9,
  number: 10,
  attachment: 11,
} as const;

export interface CommandOption {
  readonly type: number;
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  readonly autocomplete?: boolean;
  readonly options?: readonly CommandOption[];
  readonly choices?: readonly { readonly name: string; readonly value: string | number }[];
  readonly min_value?: number;
  readonly max_value?: number;
  readonly min_length?: number;
  readonly max_length?: number;
  readonly channel_types?: readonly number[];
}

/** A command that can be sent: a subcommand counts as one of its own. */
export interface CommandEntry {
  /** "event create" */
  readonly path: string;
  readonly description: string;
  /** Required ones first, otherwise as the bot registered them. */
  readonly options: readonly CommandOption[];
}

/** What stands in an option: the text that is seen, and what was chosen, if anything was. */
export interface FieldValue {
  readonly text: string;
  readonly chosen?: OptionValue;
}

export type FieldValues = Readonly<Record<string, FieldValue>>;

export interface CommandPlace {
  readonly isDirect: boolean;
  /** What the person may do in the channel. */
  readonly permissions: bigint;
}

const ADMINISTRATOR = 1n << 3n;
const USE_APPLICATION_COMMANDS = 1n << 31n;
const BOT_DM_CONTEXT = 1;
const SLASH_COMMAND = 1;
const MAX_TEXT_LENGTH = 6_000;

/** The commands that Discord would offer here, a guild's own before a global one of the same name, by their paths. */
export function listCommands(
  global: readonly APIApplicationCommand[],
  own: readonly APIApplicationCommand[],
  place: CommandPlace,
): CommandEntry[] {
  const hidden = new Set(own.map(({ name }) => name));
  return [...own, ...global.filter(({ name }) => !hidden.has(name))]
    .filter((command) => Number(command.type) === SLASH_COMMAND && isOffered(command, place))
    .sort((a, b) => a.name.localeCompare(b.name))
    .flatMap((command) => flatten(command as unknown as CommandOption, []));
}

function isOffered(command: APIApplicationCommand, { isDirect, permissions }: CommandPlace): boolean {
  if (isDirect) {
    const allows = command.contexts ? command.contexts.includes(BOT_DM_CONTEXT) : command.dm_permission !== false;
    return allows && command.guild_id === undefined;
  }
  if ((permissions & USE_APPLICATION_COMMANDS) === 0n) return false;
  const required = command.default_member_permissions;
  if (required === null || required === undefined) return true;
  // "0" means: administrators only.
  const needed = required === "0" ? ADMINISTRATOR : BigInt(required);
  return (permissions & needed) === needed;
}

function flatten(node: CommandOption, path: readonly string[]): CommandEntry[] {
  const own = [...path, node.name];
  const options = node.options ?? [];
  const nested = options.filter(({ type }) => type === KIND.subcommand || type === KIND.group);
  if (nested.length > 0) return nested.flatMap((each) => flatten(each, own));
  const sorted = [
    ...options.filter(({ required }) => required === true),
    ...options.filter(({ required }) => required !== true),
  ];
  return [{ path: own.join(" "), description: node.description, options: sorted }];
}

/** Commands that fit what was typed after the slash: those that begin with it first, then those that contain it. */
export function searchCommands(entries: readonly CommandEntry[], typed: string): CommandEntry[] {
  const wanted = typed.trim().toLowerCase();
  const rank = ({ path, description }: CommandEntry): number => {
    if (path.startsWith(wanted)) return 0;
    if (path.split(" ").some((word) => word.startsWith(wanted))) return 1;
    if (path.includes(wanted)) return 2;
    return description.toLowerCase().includes(wanted) ? 3 : -1;
  };
  return entries
    .map((entry) => ({ entry, order: rank(entry) }))
    .filter(({ order }) => order >= 0)
    .sort((a, b) => a.order - b.order)
    .map(({ entry }) => entry);
}

export interface TypedCommand {
  readonly entry: CommandEntry;
  readonly values: FieldValues;
}

/** Reads "/event create title:Friday raid every:24h": a command with a space behind it, and its options by name. */
export function readTypedCommand(entries: readonly CommandEntry[], typed: string): TypedCommand | undefined {
  const text = typed.replace(/^\//, "");
  const entry = entries
    .filter(({ path }) => text.startsWith(`${path} `))
    .sort((a, b) => b.path.length - a.path.length)
    .at(0);
  if (!entry) return undefined;
  const rest = text.slice(entry.path.length + 1);
  const names = entry.options.map(({ name }) => name).join("|");
  if (names === "") return { entry, values: {} };
  const places = [...rest.matchAll(new RegExp(`(?:^|\\s)(${names}):`, "g"))];
  const values = places.map((match, index) => {
    const start = match.index + match[0].length;
    return [match[1]!, { text: rest.slice(start, places[index + 1]?.index).trim() }] as const;
  });
  return { entry, values: Object.fromEntries(values) };
}

/** Why a value cannot be sent, in Discord's words; undefined when it can, or is left out and may be. */
export function findFault(option: CommandOption, value: FieldValue | undefined): string | undefined {
  const isEmpty = value === undefined || (value.text.trim() === "" && value.chosen === undefined);
  if (isEmpty) return option.required === true ? "This option is required. Specify a value." : undefined;
  if (value.chosen !== undefined) return undefined;
  if (option.choices) return "Please choose one of the options from the list.";
  const { text } = value;
  switch (option.type) {
    case KIND.text:
      return findTextFault(option, text);
    case KIND.integer:
    case KIND.number:
      return findNumberFault(option, text);
    case KIND.boolean:
      return "Please choose true or false.";
    case KIND.user:
      return "Please choose a valid user.";
    case KIND.role:
      return "Please choose a valid role.";
    case KIND.channel:
      return "Please choose a valid channel.";
    case KIND.mentionable:
      return "Please choose a valid user or role.";
    case KIND.attachment:
      return "Please choose a file.";
    default:
      return undefined;
  }
}

function findTextFault({ min_length: min = 0, max_length: max = MAX_TEXT_LENGTH }: CommandOption, text: string) {
  const length = text.trim().length;
  if (length < min) return `The input must be at least ${min} characters long. Yours has ${length}.`;
  if (length > max) return `The input must be at most ${max} characters long. Yours has ${length}.`;
  return undefined;
}

function findNumberFault(option: CommandOption, text: string): string | undefined {
  const value = Number(text.trim());
  const isInteger = option.type === KIND.integer;
  if (!Number.isFinite(value) || (isInteger && !Number.isSafeInteger(value))) {
    return isInteger ? "Input a valid integer." : "Input a valid number.";
  }
  const { min_value: min = -Infinity, max_value: max = Infinity } = option;
  if (value < min) return `The value must be at least ${min}.`;
  return value > max ? `The value must be at most ${max}.` : undefined;
}

/** What is sent, without options that are empty. Only for values without fault, or while an option is typed. */
export function toOptionValues(entry: CommandEntry, values: FieldValues): Record<string, OptionValue> {
  const sent: Record<string, OptionValue> = {};
  for (const option of entry.options) {
    const value = values[option.name];
    const ready = value && toOptionValue(option, value);
    if (ready !== undefined) sent[option.name] = ready;
  }
  return sent;
}

function toOptionValue(option: CommandOption, { text, chosen }: FieldValue): OptionValue | undefined {
  if (chosen !== undefined) return chosen;
  const trimmed = text.trim();
  if (trimmed === "" || findFault(option, { text }) !== undefined) return undefined;
  return option.type === KIND.integer || option.type === KIND.number ? Number(trimmed) : trimmed;
}

export function isFile(value: OptionValue | undefined): value is SentFile {
  return typeof value === "object";
}
