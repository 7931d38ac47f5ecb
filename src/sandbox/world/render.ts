import {
  ChannelType,
  GuildDefaultMessageNotifications,
  GuildExplicitContentFilter,
  GuildMFALevel,
  GuildNSFWLevel,
  GuildPremiumTier,
  GuildVerificationLevel,
  Locale,
  type APIAttachment,
  type APIDMChannel,
  type APIEmoji,
  type APIGuild,
  type APIGuildMember,
  type APIMessage,
  type APIReaction,
  type APITextChannel,
  type APIUser,
  type GatewayGuildCreateDispatchData,
  type GatewayPresenceUpdate,
  type PresenceUpdateReceiveStatus,
} from "discord-api-types/v10";
import type {
  ChannelState,
  EmojiState,
  GuildState,
  MemberState,
  MessageState,
  ReactionState,
  UserState,
} from "./state.ts";
import type { WorldContext } from "./world-context.ts";

export function toIsoTime(momentMs: number): string {
  return new Date(momentMs).toISOString().replace("Z", "000+00:00");
}

export function renderUser(user: UserState): APIUser {
  return {
    id: user.id,
    username: user.username,
    global_name: user.globalName,
    discriminator: user.isBot ? "0001" : "0",
    avatar: null,
    bot: user.isBot,
    system: false,
    banner: null,
    accent_color: null,
  };
}

/** A member without the user, as messages and reactions carry it. */
export function renderBareMember(member: MemberState): Omit<APIGuildMember, "user"> {
  return {
    nick: member.nick,
    avatar: null,
    banner: null,
    roles: [...member.roleIds],
    joined_at: toIsoTime(member.joinedAtMs),
    premium_since: null,
    pending: false,
    communication_disabled_until: null,
    deaf: false,
    mute: false,
    flags: 0 as APIGuildMember["flags"],
  };
}

export function renderMember(world: WorldContext, member: MemberState): APIGuildMember {
  return { ...renderBareMember(member), user: renderUser(world.requireUser(member.userId)) };
}

export function renderEmoji(emoji: EmojiState): APIEmoji {
  return {
    id: emoji.id,
    name: emoji.name,
    animated: emoji.isAnimated,
    roles: [],
    require_colons: true,
    managed: false,
    available: true,
  };
}

export function renderDirectChannel(world: WorldContext, channel: ChannelState): APIDMChannel {
  return {
    id: channel.id,
    type: ChannelType.DM,
    name: null,
    last_message_id: channel.messageIds.at(-1) ?? null,
    recipients: [renderUser(world.requireUser(channel.recipientId!))],
  };
}

export function renderGuildChannel(channel: ChannelState): APITextChannel {
  return {
    id: channel.id,
    // Announcement and voice channels have the same shape as far as a bot that writes text reads it.
    type: channel.type as ChannelType.GuildText,
    guild_id: channel.guildId!,
    name: channel.name,
    topic: channel.topic,
    position: channel.position,
    parent_id: null,
    nsfw: false,
    rate_limit_per_user: 0,
    last_message_id: channel.messageIds.at(-1) ?? null,
    permission_overwrites: [...channel.overwrites.values()],
  };
}

export function renderChannel(world: WorldContext, channel: ChannelState): APIDMChannel | APITextChannel {
  return channel.guildId === undefined ? renderDirectChannel(world, channel) : renderGuildChannel(channel);
}

export function renderGuild(world: WorldContext, guild: GuildState): APIGuild {
  return {
    id: guild.id,
    name: guild.name,
    icon: null,
    splash: null,
    discovery_splash: null,
    owner_id: guild.ownerId,
    afk_channel_id: null,
    afk_timeout: 300,
    verification_level: GuildVerificationLevel.None,
    default_message_notifications: GuildDefaultMessageNotifications.OnlyMentions,
    explicit_content_filter: GuildExplicitContentFilter.Disabled,
    roles: [...guild.roles.values()],
    emojis: [...guild.emojis.values()].map(renderEmoji),
    stickers: [],
    features: [],
    mfa_level: GuildMFALevel.None,
    application_id: null,
    system_channel_id: null,
    system_channel_flags: 0 as APIGuild["system_channel_flags"],
    rules_channel_id: null,
    public_updates_channel_id: null,
    safety_alerts_channel_id: null,
    vanity_url_code: null,
    description: null,
    banner: null,
    premium_tier: GuildPremiumTier.None,
    premium_subscription_count: 0,
    premium_progress_bar_enabled: false,
    preferred_locale: Locale.EnglishUS,
    nsfw_level: GuildNSFWLevel.Default,
    max_members: 500_000,
    hub_type: null,
    incidents_data: null,
    approximate_member_count: world.state.guilds.get(guild.id)?.members.size ?? guild.members.size,
  };
}

