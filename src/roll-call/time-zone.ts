/**
 * Wall-clock time in IANA zones, from `Intl` alone. A wall-clock time is kept as `wallMs`: the epoch milliseconds at
 * which a clock in UTC would show it. Clocks that are put forward skip some of them, clocks put back show some twice.
 */

const DAY_MS = 86_400_000;

const formatters = new Map<string, Intl.DateTimeFormat>();

function getFormatter(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formatters.set(timeZone, formatter);
  }
  return formatter;
}

/** Whether it is the name of a zone ("Europe/Vienna", "UTC"). Bare offsets ("+02:00") are not: they know no summer time. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    getFormatter(text);
    return true;
  } catch {
    return false;
  }
}

/** How far the zone's clocks are ahead of UTC at a moment. Throws RangeError for an unknown zone. */
export function getOffsetMs(timeZone: string, at: number): number {
  const wholeSecondAt = Math.floor(at / 1000) * 1000;
  const part: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of getFormatter(timeZone).formatToParts(wholeSecondAt)) part[type] = Number(value);
  return Date.UTC(part.year!, part.month! - 1, part.day, part.hour, part.minute, part.second) - wholeSecondAt;
}

/** What the zone's clocks show at a moment. */
export function toWallMs(timeZone: string, at: number): number {
  return at + getOffsetMs(timeZone, at);
}

/**
 * The moments at which the zone's clocks show `wallMs`, earliest first: one, or two where they were put back. A time that
 * clocks skip is read as if they had not been put forward yet (02:30 becomes 03:30), as Temporal and iCalendar do.
 */
export function listMomentsAt(timeZone: string, wallMs: number): [number, ...number[]] {
  const beforeMs = getOffsetMs(timeZone, wallMs - DAY_MS);
  const afterMs = getOffsetMs(timeZone, wallMs + DAY_MS);
  if (beforeMs === afterMs) return [wallMs - beforeMs];
  const [first, second] = [wallMs - beforeMs, wallMs - afterMs]
    .filter((at) => toWallMs(timeZone, at) === wallMs)
    .sort((a, b) => a - b);
  if (first === undefined) return [wallMs - beforeMs];
  return second === undefined ? [first] : [first, second];
}

/** The first moment with another offset than at `fromAt`, when `toAt` has another; undefined when it has the same. */
export function findOffsetChange(timeZone: string, fromAt: number, toAt: number): number | undefined {
  const offsetMs = getOffsetMs(timeZone, fromAt);
  if (getOffsetMs(timeZone, toAt) === offsetMs) return undefined;
  let sameAt = fromAt;
  let changedAt = toAt;
  while (changedAt - sameAt > 1) {
    const middleAt = Math.floor((sameAt + changedAt) / 2);
    if (getOffsetMs(timeZone, middleAt) === offsetMs) sameAt = middleAt;
    else changedAt = middleAt;
  }
  return changedAt;
}
