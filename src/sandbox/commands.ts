import {
  ApplicationCommandType,
  type APIApplicationCommand,
  type APIApplicationCommandOption,
} from "discord-api-types/v10";
import { ApiError, FormErrors, refuse } from "./rest/api-error.ts";
import { checkCommand, checkCommandList, type CommandForm } from "./rest/command-form.ts";
import type { SnowflakeGenerator } from "./snowflake.ts";

const MAX_COMMANDS = 100;

/** The application's commands: global ones, and those of single guilds. */
export class CommandRegistry {
  readonly #applicationId: string;
  readonly #snowflakes: SnowflakeGenerator;
  /** Guild id, or "" for the global ones → command id → command. */
  readonly #scopes = new Map<string, Map<string, APIApplicationCommand>>();
  readonly #listeners = new Set<() => void>();

  constructor(applicationId: string, snowflakes: SnowflakeGenerator) {
    this.#applicationId = applicationId;
    this.#snowflakes = snowflakes;
  }

  /** Hears that something has changed. Returns a function that ends the subscription. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list(guildId?: string): APIApplicationCommand[] {
    return [...this.#scope(guildId).values()];
  }

  require(commandId: string, guildId?: string): APIApplicationCommand {
    const command = this.#scope(guildId).get(commandId);
    if (!command) throw refuse("unknownCommand");
    return command;
  }

  /** What a person finds by name in a guild: the guild's own command first, then the global one. */
  find(name: string, type: ApplicationCommandType, guildId?: string): APIApplicationCommand | undefined {
    const matches = (command: APIApplicationCommand): boolean => command.name === name && command.type === type;
    const own = guildId === undefined ? undefined : this.list(guildId).find(matches);
    return own ?? this.list().find(matches);
  }

  /** Creates a command, or replaces the one of the same name and kind. Returns whether it is new. */
  create(form: CommandForm, guildId?: string): { command: APIApplicationCommand; isNew: boolean } {
    const errors = new FormErrors();
    checkCommand(errors, form, "");
    errors.throwIfAny();
    const scope = this.#scope(guildId);
    const known = this.#findSame(scope, form);
    if (!known && scope.size >= MAX_COMMANDS) throw refuse("tooManyCommands");
    const command = this.#build(form, known?.id, guildId);
    scope.set(command.id, command);
    this.#announce();
    return { command, isNew: known === undefined };
  }

  update(commandId: string, change: Partial<CommandForm>, guildId?: string): APIApplicationCommand {
    const known = this.require(commandId, guildId);
    const form = { ...known, ...change } as CommandForm;
    const errors = new FormErrors();
    checkCommand(errors, form, "");
    errors.throwIfAny();
    const command = this.#build(form, commandId, guildId);
    this.#scope(guildId).set(commandId, command);
    this.#announce();
    return command;
  }

  delete(commandId: string, guildId?: string): void {
    this.require(commandId, guildId);
    this.#scope(guildId).delete(commandId);
    this.#announce();
  }

  /** Replaces all; commands that keep their name and kind keep their id. */
  overwrite(forms: readonly CommandForm[], guildId?: string): APIApplicationCommand[] {
    if (!Array.isArray(forms)) throw new ApiError(400, 50_035, "Invalid Form Body");
    if (forms.length > MAX_COMMANDS) throw refuse("tooManyCommands");
    const errors = new FormErrors();
    checkCommandList(errors, forms);
    errors.throwIfAny();
    const scope = this.#scope(guildId);
    const commands = (forms as readonly CommandForm[]).map((form) =>
      this.#build(form, this.#findSame(scope, form)?.id, guildId),
    );
    scope.clear();
    for (const command of commands) scope.set(command.id, command);
    this.#announce();
    return commands;
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }

  #scope(guildId = ""): Map<string, APIApplicationCommand> {
    let scope = this.#scopes.get(guildId);
    if (!scope) this.#scopes.set(guildId, (scope = new Map<string, APIApplicationCommand>()));
    return scope;
  }

  #findSame(scope: Map<string, APIApplicationCommand>, form: CommandForm): APIApplicationCommand | undefined {
    const type = form.type ?? ApplicationCommandType.ChatInput;
    return [...scope.values()].find((command) => command.name === form.name && command.type === type);
  }

  #build(form: CommandForm, id: string | undefined, guildId: string | undefined): APIApplicationCommand {
    const given = form as CommandForm & { description?: string; options?: APIApplicationCommandOption[] };
    return {
      id: id ?? this.#snowflakes.next(),
      application_id: this.#applicationId,
      version: this.#snowflakes.next(),
      type: form.type ?? ApplicationCommandType.ChatInput,
      name: form.name,
      name_localizations: form.name_localizations ?? null,
      description: given.description ?? "",
      description_localizations: (given as { description_localizations?: null }).description_localizations ?? null,
      ...(given.options ? { options: structuredClone(given.options) } : {}),
      default_member_permissions: form.default_member_permissions?.toString() ?? null,
      nsfw: form.nsfw ?? false,
      ...(guildId === undefined
        ? {
            dm_permission: form.dm_permission ?? true,
            contexts: form.contexts ?? null,
            integration_types: form.integration_types ?? [0],
          }
        : { guild_id: guildId }),
    } as APIApplicationCommand;
  }
}
