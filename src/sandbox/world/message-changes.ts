import {
  GatewayDispatchEvents,
  MessageType,
  type APIAllowedMentions,
  type APIEmbed,
  type APIMessage,
  type APIMessageInteractionMetadata,
  type APIMessageReference,
  type APIMessageTopLevelComponent,
} from "discord-api-types/v10";
import { compareSnowflakes } from "../snowflake.ts";
import type { EventData } from "./events.ts";
import { parseMentions } from "./mentions.ts";
import { renderBareMember, renderMessage } from "./render.ts";
import type { MessageState, StoredAttachment } from "./state.ts";
import type { WorldContext } from "./world-context.ts";

export interface NewMessage {
  readonly authorId: string;
  readonly content?: string;
  readonly embeds?: readonly APIEmbed[];
  readonly components?: readonly APIMessageTopLevelComponent[];
  readonly attachmentIds?: readonly string[];
  readonly allowedMentions?: APIAllowedMentions | undefined;
  readonly flags?: number;
  readonly type?: MessageType;
  readonly reference?: APIMessageReference | undefined;
  readonly nonce?: string | number | undefined;
  readonly tts?: boolean;
  readonly interaction?: APIMessageInteractionMetadata;
  readonly ephemeralFor?: string | undefined;
}

export interface MessageEdit {
  readonly content?: string;
  readonly embeds?: readonly APIEmbed[];
  readonly components?: readonly APIMessageTopLevelComponent[];
  readonly attachmentIds?: readonly string[];
  readonly allowedMentions?: APIAllowedMentions | undefined;
  readonly flags?: number;
  /** The first text of a deferred response is not an edit to the reader. */
  readonly isFirstContent?: boolean;
}

export interface NewAttachment {
  readonly filename: string;
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly description?: string | undefined;
}

/** Changes to messages and uploads. What may be done is decided by the callers; here it is done and announced. */
export class MessageChanges {
  readonly #world: WorldContext;
  readonly #ephemeralIds: string[] = [];
  #keptUploadBytes = 0;

  constructor(world: WorldContext) {
    this.#world = world;
  }

