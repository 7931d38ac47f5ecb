import {
  GatewayDispatchEvents as Event,
  GatewayIntentBits as Intent,
  PermissionFlagsBits,
  type APIMessage,
} from "discord-api-types/v10";
import { hasPermissions } from "../permissions.ts";
import type { WorldEvent } from "../world/events.ts";
import type { World } from "../world/world.ts";

/** Which intent an event needs: in guilds, and between a person and the bot. Events not listed need none. */
const NEEDED_INTENTS: Partial<Record<Event, { readonly guild: number; readonly direct?: number }>> = {
  [Event.GuildCreate]: { guild: Intent.Guilds },
  [Event.GuildUpdate]: { guild: Intent.Guilds },
  [Event.GuildDelete]: { guild: Intent.Guilds },
  [Event.GuildRoleCreate]: { guild: Intent.Guilds },
  [Event.GuildRoleUpdate]: { guild: Intent.Guilds },
  [Event.GuildRoleDelete]: { guild: Intent.Guilds },
  [Event.ChannelCreate]: { guild: Intent.Guilds },
  [Event.ChannelUpdate]: { guild: Intent.Guilds },
  [Event.ChannelDelete]: { guild: Intent.Guilds },
  [Event.GuildMemberAdd]: { guild: Intent.GuildMembers },
  [Event.GuildMemberUpdate]: { guild: Intent.GuildMembers },
  [Event.GuildMemberRemove]: { guild: Intent.GuildMembers },
  [Event.GuildEmojisUpdate]: { guild: Intent.GuildExpressions },
  [Event.PresenceUpdate]: { guild: Intent.GuildPresences },
  [Event.MessageCreate]: { guild: Intent.GuildMessages, direct: Intent.DirectMessages },
  [Event.MessageUpdate]: { guild: Intent.GuildMessages, direct: Intent.DirectMessages },
  [Event.MessageDelete]: { guild: Intent.GuildMessages, direct: Intent.DirectMessages },
  [Event.MessageDeleteBulk]: { guild: Intent.GuildMessages },
  [Event.MessageReactionAdd]: { guild: Intent.GuildMessageReactions, direct: Intent.DirectMessageReactions },
  [Event.MessageReactionRemove]: { guild: Intent.GuildMessageReactions, direct: Intent.DirectMessageReactions },
  [Event.MessageReactionRemoveAll]: { guild: Intent.GuildMessageReactions, direct: Intent.DirectMessageReactions },
  [Event.MessageReactionRemoveEmoji]: { guild: Intent.GuildMessageReactions, direct: Intent.DirectMessageReactions },
  [Event.TypingStart]: { guild: Intent.GuildMessageTyping, direct: Intent.DirectMessageTyping },
};

/** What happens in a channel: told only to those who can see it. The channel's own events are told to all. */
export const CHANNEL_EVENTS: ReadonlySet<Event> = new Set([
  Event.MessageCreate,
  Event.MessageUpdate,
  Event.MessageDelete,
  Event.MessageDeleteBulk,
  Event.MessageReactionAdd,
  Event.MessageReactionRemove,
  Event.MessageReactionRemoveAll,
  Event.MessageReactionRemoveEmoji,
  Event.TypingStart,
]);

export const PRIVILEGED_INTENTS = [
  ["guildMembers", Intent.GuildMembers],
  ["messageContent", Intent.MessageContent],
  ["presences", Intent.GuildPresences],
] as const;

export interface Audience {
  readonly intents: number;
  readonly shardId: number;
  readonly shardCount: number;
}

/** Guilds are spread over shards by id; direct messages go to the first. */
export function isGuildOfShard(guildId: string | undefined, shard: Omit<Audience, "intents">): boolean {
  if (guildId === undefined) return shard.shardId === 0;
  return Number((BigInt(guildId) >> 22n) % BigInt(shard.shardCount)) === shard.shardId;
}

/** Whether a session hears of the event at all. */
export function isVisible(world: World, event: WorldEvent, audience: Audience): boolean {
  if (!isGuildOfShard(event.guildId, audience)) return false;
  if (event.type === Event.InteractionCreate) return true;
  if (!isBotPresent(world, event)) return false;
  // The bot hears of changes to its own membership whatever its intents.
  if (event.type === Event.GuildMemberUpdate && event.userId === world.botUserId) return true;
  const needed = NEEDED_INTENTS[event.type];
  const bit = event.guildId === undefined ? needed?.direct : needed?.guild;
  if (needed !== undefined && (bit === undefined || (audience.intents & bit) === 0)) return false;
  if (event.guildId === undefined || event.channelId === undefined || !CHANNEL_EVENTS.has(event.type)) return true;
  return hasPermissions(world.permissionsOf(world.botUserId, event.channelId), PermissionFlagsBits.ViewChannel);
}

/** What the session is given: a message's text is kept back without the MessageContent intent. */
export function redactFor(world: World, event: WorldEvent, audience: Audience): object {
  if (event.type !== Event.MessageCreate && event.type !== Event.MessageUpdate) return event.data;
  if ((audience.intents & Intent.MessageContent) !== 0) return event.data;
  return withoutContent(world, event.data as APIMessage, event.guildId);
}

/** Bots without the MessageContent intent read only their own messages, direct ones and those that mention them. */
export function withoutContent(world: World, message: APIMessage, guildId: string | undefined): APIMessage {
  const isReadable =
    guildId === undefined ||
    message.author.id === world.botUserId ||
    message.mentions.some((user) => user.id === world.botUserId);
  return isReadable ? message : { ...message, content: "", embeds: [], attachments: [], components: [] };
}

function isBotPresent(world: World, event: WorldEvent): boolean {
  if (event.guildId === undefined || event.type === Event.GuildDelete) return true;
  return world.getMember(event.guildId, world.botUserId) !== undefined;
}
