import type {
  ApplicationCommandOptionChoiceData,
  AutocompleteInteraction,
  ButtonInteraction,
  ChatInputCommandInteraction,
  GuildMember,
  InteractionReplyOptions,
  RESTPostAPIChatInputApplicationCommandsJSONBody,
} from "discord.js";
import type { Logger } from "../core/logger.ts";
import type { DatabaseNeed } from "../resilience/graceful-degradation.ts";
import type { BotServices } from "./services.ts";

/**
 * What a slash command is: its definition as Discord is told it, and what each of its actions needs and does. The
 * router does the rest: who may, what the database allows, answering in time, and what is said when it fails.
 */

/** What a person gets to see. Always ephemeral; replies longer in the making replace a deferred one. */
export type Reply = Pick<InteractionReplyOptions, "content" | "embeds" | "components" | "files">;

interface BaseContext {
  readonly services: BotServices;
  readonly guildId: string;
  readonly member: GuildMember;
  /** Carries the interaction's id and command, never options: they may be personal. */
  readonly logger: Logger;
}

interface AnsweredContext extends BaseContext {
  /** For long work: shows how far it is until the reply takes its place. May be called as often as there is something to say. */
  readonly showProgress: (reply: Reply) => void;
}

export interface CommandContext extends AnsweredContext {
  readonly interaction: ChatInputCommandInteraction<"cached">;
}

export interface ButtonContext extends AnsweredContext {
  readonly interaction: ButtonInteraction<"cached">;
  /** What the button carries, as `createButtonId` was given it. */
  readonly values: readonly string[];
}

export interface AutocompleteContext extends BaseContext {
  readonly interaction: AutocompleteInteraction<"cached">;
  readonly focused: { readonly name: string; readonly value: string };
}

interface Requirements {
  /** What it needs of the database. */
  readonly database: DatabaseNeed;
  /** Discord permissions that the member must have, as a bit field; checked whatever Discord's own settings say. Default none. */
  readonly permissions?: bigint;
}

/** What a command, or one subcommand of it, does. */
export interface CommandAction extends Requirements {
  /** Between two uses by the same member, milliseconds. Default 0. */
  readonly cooldownMs?: number;
  execute(context: CommandContext): Promise<Reply>;
}

/** What a press of a button does: the reply takes the place of the message that carried the button. */
export interface ButtonAction extends Requirements {
  execute(context: ButtonContext): Promise<Reply>;
}

export interface Command {
  readonly definition: RESTPostAPIChatInputApplicationCommandsJSONBody;
  /** By subcommand; `""` for a command that has none. */
  readonly actions: Readonly<Record<string, CommandAction>>;
  /** By the name that `createButtonId` was given. */
  readonly buttons?: Readonly<Record<string, ButtonAction>>;
  /** At most 25 choices are shown. Cannot be deferred, so it must be quick. */
  autocomplete?(context: AutocompleteContext): Promise<readonly ApplicationCommandOptionChoiceData<string>[]>;
}

/** Discord's limit. */
const MAX_CUSTOM_ID_LENGTH = 100;
const SEPARATOR = "|";

/** A button's custom id holds all that its press needs, so that buttons work after a restart. */
export function createButtonId(command: string, button: string, ...values: readonly string[]): string {
  const customId = [command, button, ...values].join(SEPARATOR);
  if (customId.length > MAX_CUSTOM_ID_LENGTH)
    throw new RangeError(`button id of /${command} is longer than ${MAX_CUSTOM_ID_LENGTH}`);
  return customId;
}

export function parseButtonId(customId: string): { command: string; button: string; values: string[] } {
  const [command = "", button = "", ...values] = customId.split(SEPARATOR);
  return { command, button, values };
}

/**
 * Thrown by a command to say no for a reason that the member can understand and mend: a wrong value, a missing
 * permission, an event that is closed. It is not a failure: no reference id, no error in the log.
 */
export class Refusal extends Error {
  constructor(text: string) {
    super(text);
    this.name = "Refusal";
  }
}
