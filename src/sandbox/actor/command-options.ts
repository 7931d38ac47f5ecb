import {
  ApplicationCommandOptionType as OptionType,
  type APIApplicationCommand,
  type APIApplicationCommandOption,
} from "discord-api-types/v10";
import { MusterError } from "../../core/errors.ts";
import type { ResolvedEntities } from "../interaction-payloads.ts";
import type { World } from "../world/world.ts";

/** A file that a person attaches to a command. */
export interface FileValue {
  readonly filename: string;
  readonly data: Uint8Array;
  readonly contentType?: string;
}

export type OptionValue = string | number | boolean | FileValue;
export type OptionValues = Readonly<Record<string, OptionValue | undefined>>;

/** Any option, with the fields of all kinds. */
interface RawOption {
  readonly type: OptionType;
  readonly name: string;
  readonly required?: boolean;
  readonly autocomplete?: boolean;
  readonly options?: readonly RawOption[];
  readonly choices?: readonly { readonly name: string; readonly value: string | number }[];
  readonly min_value?: number;
  readonly max_value?: number;
  readonly min_length?: number;
  readonly max_length?: number;
  readonly channel_types?: readonly number[];
}

export interface OptionPayload {
  readonly name: string;
  readonly type: OptionType;
  readonly value?: string | number | boolean;
  readonly focused?: true;
  readonly options?: readonly OptionPayload[];
}

export interface CommandPath {
  readonly command: APIApplicationCommand;
  /** Subcommand group and subcommand, as far as there are any. */
  readonly path: readonly RawOption[];
  readonly options: readonly RawOption[];
}

/** Finds the options that stand behind "event create" in a registered command. */
export function resolvePath(command: APIApplicationCommand, words: readonly string[]): CommandPath {
  let options = ((command as { options?: APIApplicationCommandOption[] }).options ?? []) as readonly RawOption[];
  const path: RawOption[] = [];
  for (const word of words) {
    const next = options.find((option) => option.name === word && isSubcommand(option));
    if (!next) throw invalid(`/${command.name} has no subcommand "${word}"`);
    path.push(next);
    options = next.options ?? [];
  }
  if (options.some(isSubcommand)) throw invalid(`/${[command.name, ...words].join(" ")} needs a subcommand`);
  return { command, path, options };
}

export interface BuildOptions {
  readonly world: World;
  readonly channelId: string;
  readonly resolved: ResolvedEntities;
  /** The option being typed; then the others need not be complete. */
  readonly focused?: string;
}

/** Checks what a person filled in as Discord's own client does, and puts it into the shape that bots receive. */
export function buildOptions(target: CommandPath, values: OptionValues, build: BuildOptions): OptionPayload[] {
  const name = [target.command.name, ...target.path.map((option) => option.name)].join(" ");
  for (const key of Object.keys(values)) {
    if (!target.options.some((option) => option.name === key)) throw invalid(`/${name} has no option "${key}"`);
  }
  let payload: OptionPayload[] = [];
  for (const option of target.options) {
    const value = values[option.name];
    const isFocused = build.focused === option.name;
    if (isFocused) {
      if (option.autocomplete !== true) throw invalid(`option "${option.name}" of /${name} has no autocomplete`);
      payload.push({
        name: option.name,
        type: option.type,
        value: typeof value === "number" ? value : toText(value),
        focused: true,
      });
    } else if (value !== undefined) {
      payload.push({ name: option.name, type: option.type, value: checkValue(name, option, value, build) });
    } else if (option.required === true && build.focused === undefined) {
      throw invalid(`/${name} needs option "${option.name}"`);
    }
  }
  for (const step of [...target.path].reverse()) payload = [{ name: step.name, type: step.type, options: payload }];
  return payload;
}

function isSubcommand(option: RawOption): boolean {
  return option.type === OptionType.Subcommand || option.type === OptionType.SubcommandGroup;
}

function invalid(message: string): MusterError {
  return new MusterError("INPUT_INVALID", message);
}

function toText(value: OptionValue | undefined): string {
  return typeof value === "string" || typeof value === "boolean" ? String(value) : "";
}

function checkValue(
  command: string,
  option: RawOption,
  value: OptionValue,
  build: BuildOptions,
): string | number | boolean {
  const fail = (expected: string): never => {
    throw invalid(`option "${option.name}" of /${command} must be ${expected}`);
  };
  if (option.choices && !option.choices.some((choice) => choice.value === value)) {
    return fail(`one of ${option.choices.map((choice) => choice.value).join(", ")}`);
  }
  switch (option.type) {
    case OptionType.String:
      return checkText(option, value, fail);
    case OptionType.Integer:
    case OptionType.Number:
      return checkNumber(option, value, fail);
    case OptionType.Boolean:
      return typeof value === "boolean" ? value : fail("true or false");
    case OptionType.Attachment:
      return attach(value, build, fail);
    case OptionType.User:
    case OptionType.Role:
    case OptionType.Channel:
    case OptionType.Mentionable:
      return typeof value === "string" ? resolveEntity(option, value, build, fail) : fail("an id");
    case OptionType.Subcommand:
    case OptionType.SubcommandGroup:
      return fail("a value");
    default:
      return option.type satisfies never;
  }
}

type Fail = (expected: string) => never;

function checkText(option: RawOption, value: OptionValue, fail: Fail): string {
  if (typeof value !== "string" || value === "") return fail("text");
  const { min_length: min = 0, max_length: max = 6_000 } = option;
  return value.length >= min && value.length <= max ? value : fail(`${min} to ${max} characters long`);
}

function checkNumber(option: RawOption, value: OptionValue, fail: Fail): number {
  if (typeof value !== "number" || !Number.isFinite(value)) return fail("a number");
  if (option.type === OptionType.Integer && !Number.isSafeInteger(value)) return fail("a whole number");
  const { min_value: min = -Infinity, max_value: max = Infinity } = option;
  return value >= min && value <= max ? value : fail(`between ${min} and ${max}`);
}

function resolveEntity(option: RawOption, id: string, build: BuildOptions, fail: Fail): string {
  const { resolved, world } = build;
  try {
    if (option.type === OptionType.User) resolved.addUser(id);
    else if (option.type === OptionType.Role) resolved.addRole(id);
    else if (option.type === OptionType.Channel) resolved.addChannel(id);
    else resolved.addMentionable(id);
  } catch (error) {
    return fail(`the id of something that exists here: ${(error as Error).message}`);
  }
  if (option.type === OptionType.Channel && option.channel_types) {
    const { type } = world.requireChannel(id);
    if (!option.channel_types.includes(type)) return fail(`a channel of type ${option.channel_types.join(", ")}`);
  }
  return id;
}

function attach(value: OptionValue, build: BuildOptions, fail: Fail): string {
  if (typeof value !== "object") return fail("a file");
  const { world, channelId, resolved } = build;
  const stored = world.storeAttachment(channelId, {
    filename: value.filename,
    contentType: value.contentType ?? "application/octet-stream",
    data: value.data,
  });
  resolved.addAttachment(stored.id);
  return stored.id;
}
