import type { SeenChannel, SeenGuild, Snapshot } from "../../live/live-frames.ts";

/** As others read somebody: nick, display name, user name. */
export function nameOf(world: Snapshot, userId: string): string {
  const member = world.guilds[0]?.members.find((each) => each.userId === userId);
  const user = world.users.find(({ id }) => id === userId);
  return member?.nick ?? user?.global_name ?? user?.username ?? "Unknown";
}

export function isBot(world: Snapshot, userId: string): boolean {
  return world.users.find(({ id }) => id === userId)?.bot === true;
}

export function findChannel(
  world: Snapshot,
  channelId: string | undefined,
): { readonly guild: SeenGuild; readonly channel: SeenChannel } | undefined {
  for (const guild of world.guilds) {
    const channel = guild.channels.find(({ id }) => id === channelId);
    if (channel) return { guild, channel };
  }
  return undefined;
}

/** Where a person starts: what they asked for if they see it, else the first channel of the first server. */
export function resolveChannelId(world: Snapshot, askedId: string | undefined): string {
  if (askedId === "me") return world.directChannelId;
  if (askedId !== undefined && (askedId === world.directChannelId || findChannel(world, askedId))) return askedId;
  return world.guilds[0]?.channels[0]?.id ?? world.directChannelId;
}

const DIRECT_MESSAGE_PERMISSIONS = (1n << 10n) | (1n << 11n) | (1n << 6n) | (1n << 31n) | (1n << 15n) | (1n << 16n);

/** What the person may do in a channel. */
export function permissionsIn(world: Snapshot, channelId: string): bigint {
  if (channelId === world.directChannelId) return DIRECT_MESSAGE_PERMISSIONS;
  return BigInt(findChannel(world, channelId)?.channel.permissions ?? "0");
}
