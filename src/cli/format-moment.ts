/** Moments as the operator reads them: by this machine's clocks, and in UTC where it matters. */

/** `2026-11-20 14:05:09`, by this machine's clocks. */
export function formatLocal(at: number): string {
  const date = new Date(at);
  const pad = (value: number, length = 2): string => String(value).padStart(length, "0");
  const day = [pad(date.getFullYear(), 4), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part)).join(":")}`;
}

/** Both ways, to the millisecond: `2026-11-20 15:05:09 (2026-11-20T14:05:09.250Z)`. */
export function formatExactly(at: number): string {
  return `${formatLocal(at)} (${new Date(at).toISOString()})`;
}
