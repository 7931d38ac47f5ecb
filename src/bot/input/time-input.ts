/**
 * Moments as people write them. chrono-node reads the words, but it knows offsets, not zones, and counts days with the
 * clocks of the machine it runs on; so only what it says about calendar and clock is taken, and which moment that is,
 * and whether it has to be the next such day, is decided here with the zone's own clocks.
 */
import type { Component, ParsedComponents } from "chrono-node";
import { casual } from "chrono-node/en";
import { getOffsetMs, listMomentsAt } from "../../roll-call/time-zone.ts";
import { parseDurationWords } from "./duration-input.ts";

export type MomentProblem = "not-understood" | "in-the-past" | "too-far";
export type MomentResult =
  { readonly ok: true; readonly at: number } | { readonly ok: false; readonly problem: MomentProblem };

interface MomentContext {
  readonly nowAt: number;
  /** An IANA name; what is written without an offset means the clocks of this zone. */
  readonly timeZone: string;
}

const MAX_INPUT_LENGTH = 100;
const DAY_MS = 86_400_000;
/** Two years, of which one may be a leap year. */
const MAX_AHEAD_MS = 731 * DAY_MS;
/** Words for a part of the day, in which a date is no whole day. */
const PART_OF_DAY = /\b(?:noon|midnight|morning|afternoon|evening|night|tonight)\b/i;
const HAS_CLOCK_UNIT = /(?:\d|\b)(?:ms|[hms]|hours?|hrs?|min(?:ute)?s?|sec(?:ond)?s?)(?:\d|\b)/i;

/** Reads "tomorrow 8pm", "in 3 days", "friday 18:00", "2026-12-24 18:00", ISO 8601 or `<t:1700000000:R>`, all of it or nothing. */
export function parseMoment(text: string, context: MomentContext): MomentResult {
  const at = readMoment(text.replace(/\s+/g, " ").trim(), context);
  if (at === undefined || !Number.isFinite(at)) return { ok: false, problem: "not-understood" };
  if (at <= context.nowAt) return { ok: false, problem: "in-the-past" };
  if (at > context.nowAt + MAX_AHEAD_MS) return { ok: false, problem: "too-far" };
  return { ok: true, at };
}

/**
 * Reads the same, and "3 days ago", as a moment of what has been: what was left open means the last one ("friday" was
 * this week or the one before), "2h" is two hours ago, and a date alone is the `edge` of that day.
 */
export function parsePastMoment(text: string, context: MomentContext, edge: "start" | "end"): MomentResult {
  const at = readMoment(text.replace(/\s+/g, " ").trim(), { ...context, edgeOfPastDay: edge });
  if (at === undefined || !Number.isFinite(at)) return { ok: false, problem: "not-understood" };
  if (at < 0 || at > context.nowAt + MAX_AHEAD_MS) return { ok: false, problem: "too-far" };
  return { ok: true, at };
}

interface ReadContext extends MomentContext {
  /** Set when it is about what has been. */
  readonly edgeOfPastDay?: "start" | "end";
}

function readMoment(text: string, context: ReadContext): number | undefined {
  if (text === "" || text.length > MAX_INPUT_LENGTH) return undefined;
  const timestamp = /^<t:(-?\d{1,13})(?::[a-zA-Z])?>$/.exec(text);
  if (timestamp) return Number(timestamp[1]) * 1000;
  return readElapsed(text, context) ?? readWords(text, context);
}

/** "in 36 hours" is time that passes, whatever the clocks do meanwhile. "in 3 days" is a date, and left to the calendar. */
function readElapsed(text: string, { nowAt, edgeOfPastDay }: ReadContext): number | undefined {
  const duration = text.replace(/^in /i, "").replace(/ (?:from now|ago)$/i, "");
  if (!HAS_CLOCK_UNIT.test(duration)) return undefined;
  const elapsedMs = parseDurationWords(duration);
  if (elapsedMs === undefined) return undefined;
  const isAgo = / ago$/i.test(text) || (edgeOfPastDay !== undefined && duration === text);
  return isAgo ? nowAt - elapsedMs : nowAt + elapsedMs;
}

