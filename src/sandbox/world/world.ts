import { GatewayDispatchEvents, type APIMessage } from "discord-api-types/v10";
import type { Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import type { SandboxLimits } from "../limits.ts";
import { computeChannelPermissions, computeGuildPermissions, DIRECT_MESSAGE_PERMISSIONS } from "../permissions.ts";
import { SnowflakeGenerator } from "../snowflake.ts";
import { WorldEvents } from "./events.ts";
import { GuildChanges } from "./guild-changes.ts";
import { MessageChanges } from "./message-changes.ts";
import { ReactionChanges } from "./reaction-changes.ts";
import { renderMessage } from "./render.ts";
import type { ChannelState, GuildState, MemberState, MessageState, UserState, WorldState } from "./state.ts";

export interface WorldOptions {
  readonly state: WorldState;
  readonly clock: Clock;
  readonly limits: SandboxLimits;
  /** Where uploads are served, without a slash at the end; asked when a message is shown, as the port is known late. */
  readonly getPublicUrl: () => string;
}

/** The sandbox's Discord. Every change goes through it and comes out as an event; looking something up changes nothing. */
export class World {
  readonly state: WorldState;
  readonly clock: Clock;
  readonly limits: SandboxLimits;
  readonly events = new WorldEvents();
  readonly snowflakes: SnowflakeGenerator;
  readonly getPublicUrl: () => string;
  readonly #guilds: GuildChanges;
  readonly #messages: MessageChanges;
  readonly #reactions: ReactionChanges;

  constructor(options: WorldOptions) {
    this.state = options.state;
    this.clock = options.clock;
    this.limits = options.limits;
    this.getPublicUrl = options.getPublicUrl;
    this.snowflakes = new SnowflakeGenerator(options.clock);
    this.#guilds = new GuildChanges(this);
    this.#messages = new MessageChanges(this);
    this.#reactions = new ReactionChanges(this);
  }

  get botUserId(): string {
    return this.state.application.botUserId;
  }

  requireUser(userId: string): UserState {
    return this.state.users.get(userId) ?? notFound("user", userId);
  }

  requireGuild(guildId: string): GuildState {
    return this.state.guilds.get(guildId) ?? notFound("guild", guildId);
  }

  requireChannel(channelId: string): ChannelState {
    return this.state.channels.get(channelId) ?? notFound("channel", channelId);
  }

  requireMessage(messageId: string): MessageState {
    return this.state.messages.get(messageId) ?? notFound("message", messageId);
  }

  getMember(guildId: string, userId: string): MemberState | undefined {
    return this.state.guilds.get(guildId)?.members.get(userId);
  }

  requireMember(guildId: string, userId: string): MemberState {
    return this.getMember(guildId, userId) ?? notFound(`member of guild ${guildId}`, userId);
  }

  /** Guild-wide permissions; none for someone who is not a member. */
  guildPermissionsOf(userId: string, guildId: string): bigint {
    const guild = this.state.guilds.get(guildId);
    const member = guild?.members.get(userId);
    return guild && member ? computeGuildPermissions(guild, member) : 0n;
  }

  /** Permissions in a channel; none for someone who is not in its guild or direct channel. */
  permissionsOf(userId: string, channelId: string): bigint {
    const channel = this.state.channels.get(channelId);
    if (!channel) return 0n;
    if (channel.guildId === undefined) {
      const isPartner = userId === channel.recipientId || userId === this.botUserId;
      return isPartner ? DIRECT_MESSAGE_PERMISSIONS : 0n;
    }
    const guild = this.state.guilds.get(channel.guildId);
    const member = guild?.members.get(userId);
    return guild && member ? computeChannelPermissions(guild, member, channel) : 0n;
  }

  /** Oldest first, as `viewerId` sees them (default: the bot). Ephemeral messages show only to their person. */
  messages(channelId: string, viewerId: string = this.botUserId): APIMessage[] {
    const shown = this.requireChannel(channelId).messageIds.map((id) => this.requireMessage(id));
    for (const message of this.state.messages.values()) {
      if (message.channelId === channelId && message.ephemeralFor === viewerId) shown.push(message);
    }
    shown.sort((a, b) => a.timestampMs - b.timestampMs || Number(BigInt(a.id) - BigInt(b.id)));
    return shown.map((message) => renderMessage(this, message, viewerId));
  }

  setPrivilegedIntents(intents: Partial<WorldState["application"]["privilegedIntents"]>): void {
    Object.assign(this.state.application.privilegedIntents, intents);
  }

  blockDirectMessages(userId: string, isBlocked = true): void {
    if (isBlocked) this.state.dmBlockers.add(userId);
    else this.state.dmBlockers.delete(userId);
  }

  startTyping(channelId: string, userId: string): void {
    const { guildId } = this.requireChannel(channelId);
    this.events.emit(
      GatewayDispatchEvents.TypingStart,
      {
        channel_id: channelId,
        user_id: userId,
        timestamp: Math.floor(this.clock.now() / 1_000),
        ...(guildId === undefined ? {} : { guild_id: guildId }),
      },
      { guildId, channelId, userId },
    );
  }

  addUser: GuildChanges["addUser"] = (...args) => this.#guilds.addUser(...args);
  addGuild: GuildChanges["addGuild"] = (...args) => this.#guilds.addGuild(...args);
  removeGuild: GuildChanges["removeGuild"] = (...args) => this.#guilds.removeGuild(...args);
  addMember: GuildChanges["addMember"] = (...args) => this.#guilds.addMember(...args);
  removeMember: GuildChanges["removeMember"] = (...args) => this.#guilds.removeMember(...args);
  updateMember: GuildChanges["updateMember"] = (...args) => this.#guilds.updateMember(...args);
  addRole: GuildChanges["addRole"] = (...args) => this.#guilds.addRole(...args);
  updateRole: GuildChanges["updateRole"] = (...args) => this.#guilds.updateRole(...args);
  deleteRole: GuildChanges["deleteRole"] = (...args) => this.#guilds.deleteRole(...args);
  giveRole: GuildChanges["giveRole"] = (...args) => this.#guilds.giveRole(...args);
  takeRole: GuildChanges["takeRole"] = (...args) => this.#guilds.takeRole(...args);
  createChannel: GuildChanges["createChannel"] = (...args) => this.#guilds.createChannel(...args);
  deleteChannel: GuildChanges["deleteChannel"] = (...args) => this.#guilds.deleteChannel(...args);
  setOverwrite: GuildChanges["setOverwrite"] = (...args) => this.#guilds.setOverwrite(...args);
  addEmoji: GuildChanges["addEmoji"] = (...args) => this.#guilds.addEmoji(...args);
  openDirectChannel: GuildChanges["openDirectChannel"] = (...args) => this.#guilds.openDirectChannel(...args);

  createMessage: MessageChanges["createMessage"] = (...args) => this.#messages.createMessage(...args);
  editMessage: MessageChanges["editMessage"] = (...args) => this.#messages.editMessage(...args);
  deleteMessage: MessageChanges["deleteMessage"] = (...args) => this.#messages.deleteMessage(...args);
  deleteMessages: MessageChanges["deleteMessages"] = (...args) => this.#messages.deleteMessages(...args);
  storeAttachment: MessageChanges["storeAttachment"] = (...args) => this.#messages.storeAttachment(...args);

  addReaction: ReactionChanges["addReaction"] = (...args) => this.#reactions.addReaction(...args);
  removeReaction: ReactionChanges["removeReaction"] = (...args) => this.#reactions.removeReaction(...args);
  removeAllReactions: ReactionChanges["removeAllReactions"] = (...args) => this.#reactions.removeAllReactions(...args);
  removeReactionsOfEmoji: ReactionChanges["removeReactionsOfEmoji"] = (...args) =>
    this.#reactions.removeReactionsOfEmoji(...args);
}

function notFound(what: string, id: string): never {
  throw new MusterError("NOT_FOUND", `the sandbox has no ${what} ${id}`);
}
