import { randomBytes } from "node:crypto";
import {
  GatewayDispatchEvents,
  InteractionResponseType,
  InteractionType,
  MessageFlags,
  MessageType,
  type APICommandAutocompleteInteractionResponseCallbackData,
  type APIInteraction,
  type APIMessageInteractionMetadata,
  type APIModalInteractionResponseCallbackData,
} from "discord-api-types/v10";
import { describePlace, type InteractionPlace } from "./interaction-payloads.ts";
import { FormErrors, refuse, type ApiError } from "./rest/api-error.ts";
import { checkChoice } from "./rest/command-form.ts";
import { checkModal } from "./rest/component-form.ts";
import { checkMessageForm, requireSomething, type MessageForm } from "./rest/message-form.ts";
import { mergeAttachments, storeUploads, type Upload } from "./rest/uploads.ts";
import { renderMessage, renderUser } from "./world/render.ts";
import type { MessageState } from "./world/state.ts";
import type { World } from "./world/world.ts";

const REPLY_FLAGS =
  MessageFlags.Ephemeral |
  MessageFlags.SuppressEmbeds |
  MessageFlags.SuppressNotifications |
  MessageFlags.IsComponentsV2;
const MAX_CHOICES = 25;

/** What a bot sends to the callback route. */
export interface CallbackForm {
  readonly type: InteractionResponseType;
  readonly data?: MessageForm &
    APICommandAutocompleteInteractionResponseCallbackData &
    APIModalInteractionResponseCallbackData;
}

export interface NewInteraction extends InteractionPlace {
  readonly type: InteractionType;
  readonly data: object;
  /** The message whose button, menu or modal it is. */
  readonly messageId?: string | undefined;
}

/** What becomes of an interaction, as the person who started it sees it. */
export type InteractionUpdate =
  | { readonly kind: "responded"; readonly type: InteractionResponseType; readonly data: CallbackForm["data"] }
  | { readonly kind: "original-edited" | "original-deleted" }
  | { readonly kind: "followed-up"; readonly messageId: string }
  | { readonly kind: "expired" };

/** One interaction: open until the bot responds or the deadline passes; its token works for fifteen minutes. */
export interface Interaction extends NewInteraction {
  readonly id: string;
  readonly token: string;
  readonly createdAtMs: number;
  status: "open" | "responded" | "expired";
  /** What `@original` stands for. */
  originalId: string | undefined;
  /** A deferred response waits for its text; the first edit or follow-up fills it. */
  isOriginalLoading: boolean;
  readonly followUpIds: string[];
  readonly listeners: Set<(update: InteractionUpdate) => void>;
  cancelDeadline: () => void;
}

