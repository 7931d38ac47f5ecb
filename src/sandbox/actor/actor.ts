import {
  ApplicationCommandType,
  InteractionType,
  PermissionFlagsBits,
  type APIApplicationCommand,
  type APICommandAutocompleteInteractionResponseCallbackData,
  type APIMessage,
} from "discord-api-types/v10";
import { MusterError } from "../../core/errors.ts";
import type { CommandRegistry } from "../commands.ts";
import { ResolvedEntities, type InteractionPlace } from "../interaction-payloads.ts";
import type { Interactions, NewInteraction } from "../interactions.ts";
import { hasPermissions, listMissingPermissions } from "../permissions.ts";
import { findReaction, parseEmoji } from "../world/reaction-changes.ts";
import { renderMessage } from "../world/render.ts";
import type { MessageState, ReactionEmoji } from "../world/state.ts";
import type { World } from "../world/world.ts";
import { buildOptions, resolvePath, type CommandPath, type FileValue, type OptionValues } from "./command-options.ts";
import { buildModalSubmission, buildSelection, requireComponent, type ModalValues } from "./component-input.ts";
import { Outcome } from "./outcome.ts";

export interface Where {
  readonly channelId: string;
  /** Default: the channel's guild. */
  readonly guildId?: string;
  /** Sends a command that Discord would not even show to this person, to prove that the bot checks too. */
  readonly bypassPermissionCheck?: boolean;
}

export interface ActorOptions {
  readonly userId: string;
  readonly world: World;
  readonly commands: CommandRegistry;
  readonly interactions: Interactions;
}

type Choices = NonNullable<APICommandAutocompleteInteractionResponseCallbackData["choices"]>;

/** One person at their client: everything they can do to the bot. What Discord's client would refuse is refused here. */
export class Actor {
  readonly userId: string;
  readonly #world: World;
  readonly #commands: CommandRegistry;
  readonly #interactions: Interactions;

  constructor(options: ActorOptions) {
    this.userId = options.userId;
    this.#world = options.world;
    this.#commands = options.commands;
    this.#interactions = options.interactions;
  }

  /**
   * Uses a slash command: `command("event create", { title: "x" }, { channelId })`. Resolves at the bot's first
   * response, or with status `failed` when there is none in time.
   */
  async command(name: string, values: OptionValues, where: Where): Promise<Outcome> {
    const place = this.#placeOf(where);
    const target = this.#findCommand(name, place, where);
    const resolved = new ResolvedEntities(this.#world, place);
    const options = buildOptions(target, values, { world: this.#world, channelId: place.channelId, resolved });
    return this.#start({
      ...place,
      type: InteractionType.ApplicationCommand,
      data: describeCommand(target.command, options, resolved),
    });
  }

  /** What the bot offers while the person types into `focused`. */
  async autocomplete(name: string, values: OptionValues, focused: string, where: Where): Promise<Choices> {
    const place = this.#placeOf(where);
    const target = this.#findCommand(name, place, where);
    const resolved = new ResolvedEntities(this.#world, place);
    const options = buildOptions(target, values, {
      world: this.#world,
      channelId: place.channelId,
      resolved,
      focused,
    });
    const outcome = await this.#start({
      ...place,
      type: InteractionType.ApplicationCommandAutocomplete,
      data: describeCommand(target.command, options, resolved),
    });
    if (outcome.status === "failed") {
      throw new MusterError("OPERATION_TIMEOUT", `the bot offered nothing for "${focused}" of /${name} in time`);
    }
    return outcome.choices;
  }

  async click(message: APIMessage | string, customId: string, _where?: Where): Promise<Outcome> {
    const source = this.#requireVisible(message);
    const component = requireComponent(source, customId);
    return this.#startFromMessage(source, { custom_id: customId, component_type: component.type, id: component.id });
  }

