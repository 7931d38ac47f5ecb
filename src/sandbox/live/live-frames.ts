import type { APIApplicationCommand, APIEmoji, APIMessage, APIRole, APIUser } from "discord-api-types/v10";
import type { PresenceStatus } from "../world/state.ts";

/** What goes over `/sandbox/live`, from the sandbox to a page that shows what one person sees. Moments are epoch ms. */
export type LiveFrame =
  | ({ readonly op: "hello" } & Snapshot)
  | { readonly op: "dispatch"; readonly t: string; readonly d: object }
  | { readonly op: "bot"; readonly bot: BotStatus }
  | { readonly op: "clock"; readonly clock: ClockStatus }
  | ({ readonly op: "chaos" } & Record<string, unknown>);

/** All that one person sees at a moment. A new one follows whenever guilds, channels, roles, people or commands change. */
export interface Snapshot {
  readonly userId: string;
  readonly botUserId: string;
  readonly people: readonly Person[];
  readonly users: readonly APIUser[];
  readonly guilds: readonly SeenGuild[];
  /** The global commands; a guild's own stand there. */
  readonly commands: readonly APIApplicationCommand[];
  /** The channel between this person and the bot. */
  readonly directChannelId: string;
  /** By channel, oldest first, the newest of each. */
  readonly messages: Readonly<Record<string, readonly APIMessage[]>>;
  readonly bot: BotStatus;
  readonly clock: ClockStatus;
}

/** Somebody to be. */
export interface Person {
  readonly id: string;
  readonly role: "owner" | "moderator" | "member";
}

export interface SeenGuild {
  readonly id: string;
  readonly name: string;
  readonly ownerId: string;
  readonly roles: readonly APIRole[];
  readonly emojis: readonly APIEmoji[];
  readonly channels: readonly SeenChannel[];
  readonly members: readonly SeenMember[];
  readonly commands: readonly APIApplicationCommand[];
}

export interface SeenChannel {
  readonly id: string;
  readonly type: number;
  readonly name: string;
  readonly topic: string | null;
  /** What the person may do there, as decimal text. */
  readonly permissions: string;
  /** Not for everyone. */
  readonly isPrivate: boolean;
}

export interface SeenMember {
  readonly userId: string;
  readonly nick: string | null;
  readonly roleIds: readonly string[];
  readonly presence: PresenceStatus;
}

/** What whoever runs the bot says of it; the sandbox only knows whether it is connected. */
export interface BotDescription {
  readonly state: string;
  readonly reason?: string;
  readonly queueSize: number;
  readonly monitorUrl?: string;
}

export interface BotStatus extends Partial<BotDescription> {
  readonly isConnected: boolean;
}

export interface ClockStatus {
  readonly nowMs: number;
  /** How many times faster than real time it runs. */
  readonly rate: number;
}
