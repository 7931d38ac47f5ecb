import {
  ChannelType,
  GatewayDispatchEvents,
  OverwriteType,
  type APIOverwrite,
  type APIRole,
  type GatewayGuildMemberUpdateDispatchData,
} from "discord-api-types/v10";
import { MusterError } from "../../core/errors.ts";
import { DEFAULT_EVERYONE_PERMISSIONS } from "../permissions.ts";
import { renderEmoji, renderGuildChannel, renderGuildCreate, renderMember, renderUser } from "./render.ts";
import type { ChannelState, EmojiState, GuildState, MemberState, PresenceStatus, UserState } from "./state.ts";
import type { WorldContext } from "./world-context.ts";

export interface NewUser {
  readonly id?: string;
  readonly username: string;
  readonly globalName?: string;
  readonly isBot?: boolean;
}

export interface NewGuild {
  readonly id?: string;
  readonly name: string;
  readonly ownerId: string;
  readonly everyonePermissions?: bigint;
  /** Permissions of the bot's own role; undefined leaves the bot outside. */
  readonly botPermissions?: bigint;
}

export interface NewMember {
  readonly roleIds?: readonly string[];
  readonly nick?: string | null;
  readonly joinedAtMs?: number;
  readonly presence?: PresenceStatus;
}

export interface NewRole {
  readonly id?: string;
  readonly name: string;
  readonly permissions?: bigint;
  readonly isMentionable?: boolean;
  readonly isManaged?: boolean;
}

export interface NewChannel {
  readonly id?: string;
  readonly name: string;
  readonly type?: ChannelType.GuildText | ChannelType.GuildAnnouncement | ChannelType.GuildVoice;
  readonly topic?: string;
  readonly overwrites?: readonly APIOverwrite[];
}

/** Changes to users, guilds, members, roles and channels. */
export class GuildChanges {
  readonly #world: WorldContext;

  constructor(world: WorldContext) {
    this.#world = world;
  }

  addUser(user: NewUser): UserState {
    const id = user.id ?? this.#world.snowflakes.next();
    const added: UserState = {
      id,
      username: user.username,
      globalName: user.globalName ?? null,
      isBot: user.isBot ?? false,
    };
    this.#world.state.users.set(id, added);
    return added;
  }

  /** Makes a guild with its everyone role and owner; with `botPermissions`, the bot joins it too. */
  addGuild(guild: NewGuild): GuildState {
    const id = guild.id ?? this.#world.snowflakes.next();
    const nowMs = this.#world.clock.now();
    const added: GuildState = {
      id,
      name: guild.name,
      ownerId: guild.ownerId,
      roles: new Map(),
      members: new Map(),
      channelIds: new Set(),
      emojis: new Map(),
    };
    const everyone = createRole(
      id,
      { name: "@everyone" },
      0,
      guild.everyonePermissions ?? DEFAULT_EVERYONE_PERMISSIONS,
    );
    added.roles.set(id, everyone);
    added.members.set(guild.ownerId, createMember(guild.ownerId, {}, nowMs));
    this.#world.state.guilds.set(id, added);
    if (guild.botPermissions !== undefined) this.addBot(id, guild.botPermissions);
    return added;
  }