  async select(
    message: APIMessage | string,
    customId: string,
    values: readonly string[],
    _where?: Where,
  ): Promise<Outcome> {
    const source = this.#requireVisible(message);
    const resolved = new ResolvedEntities(this.#world, this.#placeOf({ channelId: source.channelId }));
    return this.#startFromMessage(source, buildSelection(requireComponent(source, customId), values, resolved));
  }

  /** Sends in the modal that an earlier interaction was answered with. */
  async submitModal(outcome: Outcome, values: ModalValues): Promise<Outcome> {
    if (!outcome.modal) throw new MusterError("CONFLICT", "the bot did not answer that interaction with a modal");
    const place = this.#placeOf({ channelId: outcome.channelId });
    const resolved = new ResolvedEntities(this.#world, place);
    return this.#start({
      ...place,
      type: InteractionType.ModalSubmit,
      data: buildModalSubmission(outcome.modal, values, resolved),
      messageId: outcome.sourceMessageId,
    });
  }

  /** `emoji`: `✅`, `<:name:id>` or `name:id`. */
  async react(
    channelId: string,
    messageId: string,
    emoji: string,
    options: { readonly burst?: boolean } = {},
  ): Promise<void> {
    const message = this.#requireInChannel(channelId, messageId);
    const parsed = requireEmoji(emoji);
    const isNew = !findReaction(message, parsed);
    this.#requirePermissions(
      channelId,
      PermissionFlagsBits.ReadMessageHistory | (isNew ? PermissionFlagsBits.AddReactions : 0n),
    );
    this.#world.addReaction(messageId, this.userId, parsed, { isBurst: options.burst ?? false });
  }

  /** Without `burst`, takes back both kinds. */
  async unreact(
    channelId: string,
    messageId: string,
    emoji: string,
    options: { readonly burst?: boolean } = {},
  ): Promise<void> {
    this.#requireInChannel(channelId, messageId);
    this.#world.removeReaction(
      messageId,
      this.userId,
      requireEmoji(emoji),
      options.burst === undefined ? {} : { isBurst: options.burst },
    );
  }

  async send(
    channelId: string,
    message: { readonly content: string; readonly replyTo?: string; readonly files?: readonly FileValue[] },
  ): Promise<APIMessage> {
    this.#requirePermissions(channelId, PermissionFlagsBits.ViewChannel | PermissionFlagsBits.SendMessages);
    const { guildId } = this.#world.requireChannel(channelId);
    const attachmentIds = (message.files ?? []).map(
      (file) =>
        this.#world.storeAttachment(channelId, { ...file, contentType: file.contentType ?? "application/octet-stream" })
          .id,
    );
    const created = this.#world.createMessage(channelId, {
      authorId: this.userId,
      content: message.content,
      attachmentIds,
      ...(message.replyTo === undefined
        ? {}
        : {
            reference: {
              message_id: message.replyTo,
              channel_id: channelId,
              ...(guildId === undefined ? {} : { guild_id: guildId }),
            },
          }),
    });
    return renderMessage(this.#world, created, this.userId);
  }

  /** Shows the others that this person writes. */
  type(channelId: string): void {
    this.#requirePermissions(channelId, PermissionFlagsBits.ViewChannel | PermissionFlagsBits.SendMessages);
    this.#world.startTyping(channelId, this.userId);
  }

  async edit(messageId: string, content: string): Promise<APIMessage> {
    const message = this.#world.requireMessage(messageId);
    if (message.authorId !== this.userId) throw new MusterError("CONFLICT", `message ${messageId} is someone else's`);
    return renderMessage(this.#world, this.#world.editMessage(messageId, { content }), this.userId);
  }

  async delete(messageId: string): Promise<void> {
    const message = this.#world.requireMessage(messageId);
    if (message.authorId !== this.userId) {
      this.#requirePermissions(message.channelId, PermissionFlagsBits.ManageMessages);
    }
    this.#world.deleteMessage(messageId);
  }

  /** The messages between this person and the bot, oldest first. */
  directMessages(): APIMessage[] {
    const channelId = this.#world.state.directChannels.get(this.userId);
    return channelId === undefined ? [] : this.#world.messages(channelId, this.userId);
  }

  /** What this person reads in a channel, also what only they see. */
  messages(channelId: string): APIMessage[] {
    this.#requirePermissions(channelId, PermissionFlagsBits.ViewChannel);
    return this.#world.messages(channelId, this.userId);
  }

  /** The channel with the bot, opened when there is none yet. */
  openDirectChannel(): string {
    return this.#world.openDirectChannel(this.userId).id;
  }

  async #start(interaction: NewInteraction): Promise<Outcome> {
    const outcome = new Outcome(this.#world);
    outcome.bind(this.#interactions.start(interaction, outcome.receive));
    return outcome.responded();
  }

  #startFromMessage(source: MessageState, data: object): Promise<Outcome> {
    const place = this.#placeOf({ channelId: source.channelId });
    return this.#start({ ...place, type: InteractionType.MessageComponent, data, messageId: source.id });
  }

  #placeOf(where: Where): InteractionPlace {
    const channel = this.#world.requireChannel(where.channelId);
    if (where.guildId !== undefined && where.guildId !== channel.guildId) {
      throw new MusterError("INPUT_INVALID", `channel ${where.channelId} is not in guild ${where.guildId}`);
    }
    if (where.bypassPermissionCheck !== true) this.#requirePermissions(channel.id, PermissionFlagsBits.ViewChannel);
    return { userId: this.userId, channelId: channel.id, guildId: channel.guildId };
  }

  #findCommand(name: string, place: InteractionPlace, where: Where): CommandPath {
    const [word = "", ...rest] = name.replace(/^\//, "").split(/\s+/);
    const command = this.#commands.find(word, ApplicationCommandType.ChatInput, place.guildId);
    if (!command) throw new MusterError("NOT_FOUND", `there is no command /${word} here`);
    if (where.bypassPermissionCheck !== true) this.#requireAvailable(command, place);
    return resolvePath(command, rest);
  }

  /** Discord hides a command from those who lack its default permissions, and in direct messages if it says so. */
  #requireAvailable(command: APIApplicationCommand, place: InteractionPlace): void {
    const refuse = (reason: string): never => {
      throw new MusterError("NOT_FOUND", `command not available: /${command.name} ${reason}`);
    };
    if (place.guildId === undefined) {
      const isOffered = command.contexts ? command.contexts.includes(1) : command.dm_permission !== false;
      if (!isOffered || command.guild_id !== undefined) refuse("is not offered in direct messages");
      return;
    }
    const held = this.#world.permissionsOf(this.userId, place.channelId);
    if (!hasPermissions(held, PermissionFlagsBits.UseApplicationCommands)) refuse("needs UseApplicationCommands");
    const required = command.default_member_permissions;
    if (required === null || required === undefined) return;
    // "0" means: administrators only.
    const needed = required === "0" ? PermissionFlagsBits.Administrator : BigInt(required);
    if (!hasPermissions(held, needed)) refuse(`needs ${listMissingPermissions(held, needed).join(", ")}`);
  }

  #requirePermissions(channelId: string, wanted: bigint): void {
    this.#world.requireChannel(channelId);
    const held = this.#world.permissionsOf(this.userId, channelId);
    if (hasPermissions(held, wanted)) return;
    const missing = listMissingPermissions(held, wanted).join(", ");
    throw new MusterError("CONFLICT", `user ${this.userId} lacks ${missing} in channel ${channelId}`);
  }

  #requireVisible(message: APIMessage | string): MessageState {
    const state = this.#world.requireMessage(typeof message === "string" ? message : message.id);
    if (state.ephemeralFor !== undefined && state.ephemeralFor !== this.userId) {
      throw new MusterError("NOT_FOUND", `message ${state.id} is shown to someone else only`);
    }
    this.#requirePermissions(state.channelId, PermissionFlagsBits.ViewChannel);
    return state;
  }

  #requireInChannel(channelId: string, messageId: string): MessageState {
    const message = this.#requireVisible(messageId);
    if (message.channelId !== channelId || message.ephemeralFor !== undefined) {
      throw new MusterError("NOT_FOUND", `channel ${channelId} has no message ${messageId}`);
    }
    return message;
  }
}

function requireEmoji(text: string): ReactionEmoji {
  const emoji = parseEmoji(text);
  if (!emoji) throw new MusterError("INPUT_INVALID", `"${text}" is not an emoji`);
  return emoji;
}

function describeCommand(command: APIApplicationCommand, options: object[], resolved: ResolvedEntities): object {
  return {
    id: command.id,
    name: command.name,
    type: command.type,
    ...(command.guild_id === undefined ? {} : { guild_id: command.guild_id }),
    ...(options.length > 0 ? { options } : {}),
    ...(resolved.value ? { resolved: resolved.value } : {}),
  };
}
