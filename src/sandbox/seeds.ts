import { PermissionFlagsBits as Permission } from "discord-api-types/v10";
import { createSnowflake } from "./snowflake.ts";
import type { PresenceStatus } from "./world/state.ts";

/** What a world begins with: plain data, so that a file or a request can carry it. Permissions are decimal strings. */
export interface WorldSeed {
  readonly application?: {
    readonly name?: string;
    readonly privilegedIntents?: { guildMembers?: boolean; messageContent?: boolean; presences?: boolean };
  };
  readonly users: readonly {
    readonly id: string;
    readonly username: string;
    readonly globalName?: string;
    readonly isBot?: boolean;
  }[];
  readonly guilds: readonly SeedGuild[];
}

export interface SeedChannel {
  readonly id: string;
  readonly name: string;
  readonly topic?: string;
  /** Only they see it, the owner and administrators; absent = everyone does. */
  readonly seenByRoleIds?: readonly string[];
  /** Oldest first. */
  readonly messages?: readonly SeedMessage[];
}

export interface SeedMessage {
  readonly authorId: string;
  readonly content: string;
  /** Emoji → who reacted with it. */
  readonly reactions?: Readonly<Record<string, readonly string[]>>;
}

export interface SeedGuild {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly everyonePermissions?: string;
  /** The bot's own role; absent = the bot is not in the guild. */
  readonly botPermissions?: string;
  readonly roles: readonly { readonly id: string; readonly name: string; readonly permissions?: string }[];
  readonly channels: readonly SeedChannel[];
  readonly members: readonly {
    readonly userId: string;
    readonly roleIds?: readonly string[];
    readonly nick?: string;
    readonly presence?: PresenceStatus;
  }[];
}

/** The ids of a ready-made server, for tests and examples. */
export interface ServerIds {
  readonly guildId: string;
  readonly ownerId: string;
  readonly moderatorId: string;
  readonly memberIds: readonly string[];
  readonly moderatorsRoleId: string;
  readonly crewRoleId: string;
  readonly rollCallsChannelId: string;
  readonly generalChannelId: string;
}

export interface ServerSeed extends WorldSeed {
  readonly ids: ServerIds;
}

/** Seeds always have the same ids, as if made on this day. */
const SEED_TIME_MS = Date.UTC(2024, 0, 1);
const BOT_PERMISSIONS =
  Permission.ViewChannel |
  Permission.SendMessages |
  Permission.EmbedLinks |
  Permission.AttachFiles |
  Permission.AddReactions |
  Permission.ReadMessageHistory |
  Permission.ManageMessages |
  Permission.MentionEveryone |
  Permission.UseExternalEmojis;
const MODERATOR_PERMISSIONS = Permission.ManageEvents | Permission.ModerateMembers | Permission.ManageGuild;

/** One guild with an owner, a moderator and six members: enough to try everything by hand. */
export function smallServer(): ServerSeed {
  return createServer({ memberCount: 6, isCrew: (index) => index < 4 });
}

/** One guild with `memberCount` plain members beside owner and moderator; every second one is in the crew. */
export function largeServer(options: { readonly memberCount: number }): ServerSeed {
  return createServer({ memberCount: options.memberCount, isCrew: (index) => index % 2 === 0 });
}

function createServer(options: {
  readonly memberCount: number;
  readonly isCrew: (index: number) => boolean;
}): ServerSeed {
  const id = (offsetMs: number): string => createSnowflake(SEED_TIME_MS + offsetMs);
  const ids: ServerIds = {
    guildId: id(0),
    ownerId: id(1),
    moderatorId: id(2),
    moderatorsRoleId: id(3),
    crewRoleId: id(4),
    rollCallsChannelId: id(5),
    generalChannelId: id(6),
    memberIds: Array.from({ length: options.memberCount }, (_, index) => id(1_000 + index)),
  };
  return {
    ids,
    users: [
      { id: ids.ownerId, username: "owner", globalName: "Owner" },
      { id: ids.moderatorId, username: "moderator", globalName: "Moderator" },
      ...ids.memberIds.map((userId, index) => ({
        id: userId,
        username: `member${index + 1}`,
        globalName: `Member ${index + 1}`,
      })),
    ],
    guilds: [
      {
        id: ids.guildId,
        name: "Muster sandbox",
        ownerId: ids.ownerId,
        botPermissions: BOT_PERMISSIONS.toString(),
        roles: [
          { id: ids.moderatorsRoleId, name: "Moderators", permissions: MODERATOR_PERMISSIONS.toString() },
          { id: ids.crewRoleId, name: "Crew" },
        ],
        channels: [
          { id: ids.rollCallsChannelId, name: "roll-calls" },
          { id: ids.generalChannelId, name: "general" },
        ],
        members: [
          { userId: ids.moderatorId, roleIds: [ids.moderatorsRoleId] },
          ...ids.memberIds.map((userId, index) => ({
            userId,
            roleIds: options.isCrew(index) ? [ids.crewRoleId] : [],
          })),
        ],
      },
    ],
  };
}
