import { messageLink } from "discord.js";
import type { EventRecord } from "../../../store/events.ts";
import { escapeWithin } from "../../events/embed-limits.ts";

/** In lists of ten, so that even titles full of characters to escape leave room for the others. */
const MAX_TITLE_LENGTH = 150;

/** An event's title and link as lines of text show them. */
export function describeEvent(event: Pick<EventRecord, "guildId" | "channelId" | "messageId" | "title">): {
  readonly title: string;
  readonly link: string;
} {
  return {
    title: escapeWithin(event.title, MAX_TITLE_LENGTH),
    link: messageLink(event.channelId, event.messageId, event.guildId),
  };
}
