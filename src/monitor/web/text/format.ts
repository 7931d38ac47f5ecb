/** How figures are written on the dashboard: always with their unit, never with more digits than say something. */

const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const ABSENT = "–";

/** A number without needless digits: 0.42, 3.1, 128. */
function shorten(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) >= 100) return COUNT.format(value);
  return String(Number(value.toPrecision(Math.abs(value) >= 10 ? 3 : 2)));
}

export function formatCount(count: number): string {
  return Math.abs(count) < 100_000 ? COUNT.format(count) : COMPACT.format(count);
}

export function formatPerSecond(perSecond: number): string {
  return `${shorten(perSecond)}/s`;
}

/** Milliseconds in the unit that fits: `0.42 ms`, `12 ms`, `1.3 s`, `2 min`, `3 h`. */
export function formatMs(durationMs: number | undefined): string {
  if (durationMs === undefined) return ABSENT;
  if (durationMs < 1_000) return `${shorten(durationMs)} ms`;
  if (durationMs < 60_000) return `${shorten(durationMs / 1_000)} s`;
  if (durationMs < 3_600_000) return `${shorten(durationMs / 60_000)} min`;
  return `${shorten(durationMs / 3_600_000)} h`;
}

/** Powers of 1024: `512 B`, `1.5 MB`. */
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return ABSENT;
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${shorten(unit === 0 ? Math.round(value) : value)} ${units[unit] ?? ""}`;
}

/** A share of 1 as percent: `0 %`, `0.3 %`, `12 %`. */
export function formatShare(share: number): string {
  return `${shorten(share * 100)} %`;
}

const SPANS = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1_000, "second"],
] as const;

/** A span in its largest unit, in words: `2 seconds`, `1 hour`. */
export function formatSpan(spanMs: number): string {
  const [unitMs, name] = SPANS.find(([candidateMs]) => spanMs >= candidateMs) ?? SPANS[3];
  const amount = Math.floor(spanMs / unitMs);
  return `${COUNT.format(amount)} ${name}${amount === 1 ? "" : "s"}`;
}

/** `3 minutes ago`, `just now`, `in 2 hours`. */
export function formatAgo(at: number, now: number): string {
  const passedMs = now - at;
  if (passedMs < -1_000) return `in ${formatSpan(-passedMs)}`;
  return passedMs < 1_000 ? "just now" : `${formatSpan(passedMs)} ago`;
}

/** The time of day, with the date when that is not today: `14:05`, `3 Nov, 14:05`. */
export function formatTime(at: number, now: number): string {
  const time = new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const day = new Date(at);
  const isToday = day.toDateString() === new Date(now).toDateString();
  return isToday ? time : `${day.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
}

/** Date and time to the second, for titles of times that are shown relative. */
export function formatMoment(at: number): string {
  return new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}

/** `1 write`, `12 writes`. */
export function formatPlural(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}