/** Sends interactions to the bot and takes its answers, by Discord's rules of time and order. */
export class Interactions {
  readonly #world: World;
  readonly #byToken = new Map<string, Interaction>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Dispatches an interaction. `onUpdate` hears everything that becomes of it. */
  start(options: NewInteraction, onUpdate: (update: InteractionUpdate) => void): Interaction {
    const world = this.#world;
    this.#forgetOld();
    const id = world.snowflakes.next();
    const interaction: Interaction = {
      ...options,
      id,
      token: Buffer.from(`interaction:${id}:${randomBytes(48).toString("base64url")}`).toString("base64url"),
      createdAtMs: world.clock.now(),
      status: "open",
      originalId: undefined,
      isOriginalLoading: false,
      followUpIds: [],
      listeners: new Set([onUpdate]),
      cancelDeadline: world.clock.schedule(world.limits.interactionDeadlineMs, () => this.#expire(interaction)),
    };
    this.#byToken.set(interaction.token, interaction);
    const message = options.messageId === undefined ? undefined : world.requireMessage(options.messageId);
    const payload = {
      ...describePlace(world, options),
      id,
      token: interaction.token,
      type: options.type,
      data: options.data,
      ...(message ? { message: renderMessage(world, message, world.botUserId) } : {}),
    } as unknown as APIInteraction;
    world.events.emit(GatewayDispatchEvents.InteractionCreate, payload, {
      guildId: options.guildId,
      channelId: options.channelId,
      userId: options.userId,
    });
    return interaction;
  }

  /** The callback route. A form that is refused leaves the interaction open. */
  respond(id: string, token: string, form: CallbackForm, uploads: readonly Upload[]): Interaction {
    const interaction = this.#byToken.get(token);
    if (!interaction || interaction.id !== id || interaction.status === "expired") throw refuse("unknownInteraction");
    if (interaction.status === "responded") throw refuse("alreadyAcknowledged");
    this.#carryOut(interaction, form, uploads);
    interaction.status = "responded";
    interaction.cancelDeadline();
    notify(interaction, { kind: "responded", type: form.type, data: form.data });
    return interaction;
  }

  getMessage(token: string, reference: string): MessageState {
    return this.#requireMessage(this.#requireResponded(token), reference);
  }

  editMessage(token: string, reference: string, form: MessageForm, uploads: readonly Upload[]): MessageState {
    const interaction = this.#requireResponded(token);
    const message = this.#requireMessage(interaction, reference);
    const isOriginal = message.id === interaction.originalId;
    const edited = this.#edit(interaction, message, form, uploads);
    if (isOriginal) {
      interaction.isOriginalLoading = false;
      notify(interaction, { kind: "original-edited" });
    }
    return edited;
  }

  deleteMessage(token: string, reference: string): void {
    const interaction = this.#requireResponded(token);
    const message = this.#requireMessage(interaction, reference);
    this.#world.deleteMessage(message.id);
    if (message.id === interaction.originalId) notify(interaction, { kind: "original-deleted" });
  }

  /** After a deferred response, the first follow-up fills it instead of adding a message, as on Discord. */
  followUp(token: string, form: MessageForm, uploads: readonly Upload[]): MessageState {
    const interaction = this.#requireResponded(token);
    checkMessageForm(form);
    requireSomething(form, uploads.length);
    if (interaction.isOriginalLoading) return this.editMessage(token, "@original", form, uploads);
    const message = this.#createMessage(interaction, form, { uploads, type: MessageType.Default });
    interaction.followUpIds.push(message.id);
    notify(interaction, { kind: "followed-up", messageId: message.id });
    return message;
  }

  #carryOut(interaction: Interaction, form: CallbackForm, uploads: readonly Upload[]): void {
    const data = form.data ?? ({} as NonNullable<CallbackForm["data"]>);
    const isAutocomplete = interaction.type === InteractionType.ApplicationCommandAutocomplete;
    const isFromMessage = interaction.messageId !== undefined;
    if (isAutocomplete !== (form.type === InteractionResponseType.ApplicationCommandAutocompleteResult)) {
      throw invalidType();
    }
    switch (form.type) {
      case InteractionResponseType.ChannelMessageWithSource: {
        checkMessageForm(data);
        requireSomething(data, uploads.length);
        const type = isFromMessage ? MessageType.Default : MessageType.ChatInputCommand;
        interaction.originalId = this.#createMessage(interaction, data, { uploads, type }).id;
        return;
      }
      case InteractionResponseType.DeferredChannelMessageWithSource: {
        const flags = ((data.flags ?? 0) & MessageFlags.Ephemeral) | MessageFlags.Loading;
        const type = isFromMessage ? MessageType.Default : MessageType.ChatInputCommand;
        interaction.originalId = this.#createMessage(interaction, { flags }, { uploads: [], type, flags }).id;
        interaction.isOriginalLoading = true;
        return;
      }
      case InteractionResponseType.DeferredMessageUpdate:
        if (!isFromMessage) throw invalidType();
        interaction.originalId = interaction.messageId;
        return;
      case InteractionResponseType.UpdateMessage:
        if (!isFromMessage) throw invalidType();
        interaction.originalId = interaction.messageId;
        this.#edit(interaction, this.#world.requireMessage(interaction.messageId), data, uploads);
        return;
      case InteractionResponseType.ApplicationCommandAutocompleteResult:
        return checkChoices(data.choices);
      case InteractionResponseType.Modal: {
        if (interaction.type === InteractionType.ModalSubmit) throw invalidType();
        const errors = new FormErrors();
        checkModal(errors, data);
        return errors.throwIfAny();
      }
      default:
        throw invalidType();
    }
  }

