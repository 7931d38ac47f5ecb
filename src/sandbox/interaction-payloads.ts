import {
  InteractionContextType,
  Locale,
  type APIBaseInteraction,
  type APIInteractionDataResolved,
  type APIInteractionDataResolvedGuildMember,
  type InteractionType,
} from "discord-api-types/v10";
import { MusterError } from "../core/errors.ts";
import { renderAttachment, renderBareMember, renderChannel, renderMember, renderUser } from "./world/render.ts";
import type { World } from "./world/world.ts";

const ATTACHMENT_SIZE_LIMIT = 10 * 1024 * 1024;

export interface InteractionPlace {
  readonly userId: string;
  readonly channelId: string;
  readonly guildId: string | undefined;
}

/** What every interaction says about who acts, where, and what they and the bot may do there. */
export function describePlace(
  world: World,
  place: InteractionPlace,
): Omit<APIBaseInteraction<InteractionType, never>, "id" | "token" | "type" | "data" | "message"> {
  const channel = world.requireChannel(place.channelId);
  const shared = {
    application_id: world.state.application.id,
    channel_id: channel.id,
    channel: renderChannel(world, channel),
    version: 1 as const,
    locale: Locale.EnglishUS,
    entitlements: [],
    attachment_size_limit: ATTACHMENT_SIZE_LIMIT,
    app_permissions: world.permissionsOf(world.botUserId, channel.id).toString(),
  };
  if (place.guildId === undefined) {
    return {
      ...shared,
      user: renderUser(world.requireUser(place.userId)),
      context: InteractionContextType.BotDM,
      authorizing_integration_owners: { 0: "0" },
    };
  }
  const member = world.requireMember(place.guildId, place.userId);
  return {
    ...shared,
    guild_id: place.guildId,
    guild: { id: place.guildId, features: [], locale: Locale.EnglishUS },
    guild_locale: Locale.EnglishUS,
    member: {
      ...renderMember(world, member),
      permissions: world.permissionsOf(place.userId, channel.id).toString(),
    },
    context: InteractionContextType.Guild,
    authorizing_integration_owners: { 0: place.guildId },
  };
}

/** Gathers what the ids in an interaction's options or values stand for. */
export class ResolvedEntities {
  readonly #world: World;
  readonly #place: InteractionPlace;
  readonly #resolved: APIInteractionDataResolved = {};

  constructor(world: World, place: InteractionPlace) {
    this.#world = world;
    this.#place = place;
  }

  /** Undefined when nothing was gathered: Discord leaves the field out then. */
  get value(): APIInteractionDataResolved | undefined {
    return Object.keys(this.#resolved).length > 0 ? this.#resolved : undefined;
  }

  addUser(userId: string): void {
    (this.#resolved.users ??= {})[userId] = renderUser(this.#world.requireUser(userId));
    const { guildId, channelId } = this.#place;
    const member = guildId === undefined ? undefined : this.#world.getMember(guildId, userId);
    if (!member) return;
    const bare: APIInteractionDataResolvedGuildMember = {
      ...renderBareMember(member),
      permissions: this.#world.permissionsOf(userId, channelId).toString(),
    };
    (this.#resolved.members ??= {})[userId] = bare;
  }

  addRole(roleId: string): void {
    const { guildId } = this.#place;
    const role = guildId === undefined ? undefined : this.#world.requireGuild(guildId).roles.get(roleId);
    if (!role) throw new MusterError("NOT_FOUND", `there is no role ${roleId} here`);
    (this.#resolved.roles ??= {})[roleId] = role;
  }

  addChannel(channelId: string): void {
    const channel = this.#world.requireChannel(channelId);
    if (channel.guildId === undefined || channel.guildId !== this.#place.guildId) {
      throw new MusterError("NOT_FOUND", `there is no channel ${channelId} here`);
    }
    (this.#resolved.channels ??= {})[channelId] = {
      id: channel.id,
      type: channel.type,
      name: channel.name,
      permissions: this.#world.permissionsOf(this.#place.userId, channelId).toString(),
      app_permissions: this.#world.permissionsOf(this.#world.botUserId, channelId).toString(),
    };
  }

  addMentionable(id: string): void {
    if (this.#world.state.users.has(id)) this.addUser(id);
    else this.addRole(id);
  }

  addAttachment(attachmentId: string): void {
    const attachment = renderAttachment(this.#world, attachmentId);
    if (attachment) (this.#resolved.attachments ??= {})[attachmentId] = attachment;
  }
}
