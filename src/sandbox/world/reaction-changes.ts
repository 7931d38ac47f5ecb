import { GatewayDispatchEvents, ReactionType } from "discord-api-types/v10";
import { MusterError } from "../../core/errors.ts";
import { renderMember } from "./render.ts";
import type { MessageState, ReactionEmoji, ReactionState } from "./state.ts";
import type { WorldContext } from "./world-context.ts";

/** Different emoji that one message can carry. */
export const MAX_REACTIONS = 20;

/** One emoji, with or without joiners and variation selector; digits and letters alone are not. */
const UNICODE_EMOJI = /^(\p{RGI_Emoji}|\p{Extended_Pictographic}\u{FE0F}?)$/v;

/** Reads `✅`, `name:id`, `<:name:id>` or `<a:name:id>`; undefined when it is none of them. */
export function parseEmoji(text: string): ReactionEmoji | undefined {
  const custom = /^<?(a?):?(\w{2,32}):(\d{15,21})>?$/.exec(text);
  if (custom) {
    return {
      id: custom[3]!,
      name: custom[2]!,
      ...(custom[1] === "a" && text.startsWith("<a:") ? { animated: true } : {}),
    };
  }
  return UNICODE_EMOJI.test(text) ? { id: null, name: text } : undefined;
}

export function isSameEmoji(a: ReactionEmoji, b: ReactionEmoji): boolean {
  return a.id === null ? b.id === null && a.name === b.name : a.id === b.id;
}

export function findReaction(message: MessageState, emoji: ReactionEmoji): ReactionState | undefined {
  return message.reactions.find((reaction) => isSameEmoji(reaction.emoji, emoji));
}

/** Changes to reactions. Permissions are the callers' affair; the limit of twenty is kept here. */
export class ReactionChanges {
  readonly #world: WorldContext;

  constructor(world: WorldContext) {
    this.#world = world;
  }

  /** Adding a reaction that is there already changes nothing. */
  addReaction(
    messageId: string,
    userId: string,
    emoji: ReactionEmoji,
    options: { readonly isBurst?: boolean } = {},
  ): void {
    const message = this.#world.requireMessage(messageId);
    const isBurst = options.isBurst ?? false;
    let reaction = findReaction(message, emoji);
    if (!reaction) {
      if (message.reactions.length >= MAX_REACTIONS) {
        throw new MusterError("CONFLICT", `message ${messageId} has ${MAX_REACTIONS} reactions already`);
      }
      reaction = { emoji, normal: [], burst: [] };
      message.reactions.push(reaction);
    }
    const users = isBurst ? reaction.burst : reaction.normal;
    if (users.includes(userId)) return;
    users.push(userId);
    const member = message.guildId === undefined ? undefined : this.#world.getMember(message.guildId, userId);
    this.#world.events.emit(
      GatewayDispatchEvents.MessageReactionAdd,
      {
        user_id: userId,
        channel_id: message.channelId,
        message_id: messageId,
        message_author_id: message.authorId,
        ...(message.guildId === undefined ? {} : { guild_id: message.guildId }),
        ...(member ? { member: renderMember(this.#world, member) } : {}),
        emoji: reaction.emoji,
        burst: isBurst,
        ...(isBurst ? { burst_colors: ["#f4900c"] } : {}),
        type: isBurst ? ReactionType.Super : ReactionType.Normal,
      },
      { guildId: message.guildId, channelId: message.channelId, userId },
    );
  }

  /** Without `isBurst`, takes both kinds away. Returns whether there was one. */
  removeReaction(
    messageId: string,
    userId: string,
    emoji: ReactionEmoji,
    options: { readonly isBurst?: boolean } = {},
  ): boolean {
    const message = this.#world.requireMessage(messageId);
    const reaction = findReaction(message, emoji);
    if (!reaction) return false;
    let isRemoved = false;
    for (const isBurst of [false, true]) {
      if (options.isBurst !== undefined && options.isBurst !== isBurst) continue;
      const users = isBurst ? reaction.burst : reaction.normal;
      const index = users.indexOf(userId);
      if (index < 0) continue;
      users.splice(index, 1);
      isRemoved = true;
      dropIfEmpty(message, reaction);
      this.#world.events.emit(
        GatewayDispatchEvents.MessageReactionRemove,
        {
          user_id: userId,
          channel_id: message.channelId,
          message_id: messageId,
          ...(message.guildId === undefined ? {} : { guild_id: message.guildId }),
          emoji: reaction.emoji,
          burst: isBurst,
          type: isBurst ? ReactionType.Super : ReactionType.Normal,
        },
        { guildId: message.guildId, channelId: message.channelId, userId },
      );
    }
    return isRemoved;
  }

  removeAllReactions(messageId: string): void {
    const message = this.#world.requireMessage(messageId);
    message.reactions.length = 0;
    this.#world.events.emit(GatewayDispatchEvents.MessageReactionRemoveAll, this.#describe(message), {
      guildId: message.guildId,
      channelId: message.channelId,
    });
  }

  removeReactionsOfEmoji(messageId: string, emoji: ReactionEmoji): boolean {
    const message = this.#world.requireMessage(messageId);
    const reaction = findReaction(message, emoji);
    if (!reaction) return false;
    message.reactions.splice(message.reactions.indexOf(reaction), 1);
    this.#world.events.emit(
      GatewayDispatchEvents.MessageReactionRemoveEmoji,
      { ...this.#describe(message), emoji: reaction.emoji },
      { guildId: message.guildId, channelId: message.channelId },
    );
    return true;
  }

  #describe(message: MessageState): { channel_id: string; message_id: string; guild_id?: string } {
    return {
      channel_id: message.channelId,
      message_id: message.id,
      ...(message.guildId === undefined ? {} : { guild_id: message.guildId }),
    };
  }
}

function dropIfEmpty(message: MessageState, reaction: ReactionState): void {
  if (reaction.normal.length > 0 || reaction.burst.length > 0) return;
  const index = message.reactions.indexOf(reaction);
  if (index >= 0) message.reactions.splice(index, 1);
}
