/** A part of every day by the host's clocks, over midnight when the end is before the start. Minutes after midnight. */
export interface DailyWindow {
  readonly startMinute: number;
  readonly endMinute: number;
}

const DAY_MINUTES = 24 * 60;

/** Parses "02:00-05:00"; undefined when it is not two times of day, or both are the same. */
export function parseDailyWindow(text: string): DailyWindow | undefined {
  const match = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(text);
  if (!match) return undefined;
  const [startHour, startMinutes, endHour, endMinutes] = match.slice(1).map(Number) as [number, number, number, number];
  if (startMinutes > 59 || endMinutes > 59) return undefined;
  const startMinute = startHour * 60 + startMinutes;
  const endMinute = endHour * 60 + endMinutes;
  // "22:00-24:00" is how people write "until midnight".
  if (startMinute >= DAY_MINUTES || endMinute > DAY_MINUTES || startMinute === endMinute % DAY_MINUTES)
    return undefined;
  return { startMinute, endMinute: endMinute % DAY_MINUTES };
}

/** The writing that `parseDailyWindow` reads. */
export function formatDailyWindow({ startMinute, endMinute }: DailyWindow): string {
  return `${formatMinute(startMinute)}-${formatMinute(endMinute)}`;
}

/** When the window is next open, epoch milliseconds: `at` itself when it is open then. */
export function nextOpening(window: DailyWindow, at: number): number {
  if (isWithin(window, at)) return at;
  const start = new Date(at);
  start.setHours(0, window.startMinute, 0, 0);
  // By the calendar, not by 24 hours: clocks change.
  if (start.getTime() <= at) start.setDate(start.getDate() + 1);
  return start.getTime();
}

function isWithin({ startMinute, endMinute }: DailyWindow, at: number): boolean {
  const time = new Date(at);
  const minute = time.getHours() * 60 + time.getMinutes();
  if (startMinute < endMinute) return startMinute <= minute && minute < endMinute;
  return startMinute <= minute || minute < endMinute;
}

function formatMinute(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, "0")).join(":");
}