  /** The bot is invited: it gets a role of its own, and hears of the guild. */
  addBot(guildId: string, permissions: bigint): void {
    const guild = this.#world.requireGuild(guildId);
    const { botUserId, name } = this.#world.state.application;
    const role = createRole(this.#world.snowflakes.next(), { name, isManaged: true }, guild.roles.size, permissions);
    role.tags = { bot_id: botUserId };
    guild.roles.set(role.id, role);
    const bot = createMember(botUserId, { roleIds: [role.id], presence: "online" }, this.#world.clock.now());
    guild.members.set(botUserId, bot);
    this.#announceGuild(guild, bot);
  }

  /** The bot is removed from the guild; the guild itself goes on without it. */
  removeGuild(guildId: string): void {
    const guild = this.#world.requireGuild(guildId);
    guild.members.delete(this.#world.botUserId);
    this.#world.events.emit(GatewayDispatchEvents.GuildDelete, { id: guildId }, { guildId });
  }

  /** Discord loses the guild for a while; when it is back, the bot is told all of it again. */
  setGuildOutage(guildId: string, isOut: boolean): void {
    const guild = this.#world.requireGuild(guildId);
    if (isOut) {
      this.#world.events.emit(GatewayDispatchEvents.GuildDelete, { id: guildId, unavailable: true }, { guildId });
      return;
    }
    const bot = this.#world.requireMember(guildId, this.#world.botUserId);
    this.#announceGuild(guild, bot);
  }

  addMember(guildId: string, userId: string, member: NewMember = {}): MemberState {
    const guild = this.#world.requireGuild(guildId);
    this.#world.requireUser(userId);
    const added = createMember(userId, member, this.#world.clock.now());
    guild.members.set(userId, added);
    this.#world.events.emit(
      GatewayDispatchEvents.GuildMemberAdd,
      { ...renderMember(this.#world, added), guild_id: guildId },
      { guildId, userId },
    );
    return added;
  }

  removeMember(guildId: string, userId: string): void {
    this.#world.requireMember(guildId, userId);
    if (userId === this.#world.botUserId) return this.removeGuild(guildId);
    this.#world.requireGuild(guildId).members.delete(userId);
    this.#world.events.emit(
      GatewayDispatchEvents.GuildMemberRemove,
      { guild_id: guildId, user: renderUser(this.#world.requireUser(userId)) },
      { guildId, userId },
    );
  }

  updateMember(guildId: string, userId: string, change: Pick<NewMember, "nick" | "roleIds">): void {
    const member = this.#world.requireMember(guildId, userId);
    for (const roleId of change.roleIds ?? []) this.#requireRole(guildId, roleId);
    if (change.nick !== undefined) member.nick = change.nick;
    if (change.roleIds !== undefined) {
      member.roleIds.clear();
      for (const roleId of change.roleIds) member.roleIds.add(roleId);
    }
    this.#announceMember(guildId, member);
  }

  giveRole(guildId: string, userId: string, roleId: string): void {
    this.#requireRole(guildId, roleId);
    const member = this.#world.requireMember(guildId, userId);
    if (member.roleIds.has(roleId)) return;
    member.roleIds.add(roleId);
    this.#announceMember(guildId, member);
  }

  takeRole(guildId: string, userId: string, roleId: string): void {
    const member = this.#world.requireMember(guildId, userId);
    if (member.roleIds.delete(roleId)) this.#announceMember(guildId, member);
  }

  addRole(guildId: string, role: NewRole): APIRole {
    const guild = this.#world.requireGuild(guildId);
    const added = createRole(role.id ?? this.#world.snowflakes.next(), role, guild.roles.size, role.permissions ?? 0n);
    guild.roles.set(added.id, added);
    this.#world.events.emit(GatewayDispatchEvents.GuildRoleCreate, { guild_id: guildId, role: added }, { guildId });
    return added;
  }

  updateRole(guildId: string, roleId: string, change: Partial<Omit<NewRole, "id">>): APIRole {
    const role = this.#requireRole(guildId, roleId);
    const updated: APIRole = {
      ...role,
      name: change.name ?? role.name,
      permissions: (change.permissions ?? role.permissions).toString(),
      mentionable: change.isMentionable ?? role.mentionable,
    };
    this.#world.requireGuild(guildId).roles.set(roleId, updated);
    this.#world.events.emit(GatewayDispatchEvents.GuildRoleUpdate, { guild_id: guildId, role: updated }, { guildId });
    return updated;
  }

  /** Members lose the role without an event of their own, as on Discord. */
  deleteRole(guildId: string, roleId: string): void {
    this.#requireRole(guildId, roleId);
    const guild = this.#world.requireGuild(guildId);
    guild.roles.delete(roleId);
    for (const member of guild.members.values()) member.roleIds.delete(roleId);
    this.#world.events.emit(GatewayDispatchEvents.GuildRoleDelete, { guild_id: guildId, role_id: roleId }, { guildId });
  }

  createChannel(guildId: string, channel: NewChannel): ChannelState {
    const guild = this.#world.requireGuild(guildId);
    const added: ChannelState = {
      id: channel.id ?? this.#world.snowflakes.next(),
      type: channel.type ?? ChannelType.GuildText,
      guildId,
      recipientId: undefined,
      name: channel.name,
      topic: channel.topic ?? null,
      position: guild.channelIds.size,
      overwrites: new Map((channel.overwrites ?? []).map((overwrite) => [overwrite.id, overwrite])),
      messageIds: [],
    };
    this.#world.state.channels.set(added.id, added);
    guild.channelIds.add(added.id);
    this.#world.events.emit(GatewayDispatchEvents.ChannelCreate, renderGuildChannel(added) as never, {
      guildId,
      channelId: added.id,
    });
    return added;
  }

  deleteChannel(channelId: string): void {
    const channel = this.#world.requireChannel(channelId);
    if (channel.guildId === undefined) throw new MusterError("CONFLICT", "a direct channel cannot be deleted");
    const { guildId } = channel;
    this.#world.requireGuild(guildId).channelIds.delete(channelId);
    this.#world.state.channels.delete(channelId);
    for (const [id, message] of this.#world.state.messages) {
      if (message.channelId === channelId) this.#world.state.messages.delete(id);
    }
    this.#world.events.emit(GatewayDispatchEvents.ChannelDelete, renderGuildChannel(channel) as never, {
      guildId,
      channelId,
    });
  }

  /** Allows and denies for a role or a member in a channel; both zero removes the overwrite. */
  setOverwrite(channelId: string, targetId: string, bits: { readonly allow?: bigint; readonly deny?: bigint }): void {
    const channel = this.#world.requireChannel(channelId);
    const { guildId } = channel;
    if (guildId === undefined) throw new MusterError("CONFLICT", "a direct channel has no overwrites");
    const allow = bits.allow ?? 0n;
    const deny = bits.deny ?? 0n;
    const isRole = this.#world.requireGuild(guildId).roles.has(targetId);
    if (allow === 0n && deny === 0n) channel.overwrites.delete(targetId);
    else {
      channel.overwrites.set(targetId, {
        id: targetId,
        type: isRole ? OverwriteType.Role : OverwriteType.Member,
        allow: allow.toString(),
        deny: deny.toString(),
      });
    }
    this.#world.events.emit(GatewayDispatchEvents.ChannelUpdate, renderGuildChannel(channel) as never, {
      guildId,
      channelId,
    });
  }

  addEmoji(guildId: string, name: string, isAnimated = false): EmojiState {
    const guild = this.#world.requireGuild(guildId);
    const emoji: EmojiState = { id: this.#world.snowflakes.next(), name, isAnimated };
    guild.emojis.set(emoji.id, emoji);
    this.#world.events.emit(
      GatewayDispatchEvents.GuildEmojisUpdate,
      { guild_id: guildId, emojis: [...guild.emojis.values()].map(renderEmoji) },
      { guildId },
    );
    return emoji;
  }

  /** The channel between a person and the bot; always the same one. */
  openDirectChannel(userId: string): ChannelState {
    this.#world.requireUser(userId);
    const knownId = this.#world.state.directChannels.get(userId);
    if (knownId !== undefined) return this.#world.requireChannel(knownId);
    const channel: ChannelState = {
      id: this.#world.snowflakes.next(),
      type: ChannelType.DM,
      guildId: undefined,
      recipientId: userId,
      name: "",
      topic: null,
      position: 0,
      overwrites: new Map(),
      messageIds: [],
    };
    this.#world.state.channels.set(channel.id, channel);
    this.#world.state.directChannels.set(userId, channel.id);
    return channel;
  }

  #requireRole(guildId: string, roleId: string): APIRole {
    const role = this.#world.requireGuild(guildId).roles.get(roleId);
    if (!role) throw new MusterError("NOT_FOUND", `the sandbox has no role ${roleId} in guild ${guildId}`);
    return role;
  }

  #announceGuild(guild: GuildState, bot: MemberState): void {
    this.#world.events.emit(
      GatewayDispatchEvents.GuildCreate,
      renderGuildCreate(this.#world, guild, { members: [bot], isLarge: guild.members.size > 50, hasPresences: false }),
      { guildId: guild.id },
    );
  }

  #announceMember(guildId: string, member: MemberState): void {
    this.#world.events.emit(
      GatewayDispatchEvents.GuildMemberUpdate,
      { ...renderMember(this.#world, member), guild_id: guildId } as GatewayGuildMemberUpdateDispatchData,
      { guildId, userId: member.userId },
    );
  }
}

function createMember(userId: string, member: NewMember, nowMs: number): MemberState {
  return {
    userId,
    nick: member.nick ?? null,
    roleIds: new Set(member.roleIds ?? []),
    joinedAtMs: member.joinedAtMs ?? nowMs,
    presence: member.presence ?? "offline",
  };
}

function createRole(id: string, role: NewRole, position: number, permissions: bigint): APIRole {
  return {
    id,
    name: role.name,
    color: 0,
    colors: { primary_color: 0, secondary_color: null, tertiary_color: null },
    hoist: false,
    icon: null,
    unicode_emoji: null,
    position,
    permissions: permissions.toString(),
    managed: role.isManaged ?? false,
    mentionable: role.isMentionable ?? false,
    flags: 0 as APIRole["flags"],
  };
}
