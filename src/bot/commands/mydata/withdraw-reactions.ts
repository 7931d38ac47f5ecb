import { PermissionFlagsBits, Routes, type Client, type Guild } from "discord.js";
import type { Logger } from "../../../core/logger.ts";
import { toReactionIdentifier } from "../../../roll-call/emoji.ts";
import type { MemberEvent } from "../../../store/member-data.ts";
import { goneThing } from "../../discord-errors.ts";

/** To take somebody else's reaction away. */
const REQUIRED = PermissionFlagsBits.ViewChannel | PermissionFlagsBits.ManageMessages;

export interface ReactionWithdrawal {
  readonly count: number;
  /** Events on which a reaction may still stand. */
  readonly remaining: readonly MemberEvent[];
}

/**
 * Takes a member's reactions away from the messages of events that are not closed, where the bot may: what stands there is
 * read again, and would be stored again.
 */
export async function withdrawReactions(
  { rest }: Pick<Client, "rest">,
  { guild, userId, logger }: { readonly guild: Guild; readonly userId: string; readonly logger: Logger },
  events: readonly MemberEvent[],
): Promise<ReactionWithdrawal> {
  const remaining: MemberEvent[] = [];
  let count = 0;
  for (const event of events) {
    const reactions = event.answers.filter(({ emoji }) => emoji !== "");
    if (event.state === "closed" || reactions.length === 0) continue;
    try {
      if (!mayWithdraw(guild, event.channelId)) {
        remaining.push(event);
        continue;
      }
      for (const { emoji } of reactions) {
        const { channelId, messageId } = event;
        await rest.delete(Routes.channelMessageUserReaction(channelId, messageId, toReactionIdentifier(emoji), userId));
        count++;
      }
    } catch (error) {
      if (goneThing(error)) continue;
      logger.warn("a member's reactions could not be taken back", { eventId: event.id, error });
      remaining.push(event);
    }
  }
  return { count, remaining };
}

function mayWithdraw({ channels, members }: Guild, channelId: string): boolean {
  const channel = channels.cache.get(channelId);
  return channel !== undefined && members.me !== null && channel.permissionsFor(members.me).has(REQUIRED);
}
