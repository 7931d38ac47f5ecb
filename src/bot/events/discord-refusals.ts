import { DiscordAPIError, RESTJSONErrorCodes } from "discord.js";
import { formatEmoji, MAX_REACTIONS } from "../../roll-call/emoji.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Texts } from "../texts/texts.ts";

/** What Discord refuses around an event for a reason that members can understand. */

/** The bot may not post there, or cannot any more. */
export function isPostingRefused(error: unknown): boolean {
  const codes: readonly unknown[] = [
    RESTJSONErrorCodes.MissingAccess,
    RESTJSONErrorCodes.MissingPermissions,
    RESTJSONErrorCodes.UnknownChannel,
  ];
  return error instanceof DiscordAPIError && codes.includes(error.code);
}

/** Undefined when it is not for a reason that a member can mend. */
export function explainReactionFailure(
  { emoji, error }: { readonly emoji: string; readonly error: unknown },
  { channelId }: Pick<EventRecord, "channelId">,
  refusals: Texts["events"]["refusals"],
): string | undefined {
  if (!(error instanceof DiscordAPIError)) return undefined;
  switch (error.code) {
    case RESTJSONErrorCodes.UnknownEmoji:
      return refusals.reactionUnknown(formatEmoji(emoji));
    case RESTJSONErrorCodes.MissingPermissions:
    case RESTJSONErrorCodes.MissingAccess:
      return refusals.reactionForbidden(channelId);
    case RESTJSONErrorCodes.ReactionWasBlocked:
      return refusals.reactionBlocked;
    case RESTJSONErrorCodes.MaximumNumberOfReactionsReached:
      return refusals.reactionsFull(MAX_REACTIONS);
    case RESTJSONErrorCodes.UnknownMessage:
    case RESTJSONErrorCodes.UnknownChannel:
      return refusals.reactionOnGone;
    default:
      return undefined;
  }
}
