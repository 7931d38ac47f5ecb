import { PermissionFlagsBits, type GuildMember } from "discord.js";
import type { EventRecord } from "../../../store/events.ts";
import { Refusal, type ButtonContext, type CommandContext } from "../../command.ts";
import { escapeInline, truncate } from "../../input/escape.ts";

/** Who may see and change which event, and which event is meant. */

type EventContext = Pick<CommandContext | ButtonContext, "services" | "guildId" | "member">;

/** As many as a search returns: then an exact title may have been among those left out. */
const SEARCH_LIMIT = 25;
const MAX_TITLE_LENGTH = 100;

export function isModerator(member: GuildMember): boolean {
  return member.permissions.has(PermissionFlagsBits.ManageEvents);
}

export function canManage(member: GuildMember, event: Pick<EventRecord, "creatorId">): boolean {
  return event.creatorId === member.id || isModerator(member);
}

/** Whoever sees the channel sees its events; those who may change an event see it even when the channel is gone. */
export function canSee(member: GuildMember, event: Pick<EventRecord, "creatorId" | "channelId">): boolean {
  if (canManage(member, event)) return true;
  const channel = member.guild.channels.cache.get(event.channelId);
  return channel?.permissionsFor(member).has(PermissionFlagsBits.ViewChannel) ?? false;
}

/** The event that an id, in any case, or a title stands for. Throws a Refusal when there is none, or none that the member may see. */
export async function requireEvent(context: EventContext, text: string): Promise<EventRecord> {
  const { refusals } = context.services.texts.events;
  const wanted = text.trim();
  const byId = await findById(context, wanted);
  if (byId) return byId;
  const matches = await findByTitle(context, wanted);
  if (matches.length === 1) return matches[0]!;
  throw new Refusal(
    matches.length === 0
      ? refusals.eventNotFound
      : refusals.eventAmbiguous(escapeInline(truncate(wanted, MAX_TITLE_LENGTH))),
  );
}

/** As `requireEvent`, for those who may change it. */
export async function requireManagedEvent(context: EventContext, text: string): Promise<EventRecord> {
  const event = await requireEvent(context, text);
  if (!canManage(context.member, event)) throw new Refusal(context.services.texts.events.refusals.notYourEvent);
  return event;
}

async function findById({ services, guildId, member }: EventContext, text: string): Promise<EventRecord | undefined> {
  const id = text.toUpperCase();
  if (!/^[0-9A-Z]{26}$/.test(id)) return undefined;
  const event = await services.store.events.find({ guildId, id });
  return event && canSee(member, event) ? event : undefined;
}

async function findByTitle({ services, guildId, member }: EventContext, title: string): Promise<EventRecord[]> {
  if (title === "" || title.length > MAX_TITLE_LENGTH) return [];
  const { events } = services.store;
  const hits = await events.search({ guildId, text: title, limit: SEARCH_LIMIT });
  const found = await Promise.all(
    hits.filter((hit) => hit.title === title).map(({ id }) => events.find({ guildId, id })),
  );
  return found.filter((event) => event !== null).filter((event) => canSee(member, event));
}
