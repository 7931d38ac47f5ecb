const TIMESTAMP_STYLES = { short: "f", long: "F", relative: "R" } as const;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** A moment as Discord shows it in each reader's own zone and language: date and time, with weekday, or "in 3 hours". */
export function formatMoment(at: number, style: keyof typeof TIMESTAMP_STYLES): string {
  return `<t:${Math.floor(at / 1000)}:${TIMESTAMP_STYLES[style]}>`;
}

/**
 * A duration for people, rounded to what matters at its size: "1 day 6 h", "2 h 30 min", "1 min 20 s", "1.5 s", "40 ms";
 * "2 weeks" when it is just that.
 */
export function formatDuration(ms: number): string {
  const durationMs = Math.max(Math.round(ms), 0);
  if (durationMs < SECOND_MS) return `${durationMs} ms`;
  if (durationMs >= WEEK_MS && durationMs % WEEK_MS === 0) return formatCount(durationMs / WEEK_MS, "week");
  const precisionMs = durationMs >= DAY_MS ? HOUR_MS : durationMs >= HOUR_MS ? MINUTE_MS : SECOND_MS / 10;
  const roundedMs = Math.round(durationMs / precisionMs) * precisionMs;
  if (roundedMs < MINUTE_MS) return `${roundedMs / SECOND_MS} s`;

  const days = Math.floor(roundedMs / DAY_MS);
  const hours = Math.floor((roundedMs % DAY_MS) / HOUR_MS);
  const minutes = Math.floor((roundedMs % HOUR_MS) / MINUTE_MS);
  const seconds = Math.floor((roundedMs % MINUTE_MS) / SECOND_MS);
  const parts = [
    days > 0 && formatCount(days, "day"),
    hours > 0 && `${hours} h`,
    minutes > 0 && `${minutes} min`,
    seconds > 0 && `${seconds} s`,
  ];
  return parts.filter((part) => part !== false).join(" ");
}

function formatCount(amount: number, unit: string): string {
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}
