import { messageLink, type APIEmbed, type APIEmbedField } from "discord.js";
import type { EventCard } from "../../roll-call/card.ts";
import { formatEmoji } from "../../roll-call/emoji.ts";
import type { EventRecord } from "../../store/events.ts";
import { formatMoment } from "../format-time.ts";
import type { Texts } from "../texts/texts.ts";
import { countEmbedLength, EMBED_LIMITS, escapeWithin, joinWithin } from "./embed-limits.ts";

/** All that an event's card says. */
export interface CardContent {
  readonly event: EventRecord;
  readonly card: EventCard;
  readonly areRemindersOn: boolean;
  /** Whether everyone of the audience is known, or only those whom the bot has seen. */
  readonly isAudienceComplete: boolean;
  /** Each an emoji or the address of an image; undefined = none. */
  readonly serverEmblem: string | undefined;
  readonly audienceEmblem: string | undefined;
  /** The emoji shown beside a member's answer. */
  readonly emblemOf: (userId: string) => string | undefined;
}

export interface CardSize {
  /** Of the whole embed. */
  readonly maxLength: number;
  /** Escaping may make a text longer than what was allowed when it was typed; a pathological one is shortened. */
  readonly maxDescriptionLength: number;
  readonly maxNamesPerEmoji: number;
}

export const POSTED_CARD: CardSize = {
  maxLength: EMBED_LIMITS.total,
  maxDescriptionLength: 2_000,
  maxNamesPerEmoji: 15,
};
/** Leaves room for two full fields in another embed. */
export const CARD_BESIDE_DETAILS: CardSize = {
  maxLength: EMBED_LIMITS.total - 2 * (EMBED_LIMITS.fieldValue + 50),
  maxDescriptionLength: 1_200,
  maxNamesPerEmoji: Infinity,
};

const COLORS = { open: 0x3ba55d, paused: 0xfaa61a, closed: 0x747f8d } as const;
/** Leaves room for the other fields; Discord allows 20 reactions on a message, but not always the same ones. */
const MAX_EMOJI_FIELDS = 20;

/** A card within Discord's limits, whatever the title and however many the answers. */
export function renderCard(content: CardContent, texts: Texts, size: CardSize = POSTED_CARD): APIEmbed {
  const { event } = content;
  const imageUrl = [content.serverEmblem, content.audienceEmblem].find(isImage);
  const embed: APIEmbed = {
    title: renderTitle(event.title, content.serverEmblem),
    description: renderDescription(event, texts, size.maxDescriptionLength),
    color: COLORS[event.state],
    footer: { text: texts.events.card.footer(event.id) },
    ...(imageUrl === undefined ? {} : { thumbnail: { url: imageUrl } }),
  };
  const fields = listFacts(content, texts);
  const restLength = size.maxLength - countEmbedLength({ ...embed, fields });
  return { ...embed, fields: [...listAnswers(content, texts, { ...size, maxLength: restLength }), ...fields] };
}

/** What stands there until the event is stored and its reactions are in place: it never looks like one that counts. */
export function renderPreparation(event: { readonly id: string; readonly title: string }, texts: Texts): APIEmbed {
  return {
    title: renderTitle(event.title, undefined),
    description: texts.events.card.preparing,
    color: COLORS.closed,
    footer: { text: texts.events.card.footer(event.id) },
  };
}

function isImage(emblem: string | undefined): emblem is string {
  return emblem?.startsWith("https://") ?? false;
}

/** Emblems that can stand in a line of text. */
export function asEmoji(emblem: string | undefined): string | undefined {
  return isImage(emblem) ? undefined : emblem;
}

function renderTitle(title: string, emblem: string | undefined): string {
  const prefix = asEmoji(emblem) === undefined ? "" : `${emblem} `;
  return prefix + escapeWithin(title, EMBED_LIMITS.title - prefix.length);
}

