import { casual } from "chrono-node/en";

/** Moments as the operator writes them, by this machine's clocks unless they name a zone. */

const ISO_SHAPE = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?) ?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * Reads ISO 8601 ("2026-11-20T14:05:09.250Z"; without a zone by this machine's clocks) and words with a time of day
 * ("today 14:05", "2 hours ago"), all of the text or nothing. A day alone is no moment.
 */
export function parseInstant(text: string, nowAt: number): number | undefined {
  const phrase = text.replace(/\s+/g, " ").trim();
  return ISO_SHAPE.test(phrase) ? parseIso(phrase) : parseWords(phrase, nowAt);
}

function parseIso(text: string): number | undefined {
  const [, day = "", time = "", zone = ""] = ISO_SHAPE.exec(text) ?? [];
  // A day that there is not, such as the 30th of February, would become another one.
  const isDay = new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day) ?? false;
  const at = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  return isDay && !Number.isNaN(at) ? at : undefined;
}

function parseWords(phrase: string, nowAt: number): number | undefined {
  const results = casual.parse(phrase, new Date(nowAt));
  const [result] = results;
  if (!result || results.length > 1 || result.end || result.text.length !== phrase.length) return undefined;
  return result.start.isCertain("hour") ? result.start.date().getTime() : undefined;
}
