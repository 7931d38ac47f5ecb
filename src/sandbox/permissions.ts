import { OverwriteType, PermissionFlagsBits, type APIOverwrite } from "discord-api-types/v10";
import type { ChannelState, GuildState, MemberState } from "./world/state.ts";

export const ALL_PERMISSIONS = Object.values(PermissionFlagsBits).reduce((all, bit) => all | bit, 0n);

/** What everyone may do in a new guild. */
export const DEFAULT_EVERYONE_PERMISSIONS =
  PermissionFlagsBits.ViewChannel |
  PermissionFlagsBits.SendMessages |
  PermissionFlagsBits.ReadMessageHistory |
  PermissionFlagsBits.AddReactions |
  PermissionFlagsBits.EmbedLinks |
  PermissionFlagsBits.AttachFiles |
  PermissionFlagsBits.UseExternalEmojis |
  PermissionFlagsBits.UseApplicationCommands |
  PermissionFlagsBits.ChangeNickname;

/** Both ends of a direct channel. */
export const DIRECT_MESSAGE_PERMISSIONS =
  PermissionFlagsBits.ViewChannel |
  PermissionFlagsBits.SendMessages |
  PermissionFlagsBits.ReadMessageHistory |
  PermissionFlagsBits.AddReactions |
  PermissionFlagsBits.EmbedLinks |
  PermissionFlagsBits.AttachFiles |
  PermissionFlagsBits.UseExternalEmojis |
  PermissionFlagsBits.UseApplicationCommands |
  PermissionFlagsBits.MentionEveryone;

export function hasPermissions(held: bigint, wanted: bigint): boolean {
  return (held & wanted) === wanted;
}

/** The names of the bits in `wanted` that `held` lacks, for messages. */
export function listMissingPermissions(held: bigint, wanted: bigint): string[] {
  return Object.entries(PermissionFlagsBits)
    .filter(([, bit]) => (wanted & bit) !== 0n && (held & bit) === 0n)
    .map(([name]) => name);
}

/** Guild-wide permissions: the owner and administrators have all, others the sum of their roles. */
export function computeGuildPermissions(guild: GuildState, member: MemberState): bigint {
  if (guild.ownerId === member.userId) return ALL_PERMISSIONS;
  let held = BigInt(guild.roles.get(guild.id)?.permissions ?? "0");
  for (const roleId of member.roleIds) held |= BigInt(guild.roles.get(roleId)?.permissions ?? "0");
  return (held & PermissionFlagsBits.Administrator) === 0n ? held : ALL_PERMISSIONS;
}

/**
 * Permissions in a channel, in Discord's order: roles, then the overwrites of everyone, of the member's roles
 * together, of the member. Without ViewChannel nothing is left; without SendMessages nothing that needs it.
 */
export function computeChannelPermissions(guild: GuildState, member: MemberState, channel: ChannelState): bigint {
  let held = computeGuildPermissions(guild, member);
  if (held === ALL_PERMISSIONS) return held;
  held = applyOverwrite(held, channel.overwrites.get(guild.id));
  let allowed = 0n;
  let denied = 0n;
  for (const roleId of member.roleIds) {
    const overwrite = channel.overwrites.get(roleId);
    if (overwrite?.type !== OverwriteType.Role) continue;
    allowed |= BigInt(overwrite.allow);
    denied |= BigInt(overwrite.deny);
  }
  held = (held & ~denied) | allowed;
  held = applyOverwrite(held, channel.overwrites.get(member.userId));
  if ((held & PermissionFlagsBits.ViewChannel) === 0n) return 0n;
  if ((held & PermissionFlagsBits.SendMessages) === 0n) {
    held &= ~(PermissionFlagsBits.EmbedLinks | PermissionFlagsBits.AttachFiles | PermissionFlagsBits.MentionEveryone);
  }
  return held;
}

function applyOverwrite(held: bigint, overwrite: APIOverwrite | undefined): bigint {
  return overwrite ? (held & ~BigInt(overwrite.deny)) | BigInt(overwrite.allow) : held;
}
