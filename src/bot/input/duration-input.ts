import { parseDurationMs } from "../../core/units.ts";

export type IntervalProblem = "not-understood" | "no-unit" | "too-short" | "too-long";
export type IntervalResult =
  { readonly ok: true; readonly ms: number } | { readonly ok: false; readonly problem: IntervalProblem };

const WEEK_MS = 7 * 86_400_000;
export const MAX_INTERVAL_MS = 52 * WEEK_MS;

const MAX_INPUT_LENGTH = 100;

const NAMED_INTERVALS: ReadonlyMap<string, string> = new Map([
  ["hourly", "1h"],
  ["daily", "1d"],
  ["weekly", "1w"],
  ["every hour", "1h"],
  ["every day", "1d"],
  ["every week", "1w"],
]);

const NUMBER_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

const UNIT_WORDS: readonly (readonly [RegExp, string])[] = [
  [/\bhalf an hour\b/g, "30m"],
  [/\ban?\b(?=\s+[a-z])/g, "1"],
  [/(?<=[\d\s])weeks?\b/g, "w"],
  [/(?<=[\d\s])days?\b/g, "d"],
  [/(?<=[\d\s])(?:hours?|hrs?)\b/g, "h"],
  [/(?<=[\d\s])(?:minutes?|mins?)\b/g, "m"],
  [/(?<=[\d\s])(?:seconds?|secs?)\b/g, "s"],
  [/(?:,|\band\b)/g, " "],
];

/** A duration in units or words: "1h30m", "90 minutes", "1 day and 2 hours", "half an hour"; undefined for anything else. */
export function parseDurationWords(text: string): number | undefined {
  if (text.length > MAX_INPUT_LENGTH) return undefined;
  let compact = text.trim().toLowerCase();
  compact = compact.replace(/\b[a-z]+\b/g, (word) => {
    const number = NUMBER_WORDS.indexOf(word);
    return number === -1 ? word : String(number);
  });
  for (const [words, unit] of UNIT_WORDS) compact = compact.replace(words, unit);
  // Spaces may part amounts and units, not the digits of one number.
  if (/\d\s+[\d.]/.test(compact) || /\.\s/.test(compact)) return undefined;
  return parseDurationMs(compact);
}

/** A reminder's interval as people write it: "24h", "1h30m", "2 days", "daily", "every week". A number needs its unit. */
export function parseInterval(
  text: string,
  limits: { readonly minMs: number; /** 52 weeks by default. */ readonly maxMs?: number },
): IntervalResult {
  const wanted = text.trim().toLowerCase();
  if (/^[+-]?\d+([.,]\d+)?$/.test(wanted)) return { ok: false, problem: "no-unit" };
  const ms = parseDurationWords(NAMED_INTERVALS.get(wanted) ?? wanted.replace(/^every\s+/, ""));
  if (ms === undefined) return { ok: false, problem: "not-understood" };
  if (ms < limits.minMs) return { ok: false, problem: "too-short" };
  if (ms > (limits.maxMs ?? MAX_INTERVAL_MS)) return { ok: false, problem: "too-long" };
  return { ok: true, ms };
}