function renderDescription(event: EventRecord, texts: Texts, maxLength: number): string {
  const { card } = texts.events;
  const link = messageLink(event.channelId, event.messageId, event.guildId);
  const howToAnswer = event.cardMessageId === event.messageId ? card.reactHere : card.reactThere(link);
  const hint = { open: howToAnswer, paused: `${card.paused}\n${howToAnswer}`, closed: card.closed }[event.state];
  return [escapeWithin(event.description, maxLength), hint].filter((part) => part !== "").join("\n\n");
}

function listAnswers({ card, emblemOf }: CardContent, texts: Texts, size: CardSize): APIEmbedField[] {
  const shown = card.perEmoji.length > MAX_EMOJI_FIELDS ? card.perEmoji.slice(0, MAX_EMOJI_FIELDS - 1) : card.perEmoji;
  const columns = shown.map(({ emoji, count, userIds }) => ({
    name: texts.events.card.answers(formatEmoji(emoji), count),
    userIds,
  }));
  const rest = card.perEmoji.slice(shown.length);
  if (rest.length > 0) {
    const name = texts.events.card.otherAnswers(rest.length);
    columns.push({ name, userIds: [...new Set(rest.flatMap(({ userIds }) => userIds))] });
  }
  if (card.unknownCount > 0) {
    columns.push({ name: texts.events.card.unknownAnswers(card.unknownCount), userIds: card.unknownIds });
  }
  const namesLength = columns.reduce((sum, { name }) => sum + name.length, 0);
  const valueLength = Math.floor((size.maxLength - namesLength) / Math.max(columns.length, 1));
  return columns.map(({ name, userIds }) => ({
    name,
    value: joinMembers(userIds, texts, {
      maxLength: Math.min(valueLength, EMBED_LIMITS.fieldValue),
      maxCount: size.maxNamesPerEmoji,
      emblemOf,
    }),
    inline: true,
  }));
}

export interface MemberListOptions {
  readonly maxLength: number;
  readonly maxCount?: number;
  readonly emblemOf?: CardContent["emblemOf"];
}

/** Members as mentions, which nobody is notified of in an embed, and how many more there are; a dash for none. */
export function joinMembers(userIds: readonly string[], texts: Texts, options: MemberListOptions): string {
  const { maxLength, maxCount, emblemOf } = options;
  if (userIds.length === 0) return texts.events.card.nobody;
  return joinWithin(userIds, {
    separator: " ",
    maxLength,
    ...(maxCount === undefined ? {} : { maxCount }),
    more: texts.events.andMore,
    format(userId) {
      const emblem = emblemOf?.(userId);
      return emblem === undefined ? `<@${userId}>` : `${emblem} <@${userId}>`;
    },
  });
}

function listFacts(content: CardContent, { events: { card: texts } }: Texts): APIEmbedField[] {
  const { event, card } = content;
  const closing =
    event.closedAt === undefined
      ? event.closesAt !== undefined && { name: texts.closesField, value: formatBoth(event.closesAt) }
      : { name: texts.closedField, value: formatBoth(event.closedAt) };
  const role = event.audienceRoleId === undefined ? texts.everyone : `<@&${event.audienceRoleId}>`;
  const audience = [asEmoji(content.audienceEmblem), role].filter((part) => part !== undefined).join(" ");
  return [
    { name: texts.missingField, value: texts.missing(card, content.isAudienceComplete), inline: true },
    event.state !== "closed" && {
      name: texts.nextReminderField,
      value: describeReminder(content, texts),
      inline: true,
    },
    closing && { ...closing, inline: true },
    { name: texts.audienceField, value: audience, inline: true },
  ].filter((field) => field !== false);
}

function describeReminder({ event, card, areRemindersOn }: CardContent, texts: Texts["events"]["card"]): string {
  if (event.state === "paused") return texts.noReminderPaused;
  if (!areRemindersOn) return texts.noReminderOff;
  if (card.missingCount === 0) return texts.noReminderNeeded;
  return card.nextReminderAt === undefined ? texts.noReminderBeforeClosing : formatBoth(card.nextReminderAt);
}

/** Date and time, and how far away that is. */
export function formatBoth(at: number): string {
  return `${formatMoment(at, "short")} (${formatMoment(at, "relative")})`;
}