  createMessage(channelId: string, message: NewMessage): MessageState {
    const channel = this.#world.requireChannel(channelId);
    const content = message.content ?? "";
    const repliedTo = message.reference?.message_id;
    const created: MessageState = {
      id: this.#world.snowflakes.next(),
      channelId,
      guildId: channel.guildId,
      authorId: message.authorId,
      type: message.type ?? (repliedTo === undefined ? MessageType.Default : MessageType.Reply),
      timestampMs: this.#world.clock.now(),
      reference: message.reference,
      nonce: message.nonce,
      interaction: message.interaction,
      ephemeralFor: message.ephemeralFor,
      tts: message.tts ?? false,
      editedAtMs: undefined,
      lateEditsAtMs: [],
      content,
      embeds: structuredClone([...(message.embeds ?? [])]),
      components: structuredClone([...(message.components ?? [])]),
      attachmentIds: [...(message.attachmentIds ?? [])],
      flags: message.flags ?? 0,
      ...parseMentions(this.#world, {
        channel,
        authorId: message.authorId,
        content,
        allowed: message.allowedMentions,
        repliedUserId: repliedTo === undefined ? undefined : this.#world.state.messages.get(repliedTo)?.authorId,
      }),
      reactions: [],
    };
    numberComponents(created.components);
    this.#world.state.messages.set(created.id, created);
    if (created.ephemeralFor === undefined) channel.messageIds.push(created.id);
    else this.#forgetOldEphemerals(created.id);
    this.#announce(GatewayDispatchEvents.MessageCreate, created, () => this.#describe(created));
    return created;
  }

  editMessage(messageId: string, edit: MessageEdit): MessageState {
    const message = this.#world.requireMessage(messageId);
    if (edit.content !== undefined) {
      message.content = edit.content;
      const channel = this.#world.requireChannel(message.channelId);
      Object.assign(
        message,
        parseMentions(this.#world, {
          channel,
          authorId: message.authorId,
          content: edit.content,
          allowed: edit.allowedMentions,
        }),
      );
    }
    if (edit.embeds !== undefined) message.embeds = structuredClone([...edit.embeds]);
    if (edit.components !== undefined) {
      message.components = structuredClone([...edit.components]);
      numberComponents(message.components);
    }
    if (edit.attachmentIds !== undefined) message.attachmentIds = [...edit.attachmentIds];
    if (edit.flags !== undefined) message.flags = edit.flags;
    if (edit.isFirstContent !== true) message.editedAtMs = this.#world.clock.now();
    this.#announce(GatewayDispatchEvents.MessageUpdate, message, () => this.#describe(message));
    return message;
  }

  deleteMessage(messageId: string): void {
    const message = this.#world.requireMessage(messageId);
    this.#forget(message);
    this.#announce(GatewayDispatchEvents.MessageDelete, message, () => ({
      id: messageId,
      channel_id: message.channelId,
      ...(message.guildId === undefined ? {} : { guild_id: message.guildId }),
    }));
  }

  /** Ids that the channel does not have are passed over, as on Discord. */
  deleteMessages(channelId: string, messageIds: readonly string[]): void {
    const channel = this.#world.requireChannel(channelId);
    const known = messageIds.filter((id) => this.#world.state.messages.get(id)?.channelId === channelId);
    for (const id of known) this.#forget(this.#world.requireMessage(id));
    this.#world.events.emit(
      GatewayDispatchEvents.MessageDeleteBulk,
      {
        ids: known,
        channel_id: channelId,
        ...(channel.guildId === undefined ? {} : { guild_id: channel.guildId }),
      },
      { guildId: channel.guildId, channelId },
    );
  }

  storeAttachment(channelId: string, upload: NewAttachment): StoredAttachment {
    const stored: StoredAttachment = {
      id: this.#world.snowflakes.next(),
      channelId,
      filename: upload.filename,
      contentType: upload.contentType,
      description: upload.description,
      data: upload.data,
    };
    this.#world.state.attachments.set(stored.id, stored);
    this.#keptUploadBytes += stored.data.byteLength;
    this.#forgetOldUploads(stored.id);
    return stored;
  }

  #forgetOldUploads(newestId: string): void {
    for (const id of this.#world.state.attachments.keys()) {
      if (this.#keptUploadBytes <= this.#world.limits.keptUploadBytes || id === newestId) return;
      this.#forgetUpload(id);
    }
  }

  #forgetUpload(id: string): void {
    this.#keptUploadBytes -= this.#world.state.attachments.get(id)?.data.byteLength ?? 0;
    this.#world.state.attachments.delete(id);
  }

  #forget(message: MessageState): void {
    this.#world.state.messages.delete(message.id);
    for (const id of message.attachmentIds) this.#forgetUpload(id);
    if (message.ephemeralFor !== undefined) return;
    const ids = this.#world.requireChannel(message.channelId).messageIds;
    const index = findIndexOfId(ids, message.id);
    if (index >= 0) ids.splice(index, 1);
  }

  #forgetOldEphemerals(newestId: string): void {
    this.#ephemeralIds.push(newestId);
    while (this.#ephemeralIds.length > this.#world.limits.keptEphemeralMessages) {
      const message = this.#world.state.messages.get(this.#ephemeralIds.shift()!);
      if (message) this.#forget(message);
    }
  }

  /** To everyone, or to the one person who sees the message. */
  #announce<Event extends GatewayDispatchEvents>(
    type: Event,
    message: MessageState,
    describe: () => EventData<Event> & object,
  ): void {
    const { events } = this.#world;
    if (message.ephemeralFor === undefined) events.emit(type, describe(), aboutMessage(message));
    else events.emitPrivately(message.ephemeralFor, type, describe(), aboutMessage(message));
  }

  #describe(message: MessageState): APIMessage & { mentions: [] } & { channel_type: number } {
    const member = message.guildId === undefined ? undefined : this.#world.getMember(message.guildId, message.authorId);
    return {
      ...renderMessage(this.#world, message, this.#world.botUserId),
      channel_type: this.#world.requireChannel(message.channelId).type,
      ...(message.guildId === undefined ? {} : { guild_id: message.guildId }),
      ...(member ? { member: renderBareMember(member) } : {}),
    } as APIMessage & { mentions: [] } & { channel_type: number };
  }
}

function aboutMessage(message: MessageState): { guildId: string | undefined; channelId: string; userId: string } {
  return { guildId: message.guildId, channelId: message.channelId, userId: message.authorId };
}

/** Ids are in order, and long channels are searched often. */
export function findIndexOfId(ids: readonly string[], id: string): number {
  let low = 0;
  let high = ids.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareSnowflakes(ids[middle]!, id);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Discord gives every component a number when the bot did not. */
function numberComponents(components: APIMessageTopLevelComponent[]): void {
  let next = 1;
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) return value.forEach(visit);
    const component = value as { type?: number; id?: number; components?: unknown; accessory?: unknown };
    if (typeof component.type !== "number") return;
    component.id ??= next;
    next = Math.max(next, component.id) + 1;
    visit(component.components);
    visit(component.accessory);
  };
  visit(components);
}
