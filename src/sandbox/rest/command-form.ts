import {
  ApplicationCommandOptionType,
  ApplicationCommandType,
  type APIApplicationCommandOption,
  type RESTPutAPIApplicationCommandsJSONBody,
} from "discord-api-types/v10";
import type { FormErrors } from "./api-error.ts";

export type CommandForm = RESTPutAPIApplicationCommandsJSONBody[number];

/** Names of slash commands and options: letters of any script that has no capitals here, digits, dash, underscore. */
const CHAT_NAME = /^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u;
const MAX_COMMAND_CHARACTERS = 8_000;
const MAX_OPTIONS = 25;

/** An option before its type is known. */
interface RawOption {
  readonly type: ApplicationCommandOptionType;
  readonly name: string;
  readonly description: string;
  readonly required?: boolean;
  readonly autocomplete?: boolean;
  readonly choices?: readonly { readonly name: string; readonly value: string | number }[];
  readonly options?: readonly RawOption[];
}

/** `at` is where in the body the command stands: "" when it is the body, its index in a bulk overwrite. */
export function checkCommand(errors: FormErrors, command: CommandForm, at: string): void {
  const path = (field: string): string => (at === "" ? field : `${at}.${field}`);
  const type = command.type ?? ApplicationCommandType.ChatInput;
  if (type !== ApplicationCommandType.ChatInput) {
    errors.checkLength(path("name"), command.name, { min: 1, max: 32, isRequired: true });
    return;
  }
  const description = (command as { description?: string }).description;
  const options = ((command as { options?: readonly APIApplicationCommandOption[] }).options ??
    []) as readonly RawOption[];
  checkName(errors, path("name"), command.name);
  errors.checkLength(path("description"), description, { min: 1, max: 100, isRequired: true });
  checkOptions(errors, path("options"), options, 0);
  const size = countText(command.name, description) + options.reduce((sum, option) => sum + measureOption(option), 0);
  if (size > MAX_COMMAND_CHARACTERS) {
    errors.add(at, "APPLICATION_COMMAND_TOO_LARGE", `Command exceeds maximum size (${MAX_COMMAND_CHARACTERS})`);
  }
}

/** Two commands of one kind may not share a name. */
export function checkCommandList(errors: FormErrors, commands: readonly CommandForm[]): void {
  const seen = new Set<string>();
  commands.forEach((command, index) => {
    checkCommand(errors, command, String(index));
    const key = `${command.type ?? ApplicationCommandType.ChatInput}:${command.name}`;
    if (seen.has(key)) {
      errors.add(String(index), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique");
    }
    seen.add(key);
  });
}

function countText(...texts: readonly (string | undefined)[]): number {
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

function measureOption(option: RawOption): number {
  const choices = (option.choices ?? []).reduce((sum, choice) => sum + countText(choice.name, String(choice.value)), 0);
  const nested = (option.options ?? []).reduce((sum, child) => sum + measureOption(child), 0);
  return countText(option.name, option.description) + choices + nested;
}

function checkName(errors: FormErrors, path: string, name: unknown): void {
  if (typeof name !== "string") return errors.add(path, "BASE_TYPE_REQUIRED", "This field is required");
  if (!CHAT_NAME.test(name) || name !== name.toLowerCase()) {
    errors.add(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
  }
}

function checkOptions(errors: FormErrors, at: string, options: readonly RawOption[], depth: number): void {
  errors.checkCount(at, options, { max: MAX_OPTIONS });
  const names = new Set<string>();
  let hasOptional = false;
  options.forEach((option, index) => {
    const path = `${at}.${index}`;
    checkName(errors, `${path}.name`, option.name);
    errors.checkLength(`${path}.description`, option.description, { min: 1, max: 100, isRequired: true });
    if (names.has(option.name)) {
      errors.add(`${path}.name`, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option name already used");
    }
    names.add(option.name);
    if (option.required === true && hasOptional) {
      errors.add(
        path,
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        "Required options must be placed before non-required options",
      );
    }
    hasOptional ||= option.required !== true;
    checkChoices(errors, path, option);
    checkNesting(errors, path, option, depth);
  });
  const subcommandCount = options.filter(isSubcommand).length;
  if (subcommandCount > 0 && subcommandCount < options.length) {
    errors.add(
      at,
      "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
      "Sub-command and sub-command group option types are mutually exclusive to all other types",
    );
  }
}

function isSubcommand(option: RawOption): boolean {
  return (
    option.type === ApplicationCommandOptionType.Subcommand ||
    option.type === ApplicationCommandOptionType.SubcommandGroup
  );
}

function checkNesting(errors: FormErrors, path: string, option: RawOption, depth: number): void {
  if (!isSubcommand(option)) {
    if (option.options?.length)
      errors.add(`${path}.options`, "BASE_TYPE_BAD_LENGTH", "Must be between 0 and 0 in length.");
    return;
  }
  const isGroup = option.type === ApplicationCommandOptionType.SubcommandGroup;
  if ((isGroup && depth > 0) || depth > 1) {
    errors.add(`${path}.type`, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command groups cannot be nested");
  }
  checkOptions(errors, `${path}.options`, option.options ?? [], depth + 1);
}

function checkChoices(errors: FormErrors, path: string, option: RawOption): void {
  errors.checkCount(`${path}.choices`, option.choices, { max: MAX_OPTIONS });
  if (option.autocomplete === true && (option.choices?.length ?? 0) > 0) {
    errors.add(path, "APPLICATION_COMMAND_OPTION_AUTOCOMPLETE_CHOICES", "Autocomplete options cannot have choices");
  }
  option.choices?.forEach((choice, index) => checkChoice(errors, `${path}.choices.${index}`, choice));
}

/** A choice of an option, or one that autocomplete offers. */
export function checkChoice(
  errors: FormErrors,
  path: string,
  choice: { readonly name?: unknown; readonly value?: unknown },
): void {
  errors.checkLength(`${path}.name`, choice.name, { min: 1, max: 100, isRequired: true });
  if (typeof choice.value !== "number") {
    errors.checkLength(`${path}.value`, choice.value, { max: 100, isRequired: true });
  }
}
