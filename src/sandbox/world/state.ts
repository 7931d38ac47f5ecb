import type {
  APIEmbed,
  APIMessageInteractionMetadata,
  APIMessageReference,
  APIMessageTopLevelComponent,
  APIOverwrite,
  APIRole,
  ChannelType,
  MessageType,
} from "discord-api-types/v10";

/** What the sandbox's Discord knows, as plain data. Ids are strings; moments are epoch milliseconds. */
export interface WorldState {
  readonly application: ApplicationState;
  readonly users: Map<string, UserState>;
  readonly guilds: Map<string, GuildState>;
  readonly channels: Map<string, ChannelState>;
  /** Every message, also the ephemeral ones, which no channel lists. */
  readonly messages: Map<string, MessageState>;
  readonly attachments: Map<string, StoredAttachment>;
  /** User id → id of the channel between that person and the bot. */
  readonly directChannels: Map<string, string>;
  readonly dmBlockers: Set<string>;
}

export interface ApplicationState {
  readonly id: string;
  readonly name: string;
  readonly botUserId: string;
  readonly botToken: string;
  /** The switches of the developer portal. Identifying with one that is off is refused with close code 4014. */
  readonly privilegedIntents: { guildMembers: boolean; messageContent: boolean; presences: boolean };
}

export interface UserState {
  readonly id: string;
  username: string;
  globalName: string | null;
  readonly isBot: boolean;
}

export type PresenceStatus = "online" | "idle" | "dnd" | "offline";

export interface MemberState {
  readonly userId: string;
  nick: string | null;
  readonly roleIds: Set<string>;
  readonly joinedAtMs: number;
  presence: PresenceStatus;
}

export interface EmojiState {
  readonly id: string;
  readonly name: string;
  readonly isAnimated: boolean;
}

export interface GuildState {
  readonly id: string;
  name: string;
  ownerId: string;
  readonly roles: Map<string, APIRole>;
  readonly members: Map<string, MemberState>;
  readonly channelIds: Set<string>;
  readonly emojis: Map<string, EmojiState>;
}

export interface ChannelState {
  readonly id: string;
  readonly type: ChannelType.GuildText | ChannelType.GuildAnnouncement | ChannelType.GuildVoice | ChannelType.DM;
  readonly guildId: string | undefined;
  /** The person at the other end of a direct channel. */
  readonly recipientId: string | undefined;
  name: string;
  topic: string | null;
  readonly position: number;
  readonly overwrites: Map<string, APIOverwrite>;
  /** Oldest first. */
  readonly messageIds: string[];
}

export interface ReactionEmoji {
  readonly id: string | null;
  readonly name: string;
  readonly animated?: boolean;
}

export interface ReactionState {
  readonly emoji: ReactionEmoji;
  /** User ids in the order in which they reacted. */
  readonly normal: string[];
  readonly burst: string[];
}

export interface StoredAttachment {
  readonly id: string;
  readonly channelId: string;
  readonly filename: string;
  readonly contentType: string;
  readonly description: string | undefined;
  readonly data: Uint8Array;
}

export interface MessageState {
  readonly id: string;
  readonly channelId: string;
  readonly guildId: string | undefined;
  readonly authorId: string;
  readonly type: MessageType;
  readonly timestampMs: number;
  readonly reference: APIMessageReference | undefined;
  readonly nonce: string | number | undefined;
  readonly interaction: APIMessageInteractionMetadata | undefined;
  /** Only this person sees the message. */
  readonly ephemeralFor: string | undefined;
  readonly tts: boolean;
  editedAtMs: number | undefined;
  /** When it was edited after its first hour: such edits are few. */
  readonly lateEditsAtMs: number[];
  content: string;
  embeds: APIEmbed[];
  components: APIMessageTopLevelComponent[];
  attachmentIds: string[];
  flags: number;
  mentionedUserIds: string[];
  mentionedRoleIds: string[];
  mentionsEveryone: boolean;
  readonly reactions: ReactionState[];
}