export function renderPresence(guildId: string, member: MemberState): GatewayPresenceUpdate {
  return {
    user: { id: member.userId },
    guild_id: guildId,
    status: member.presence as PresenceUpdateReceiveStatus,
    activities: [],
    client_status: {},
  };
}

/** `members` are those that the session is told of at once; `isLarge` says that there are more to ask for. */
export function renderGuildCreate(
  world: WorldContext,
  guild: GuildState,
  options: { readonly members: readonly MemberState[]; readonly isLarge: boolean; readonly hasPresences: boolean },
): GatewayGuildCreateDispatchData {
  const bot = guild.members.get(world.botUserId);
  return {
    ...renderGuild(world, guild),
    joined_at: toIsoTime(bot?.joinedAtMs ?? world.clock.now()),
    large: options.isLarge,
    unavailable: false,
    member_count: guild.members.size,
    voice_states: [],
    members: options.members.map((member) => renderMember(world, member)),
    channels: [...guild.channelIds].map((id) => renderGuildChannel(world.requireChannel(id))),
    threads: [],
    presences: options.hasPresences
      ? options.members
          .filter((member) => member.presence !== "offline")
          .map((member) => renderPresence(guild.id, member))
      : [],
    stage_instances: [],
    guild_scheduled_events: [],
    soundboard_sounds: [],
  };
}

export function renderReaction(reaction: ReactionState, viewerId: string): APIReaction {
  return {
    emoji: reaction.emoji,
    count: reaction.normal.length + reaction.burst.length,
    count_details: { normal: reaction.normal.length, burst: reaction.burst.length },
    me: reaction.normal.includes(viewerId),
    me_burst: reaction.burst.includes(viewerId),
    burst_colors: reaction.burst.length > 0 ? ["#f4900c"] : [],
  };
}

export function renderAttachment(world: WorldContext, attachmentId: string): APIAttachment | undefined {
  const stored = world.state.attachments.get(attachmentId);
  if (!stored) return undefined;
  const path = `/attachments/${stored.channelId}/${stored.id}/${encodeURIComponent(stored.filename)}`;
  return {
    id: stored.id,
    filename: stored.filename,
    size: stored.data.byteLength,
    url: world.getPublicUrl() + path,
    proxy_url: world.getPublicUrl() + path,
    content_type: stored.contentType,
    ...(stored.description === undefined ? {} : { description: stored.description }),
  };
}

export function renderMessage(world: WorldContext, message: MessageState, viewerId: string): APIMessage {
  const referencedId = message.reference?.message_id;
  const referenced = referencedId === undefined ? undefined : world.state.messages.get(referencedId);
  return {
    id: message.id,
    channel_id: message.channelId,
    type: message.type,
    author: renderUser(world.requireUser(message.authorId)),
    content: message.content,
    embeds: message.embeds,
    components: message.components,
    attachments: message.attachmentIds.flatMap((id) => renderAttachment(world, id) ?? []),
    mentions: message.mentionedUserIds.map((id) => renderUser(world.requireUser(id))),
    mention_roles: message.mentionedRoleIds,
    mention_everyone: message.mentionsEveryone,
    pinned: false,
    tts: message.tts,
    timestamp: toIsoTime(message.timestampMs),
    edited_timestamp: message.editedAtMs === undefined ? null : toIsoTime(message.editedAtMs),
    flags: message.flags,
    ...(message.reactions.length > 0
      ? { reactions: message.reactions.map((reaction) => renderReaction(reaction, viewerId)) }
      : {}),
    ...(message.nonce === undefined ? {} : { nonce: message.nonce }),
    ...(message.interaction === undefined
      ? {}
      : { interaction_metadata: message.interaction, application_id: world.state.application.id }),
    ...(message.interaction === undefined ? {} : { webhook_id: world.state.application.id }),
    ...(message.reference === undefined
      ? {}
      : {
          message_reference: message.reference,
          referenced_message: referenced
            ? renderMessage(world, { ...referenced, reference: undefined }, viewerId)
            : null,
        }),
  };
}