function readWords(text: string, context: ReadContext): number | undefined {
  const { nowAt, timeZone, edgeOfPastDay } = context;
  const reference = { instant: new Date(nowAt), timezone: getOffsetMs(timeZone, nowAt) / 60_000 };
  // chrono asks for the "in" of "in 3 days"; people leave it out.
  const bare = text.replace(/^(?:at|by|until|till|since) /i, "");
  const amount = /^\d+ ?(?:d|days?|w|weeks?|months?)$/i;
  const phrase = bare.replace(amount, edgeOfPastDay === undefined ? "in $&" : "$& ago");
  const results = casual.parse(phrase, reference);
  const [result] = results;
  if (!result || results.length > 1 || result.end || result.text.length !== phrase.length) return undefined;
  const { start } = result;
  if (start.isCertain("timezoneOffset")) {
    // Here chrono added hours with this machine's clocks; such texts are understood by readElapsed or not at all.
    return result.tags().has("result/relativeDateAndTime") ? undefined : start.date().getTime();
  }
  if (edgeOfPastDay !== undefined) return findPastMoment(start, context, phrase);
  return findMoment(start, { nowAt, timeZone }, /\b(?:last|past|previous)\b/i.test(phrase));
}

/** What was left open means the last one: "8am" today or yesterday. A date without a time is a whole day. */
function findPastMoment(start: ParsedComponents, context: ReadContext, phrase: string): number {
  const isDay = !start.isCertain("hour") && !start.tags().has("result/relativeDate") && !PART_OF_DAY.test(phrase);
  const toStartMs = (wallMs: number): number => (isDay ? Math.floor(wallMs / DAY_MS) * DAY_MS : wallMs);
  const [nearestAt] = listMomentsAt(context.timeZone, toStartMs(toWallMs(start, 0)));
  const startMs = toStartMs(toWallMs(start, nearestAt > context.nowAt ? -1 : 0));
  const isEnd = isDay && context.edgeOfPastDay === "end";
  return isEnd ? listMomentsAt(context.timeZone, startMs + DAY_MS)[0] - 1 : listMomentsAt(context.timeZone, startMs)[0];
}

/** What was left open means the next one: "8am" today or tomorrow, "friday" this week or next, "march 5" this year or next. */
function findMoment(start: ParsedComponents, context: MomentContext, isAboutThePast: boolean): number {
  const at = chooseMoment(toWallMs(start, 0), context);
  if (at > context.nowAt || isAboutThePast) return at;
  return chooseMoment(toWallMs(start, 1), context);
}

/** Of a time that clocks show twice the first is meant, unless it is over. */
function chooseMoment(wallMs: number, { nowAt, timeZone }: MomentContext): number {
  const moments = listMomentsAt(timeZone, wallMs);
  return moments.find((at) => at > nowAt) ?? moments[0];
}

/** The wall-clock time that was read; with `step` 1 or -1 the next or last one that fits what was left open, if anything was. */
function toWallMs(start: ParsedComponents, step: -1 | 0 | 1): number {
  const get = (component: Component): number => start.get(component) ?? 0;
  const openPart = getOpenPart(start);
  const year = get("year") + (openPart === "year" ? step : 0);
  const day = get("day") + (openPart === "day" ? step : openPart === "week" ? 7 * step : 0);
  return Date.UTC(year, get("month") - 1, day, get("hour"), get("minute"), get("second"), get("millisecond"));
}

function getOpenPart(start: ParsedComponents): "day" | "week" | "year" | undefined {
  if (start.isCertain("year")) return undefined;
  if (start.isCertain("month")) return "year";
  if (start.isCertain("day")) return undefined;
  return start.isCertain("weekday") ? "week" : "day";
}
