import { PermissionFlagsBits, type GuildBasedChannel, type GuildMember } from "discord.js";
import { permissionNames } from "./preconditions.ts";

/** What the bot needs in a channel to post an event there, let members react, and read who did. */
export const EVENT_PERMISSIONS =
  PermissionFlagsBits.ViewChannel |
  PermissionFlagsBits.SendMessages |
  PermissionFlagsBits.EmbedLinks |
  PermissionFlagsBits.AddReactions |
  PermissionFlagsBits.ReadMessageHistory;

/** What a member needs in a channel to have an event posted there. */
export const POSTING_PERMISSIONS = PermissionFlagsBits.ViewChannel | PermissionFlagsBits.SendMessages;

/** Names, as Discord's settings show them, of the permissions that the member lacks in the channel. */
export function listMissingPermissions(
  channel: Pick<GuildBasedChannel, "permissionsFor">,
  member: GuildMember,
  needed: bigint,
): string[] {
  return permissionNames(needed & ~channel.permissionsFor(member).bitfield);
}
