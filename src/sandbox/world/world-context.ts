import type { Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import type { SandboxLimits } from "../limits.ts";
import { computeChannelPermissions, computeGuildPermissions, DIRECT_MESSAGE_PERMISSIONS } from "../permissions.ts";
import { SnowflakeGenerator } from "../snowflake.ts";
import { WorldEvents } from "./events.ts";
import type { ChannelState, GuildState, MemberState, MessageState, UserState, WorldState } from "./state.ts";

export interface WorldOptions {
  readonly state: WorldState;
  readonly clock: Clock;
  readonly limits: SandboxLimits;
  /** Where uploads are served, without a slash at the end; asked when a message is shown, as the port is known late. */
  readonly getPublicUrl: () => string;
}

/** What the parts of the world share: its state, its events, and ways to look things up. */
export class WorldContext {
  readonly state: WorldState;
  readonly clock: Clock;
  readonly limits: SandboxLimits;
  readonly events = new WorldEvents();
  readonly snowflakes: SnowflakeGenerator;
  readonly getPublicUrl: () => string;

  constructor(options: WorldOptions) {
    this.state = options.state;
    this.clock = options.clock;
    this.limits = options.limits;
    this.getPublicUrl = options.getPublicUrl;
    this.snowflakes = new SnowflakeGenerator(options.clock);
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
}

function notFound(what: string, id: string): never {
  throw new MusterError("NOT_FOUND", `the sandbox has no ${what} ${id}`);
}
