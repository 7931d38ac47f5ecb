import { findOffsetChange, isTimeZone, toWallMs } from "./time-zone.ts";

/**
 * A part of every day, by the zone's clocks, in which no reminder is sent. It is quiet from the start minute on, and no
 * longer at the end minute; over midnight when the end is before the start. Clocks decide, also on the days when they
 * change: an end that is skipped comes when they jump over it, and one that is shown twice ends the quiet twice.
 */
export interface QuietHours {
  /** Minutes after midnight, 0 to 1439. */
  readonly startMinute: number;
  readonly endMinute: number;
  readonly timeZone: string;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 24 * 60;
const DAY_MS = DAY_MINUTES * MINUTE_MS;

/** Parses "22:00-08:00"; undefined when it is not two times of day, when both are the same, or for an unknown zone. */
export function parseQuietHours(text: string, timeZone: string): QuietHours | undefined {
  const match = /^(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})$/.exec(text.trim());
  if (!match || !isTimeZone(timeZone)) return undefined;
  const [startHour, startMinutes, endHour, endMinutes] = match.slice(1).map(Number) as [number, number, number, number];
  if (startMinutes > 59 || endMinutes > 59) return undefined;
  const startMinute = startHour * 60 + startMinutes;
  const endMinute = endHour * 60 + endMinutes;
  // "22:00-24:00" is how people write "until midnight".
  if (startMinute >= DAY_MINUTES || endMinute > DAY_MINUTES) return undefined;
  if (startMinute === endMinute % DAY_MINUTES) return undefined;
  return { startMinute, endMinute: endMinute % DAY_MINUTES, timeZone };
}

/** The writing that `parseQuietHours` reads: "22:00-08:00". */
export function formatQuietHours({ startMinute, endMinute }: QuietHours): string {
  const [start, end] = [startMinute, endMinute].map((minute) =>
    [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, "0")).join(":"),
  );
  return `${start}-${end}`;
}

function getTimeOfDayMs(timeZone: string, at: number): number {
  const wallMs = toWallMs(timeZone, at);
  return wallMs - Math.floor(wallMs / DAY_MS) * DAY_MS;
}

export function isQuiet(quietHours: QuietHours, at: number): boolean {
  const timeOfDayMs = getTimeOfDayMs(quietHours.timeZone, at);
  const startMs = quietHours.startMinute * MINUTE_MS;
  const endMs = quietHours.endMinute * MINUTE_MS;
  // Never parsed; were it quiet all day, the search for the end of it would not end.
  if (startMs === endMs) return false;
  if (startMs < endMs) return startMs <= timeOfDayMs && timeOfDayMs < endMs;
  return startMs <= timeOfDayMs || timeOfDayMs < endMs;
}

/** The first moment from `at` on that is not quiet: `at` itself outside quiet hours. */
export function quietEndAt(quietHours: QuietHours, at: number): number {
  const { timeZone, endMinute } = quietHours;
  let candidateAt = at;
  while (isQuiet(quietHours, candidateAt)) {
    const untilEndMs = (endMinute * MINUTE_MS - getTimeOfDayMs(timeZone, candidateAt) + DAY_MS) % DAY_MS;
    const endAt = candidateAt + untilEndMs;
    // Where the clocks change on the way, the end is another moment, or lies in what they skip: look again from there.
    candidateAt = findOffsetChange(timeZone, candidateAt, endAt) ?? endAt;
  }
  return candidateAt;
}
