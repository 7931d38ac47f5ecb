import { Routes, type Client } from "discord.js";
import { toReactionIdentifier } from "../../roll-call/emoji.ts";

export interface MessagePlace {
  readonly channelId: string;
  readonly messageId: string;
}

export interface AddedReactions {
  /** Emoji keys, in order. */
  readonly added: readonly string[];
  /** What stopped it; those after it were not tried. */
  readonly failure?: { readonly emoji: string; readonly error: unknown };
}

/** Adds the bot's own reactions one after the other, because Discord shows them in the order in which they came. */
export async function addReactions(
  rest: Client["rest"],
  { channelId, messageId }: MessagePlace,
  reactions: readonly string[],
): Promise<AddedReactions> {
  const added: string[] = [];
  for (const emoji of reactions) {
    try {
      await rest.put(Routes.channelMessageOwnReaction(channelId, messageId, toReactionIdentifier(emoji)));
    } catch (error) {
      return { added, failure: { emoji, error } };
    }
    added.push(emoji);
  }
  return { added };
}

/** Takes the bot's own reactions away, as far as it goes: what stays is one more emoji to click on. */
export async function removeReactions(
  rest: Client["rest"],
  { channelId, messageId }: MessagePlace,
  reactions: readonly string[],
  onError: (error: unknown) => void,
): Promise<void> {
  for (const emoji of reactions) {
    try {
      await rest.delete(Routes.channelMessageOwnReaction(channelId, messageId, toReactionIdentifier(emoji)));
    } catch (error) {
      onError(error);
    }
  }
}
