import { PermissionFlagsBits as Permission, type APIMessage } from "discord-api-types/v10";
import type { CommandRegistry } from "../commands.ts";
import { computeChannelPermissions, hasPermissions } from "../permissions.ts";
import { renderEmoji, renderUser } from "../world/render.ts";
import type { ChannelState, GuildState } from "../world/state.ts";
import type { World } from "../world/world.ts";
import type { BotStatus, ClockStatus, Person, SeenChannel, SeenGuild, Snapshot } from "./live-frames.ts";

/** What a page shows of a channel when it opens. */
const NEWEST_MESSAGES = 100;
/** More people than these fit into no list that somebody reads. */
const MAX_MEMBERS = 500;
const MODERATOR_PERMISSIONS = Permission.ModerateMembers | Permission.ManageGuild;

export interface SnapshotSources {
  readonly world: World;
  readonly commands: CommandRegistry;
  readonly bot: BotStatus;
  readonly clock: ClockStatus;
}

/** Everything that one person sees now. Opens the channel with the bot when there is none yet. */
export function takeSnapshot(userId: string, { world, commands, bot, clock }: SnapshotSources): Snapshot {
  const guilds = [...world.state.guilds.values()].filter((guild) => guild.members.has(userId));
  const directChannelId = world.openDirectChannel(userId).id;
  const seenGuilds = guilds.map((guild) => describeGuild(world, commands, { guild, userId }));
  const channelIds = [directChannelId, ...seenGuilds.flatMap(({ channels }) => channels.map(({ id }) => id))];
  return {
    userId,
    botUserId: world.botUserId,
    people: listPeople(world),
    users: [...world.state.users.values()].slice(0, MAX_MEMBERS).map(renderUser),
    guilds: seenGuilds,
    commands: commands.list(),
    directChannelId,
    messages: Object.fromEntries(channelIds.map((id) => [id, listNewest(world, id, userId)])),
    bot,
    clock,
  };
}

export function canView(world: World, userId: string, channelId: string): boolean {
  return hasPermissions(world.permissionsOf(userId, channelId), Permission.ViewChannel);
}

/** Whom a visitor may be: everyone but bots, with the most that they are in any guild. */
function listPeople(world: World): Person[] {
  const guilds = [...world.state.guilds.values()];
  const roleOf = (userId: string): Person["role"] => {
    if (guilds.some((guild) => guild.ownerId === userId)) return "owner";
    const moderates = guilds.some((guild) =>
      hasPermissions(world.guildPermissionsOf(userId, guild.id), MODERATOR_PERMISSIONS),
    );
    return moderates ? "moderator" : "member";
  };
  return [...world.state.users.values()]
    .filter((user) => !user.isBot)
    .slice(0, MAX_MEMBERS)
    .map(({ id }) => ({ id, role: roleOf(id) }));
}

function describeGuild(
  world: World,
  commands: CommandRegistry,
  { guild, userId }: { readonly guild: GuildState; readonly userId: string },
): SeenGuild {
  return {
    id: guild.id,
    name: guild.name,
    ownerId: guild.ownerId,
    roles: [...guild.roles.values()],
    emojis: [...guild.emojis.values()].map(renderEmoji),
    channels: [...guild.channelIds]
      .map((id) => world.requireChannel(id))
      .filter((channel) => canView(world, userId, channel.id))
      .map((channel) => describeChannel(world, guild, { channel, userId })),
    members: [...guild.members.values()].slice(0, MAX_MEMBERS).map((member) => ({
      userId: member.userId,
      nick: member.nick,
      roleIds: [...member.roleIds],
      presence: member.presence,
    })),
    commands: commands.list(guild.id),
  };
}

function describeChannel(
  world: World,
  guild: GuildState,
  { channel, userId }: { readonly channel: ChannelState; readonly userId: string },
): SeenChannel {
  const anybody = { userId: "", nick: null, roleIds: new Set<string>(), joinedAtMs: 0, presence: "offline" } as const;
  return {
    id: channel.id,
    type: channel.type,
    name: channel.name,
    topic: channel.topic,
    permissions: world.permissionsOf(userId, channel.id).toString(),
    isPrivate: !hasPermissions(computeChannelPermissions(guild, anybody, channel), Permission.ViewChannel),
  };
}

function listNewest(world: World, channelId: string, userId: string): APIMessage[] {
  return world.messages(channelId, userId).slice(-NEWEST_MESSAGES);
}
