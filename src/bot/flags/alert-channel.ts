import { ChannelType, PermissionFlagsBits, type Guild, type NewsChannel, type TextChannel } from "discord.js";
import { NOT_UNDERSTOOD, type FlagChoice, type FlagValueResult } from "./flag-value-result.ts";

/** What the bot needs in a channel to tell administrators that something is wrong. */
const NEEDED = PermissionFlagsBits.ViewChannel | PermissionFlagsBits.SendMessages | PermissionFlagsBits.EmbedLinks;

/** Reads a channel's id or mention: a text channel of the guild, in which the bot may send. */
export function readAlertChannel(text: string, guild: Guild): FlagValueResult {
  const id = /^(?:<#)?(\d{17,20})(?:>)?$/.exec(text.trim())?.[1];
  const channel = listTextChannels(guild).find((candidate) => candidate.id === id);
  if (!channel) return NOT_UNDERSTOOD;
  const missing = findMissingPermissions(channel, guild);
  return missing === 0n
    ? { ok: true, value: channel.id }
    : { ok: false, problem: "missing-permissions", permissions: missing };
}

/** The channels that `readAlertChannel` would take. */
export function listAlertChannels(guild: Guild): readonly FlagChoice[] {
  return listTextChannels(guild)
    .filter((channel) => findMissingPermissions(channel, guild) === 0n)
    .map((channel) => ({ name: `#${channel.name}`, value: channel.id }));
}

function listTextChannels(guild: Guild): (TextChannel | NewsChannel)[] {
  return [...guild.channels.cache.values()].filter(
    (channel) => channel.type === ChannelType.GuildText || channel.type === ChannelType.GuildAnnouncement,
  );
}

function findMissingPermissions(channel: TextChannel | NewsChannel, guild: Guild): bigint {
  const held = guild.members.me ? channel.permissionsFor(guild.members.me).bitfield : 0n;
  return NEEDED & ~held;
}
