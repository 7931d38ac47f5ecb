import { MAX_REACTIONS, parseEmojiList } from "../../roll-call/emoji.ts";
import { MAX_INTERVAL_MS, parseInterval } from "../input/duration-input.ts";
import { escapeInline, truncate } from "../input/escape.ts";
import { parseMoment } from "../input/time-input.ts";
import type { Texts } from "../texts/texts.ts";
import { EventRefusal } from "./event-refusal.ts";

/** What people give for an event, from text to value. Everything that is not understood is refused with what would be. */

export const MAX_TITLE_LENGTH = 100;
export const MAX_DESCRIPTION_LENGTH = 1_000;
const DEFAULT_INTERVAL_MS = 24 * 3_600_000;
const DEFAULT_REACTIONS = ["✅", "❌", "❓"];
/** What is quoted back in a refusal. */
const MAX_QUOTED_LENGTH = 60;

/** An event as its creator describes it. */
export interface EventFields {
  readonly title: string;
  readonly description: string;
  readonly intervalMs: number;
  /** Emoji keys; empty = any reaction is an answer. */
  readonly reactions: readonly string[];
  /** Undefined = everyone. */
  readonly audienceRoleId: string | undefined;
  readonly closesAt: number | undefined;
}

/** What is given is changed; null removes what is optional. */
export interface EventChanges {
  readonly title?: string;
  readonly description?: string;
  readonly intervalMs?: number;
  readonly reactions?: string[];
  readonly audienceRoleId?: string | null;
  readonly closesAt?: number | null;
}

/** The texts of options; null = not given. */
export interface EventOptions {
  readonly title: string | null;
  readonly every: string | null;
  readonly reactions: string | null;
  readonly audienceRoleId: string | null;
  readonly description: string | null;
  readonly closes: string | null;
}

export interface InputContext {
  readonly texts: Texts;
  /** The role that everyone has goes by the same id. */
  readonly guildId: string;
  /** Shortest interval allowed. */
  readonly minIntervalMs: number;
  /** In which times are read, an IANA name. */
  readonly timeZone: string;
  readonly nowAt: number;
}

/** The fields of a new event; what was not given gets its default. Throws an EventRefusal. */
export function readEventFields(
  options: EventOptions,
  context: InputContext,
  defaultReactions: readonly string[] = DEFAULT_REACTIONS,
): EventFields {
  const changes = readEventChanges({ ...options, title: options.title ?? "" }, context);
  return {
    title: changes.title ?? "",
    description: changes.description ?? "",
    intervalMs: changes.intervalMs ?? Math.max(DEFAULT_INTERVAL_MS, context.minIntervalMs),
    reactions: changes.reactions ?? defaultReactions,
    audienceRoleId: changes.audienceRoleId ?? undefined,
    closesAt: changes.closesAt ?? undefined,
  };
}

/** What the options given say; `none` empties a description, `never` removes a time to close. Throws an EventRefusal. */
export function readEventChanges(options: EventOptions, context: InputContext): EventChanges {
  const { title, every, reactions, audienceRoleId, description, closes } = options;
  return {
    ...(title === null ? {} : { title: readTitle(title, context) }),
    ...(description === null ? {} : { description: readDescription(description, context) }),
    ...(every === null ? {} : { intervalMs: readIntervalMs(every, context) }),
    ...(reactions === null ? {} : { reactions: readReactions(reactions, context) }),
    ...(audienceRoleId === null ? {} : { audienceRoleId: audienceRoleId === context.guildId ? null : audienceRoleId }),
    ...(closes === null ? {} : { closesAt: readClosing(closes, context) }),
  };
}

function normalize(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

function quote(text: string): string {
  return escapeInline(truncate(normalize(text), MAX_QUOTED_LENGTH));
}

function isWord(text: string, ...words: readonly string[]): boolean {
  return words.includes(text.trim().toLowerCase());
}

function readTitle(text: string, { texts }: InputContext): string {
  const title = normalize(text);
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(title)) throw new EventRefusal(texts.events.refusals.titleEmpty);
  if (title.length > MAX_TITLE_LENGTH) {
    throw new EventRefusal(texts.events.refusals.titleTooLong(title.length, MAX_TITLE_LENGTH));
  }
  return title;
}

function readDescription(text: string, { texts }: InputContext): string {
  const description = isWord(text, "none") ? "" : normalize(text);
  if (description.length > MAX_DESCRIPTION_LENGTH) {
    throw new EventRefusal(texts.events.refusals.descriptionTooLong(description.length, MAX_DESCRIPTION_LENGTH));
  }
  return description;
}

function readIntervalMs(text: string, { texts, minIntervalMs }: InputContext): number {
  const result = parseInterval(text, { minMs: minIntervalMs });
  if (result.ok) return result.ms;
  const { refusals } = texts.events;
  switch (result.problem) {
    case "not-understood":
      throw new EventRefusal(refusals.intervalNotUnderstood(quote(text)));
    case "no-unit":
      throw new EventRefusal(refusals.intervalNoUnit(quote(text)));
    case "too-short":
      throw new EventRefusal(refusals.intervalTooShort(minIntervalMs));
    case "too-long":
      throw new EventRefusal(refusals.intervalTooLong(MAX_INTERVAL_MS));
  }
}

function readReactions(text: string, { texts }: InputContext): string[] {
  if (isWord(text, "any")) return [];
  const result = parseEmojiList(text);
  if (result.ok) return result.emoji.map(({ key }) => key);
  const { refusals } = texts.events;
  const { kind, token = "" } = result.problem;
  switch (kind) {
    case "not-an-emoji":
      throw new EventRefusal(refusals.notAnEmoji(quote(token)));
    case "duplicate":
      throw new EventRefusal(refusals.emojiTwice(token));
    case "too-many":
      throw new EventRefusal(refusals.tooManyEmoji(MAX_REACTIONS));
    case "empty":
      throw new EventRefusal(refusals.noEmoji);
  }
}

function readClosing(text: string, { texts, nowAt, timeZone }: InputContext): number | null {
  if (isWord(text, "never", "none")) return null;
  const result = parseMoment(text, { nowAt, timeZone });
  if (result.ok) return result.at;
  const { refusals } = texts.events;
  switch (result.problem) {
    case "not-understood":
      throw new EventRefusal(refusals.closingNotUnderstood(quote(text)));
    case "in-the-past":
      throw new EventRefusal(refusals.closingPast);
    case "too-far":
      throw new EventRefusal(refusals.closingTooFar);
  }
}