  #createMessage(
    interaction: Interaction,
    form: MessageForm,
    options: { readonly uploads: readonly Upload[]; readonly type: MessageType; readonly flags?: number },
  ): MessageState {
    const flags = options.flags ?? (form.flags ?? 0) & REPLY_FLAGS;
    return this.#world.createMessage(interaction.channelId, {
      authorId: this.#world.botUserId,
      content: form.content ?? "",
      embeds: form.embeds ?? [],
      components: form.components ?? [],
      attachmentIds: storeUploads(this.#world, interaction.channelId, form, options.uploads),
      allowedMentions: form.allowed_mentions ?? undefined,
      flags,
      type: options.type,
      tts: form.tts ?? false,
      interaction: this.#describe(interaction),
      ephemeralFor: (flags & MessageFlags.Ephemeral) === 0 ? undefined : interaction.userId,
    });
  }

  #edit(interaction: Interaction, message: MessageState, form: MessageForm, uploads: readonly Upload[]): MessageState {
    checkMessageForm(form);
    const newIds = storeUploads(this.#world, message.channelId, form, uploads);
    const attachmentIds = mergeAttachments(message.attachmentIds, form, newIds);
    const isLoading = (message.flags & MessageFlags.Loading) !== 0;
    const keptFlags = message.flags & ~MessageFlags.Loading;
    return this.#world.editMessage(message.id, {
      ...(form.content === undefined ? {} : { content: form.content ?? "" }),
      ...(form.embeds === undefined ? {} : { embeds: form.embeds ?? [] }),
      ...(form.components === undefined ? {} : { components: form.components ?? [] }),
      ...(attachmentIds === undefined ? {} : { attachmentIds }),
      allowedMentions: form.allowed_mentions ?? undefined,
      flags: keptFlags | ((form.flags ?? 0) & MessageFlags.IsComponentsV2),
      isFirstContent: isLoading && interaction.originalId === message.id,
    });
  }

  #describe(interaction: Interaction): APIMessageInteractionMetadata {
    return {
      id: interaction.id,
      type: interaction.type,
      user: renderUser(this.#world.requireUser(interaction.userId)),
      authorizing_integration_owners: { 0: interaction.guildId ?? "0" },
      ...(interaction.messageId === undefined ? {} : { interacted_message_id: interaction.messageId }),
    } as APIMessageInteractionMetadata;
  }

  #requireResponded(token: string): Interaction {
    const interaction = this.#byToken.get(token);
    if (!interaction) throw refuse("unknownWebhook");
    const ageMs = this.#world.clock.now() - interaction.createdAtMs;
    if (ageMs > this.#world.limits.interactionTokenLifetimeMs) throw refuse("invalidWebhookToken");
    if (interaction.status !== "responded") throw refuse("unknownWebhook");
    return interaction;
  }

  #requireMessage(interaction: Interaction, reference: string): MessageState {
    const id = reference === "@original" ? interaction.originalId : reference;
    const isOwn = id === interaction.originalId || interaction.followUpIds.includes(id ?? "");
    const message = id !== undefined && isOwn ? this.#world.state.messages.get(id) : undefined;
    if (!message) throw refuse("unknownMessage");
    return message;
  }

  #expire(interaction: Interaction): void {
    if (interaction.status !== "open") return;
    interaction.status = "expired";
    notify(interaction, { kind: "expired" });
  }

  /** Tokens are remembered for two lifetimes, so that a late use gets the answer for expired ones. */
  #forgetOld(): void {
    const oldestMs = this.#world.clock.now() - 2 * this.#world.limits.interactionTokenLifetimeMs;
    for (const [token, interaction] of this.#byToken) {
      if (interaction.createdAtMs >= oldestMs) return;
      this.#byToken.delete(token);
    }
  }
}

function notify(interaction: Interaction, update: InteractionUpdate): void {
  for (const listener of interaction.listeners) listener(update);
}

function invalidType(): ApiError {
  const errors = new FormErrors();
  errors.add("type", "INTERACTION_APPLICATION_COMMAND_CALLBACK_TYPE_INVALID", "This response type is not valid here");
  return errors.toError();
}

function checkChoices(choices: APICommandAutocompleteInteractionResponseCallbackData["choices"]): void {
  const errors = new FormErrors();
  errors.checkCount("choices", choices ?? [], { max: MAX_CHOICES });
  choices?.forEach((choice, index) => checkChoice(errors, `choices.${index}`, choice));
  errors.throwIfAny();
}
