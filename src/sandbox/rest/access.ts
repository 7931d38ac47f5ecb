import { PermissionFlagsBits } from "discord-api-types/v10";
import { hasPermissions } from "../permissions.ts";
import type { ChannelState, GuildState, MessageState } from "../world/state.ts";
import type { World } from "../world/world.ts";
import { refuse } from "./api-error.ts";

/** A guild that the bot is in. */
export function requireBotGuild(world: World, guildId: string): GuildState {
  const guild = world.state.guilds.get(guildId);
  if (!guild?.members.has(world.botUserId)) throw refuse("unknownGuild");
  return guild;
}

/** A channel that the bot sees, and in which it holds `permissions`. */
export function requireBotChannel(world: World, channelId: string, permissions = 0n): ChannelState {
  const channel = world.state.channels.get(channelId);
  if (!channel) throw refuse("unknownChannel");
  const held = world.permissionsOf(world.botUserId, channelId);
  if (!hasPermissions(held, PermissionFlagsBits.ViewChannel)) throw refuse("missingAccess");
  if (!hasPermissions(held, permissions)) throw refuse("missingPermissions");
  return channel;
}

/** A message of the channel; ephemeral ones are unknown here. */
export function requireMessageIn(world: World, channelId: string, messageId: string): MessageState {
  const message = world.state.messages.get(messageId);
  if (message?.channelId !== channelId || message.ephemeralFor !== undefined) throw refuse("unknownMessage");
  return message;
}

export function canBot(world: World, channelId: string, permissions: bigint): boolean {
  return hasPermissions(world.permissionsOf(world.botUserId, channelId), permissions);
}
