/** Durations and sizes as people write them: a whole or decimal number directly followed by its unit. */

const DURATION_UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const SIZE_UNITS_BYTES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 } as const;

/** Parses `"500ms"`, `"30s"`, `"5m"`, `"24h"`, `"7d"`, `"1w"`, `"1h30m"` or `"0"` to milliseconds; undefined when it is not a duration. */
export function parseDurationMs(text: string): number | undefined {
  const compact = text.replace(/\s+/g, "").toLowerCase();
  if (compact === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(compact)) return undefined;
  let totalMs = 0;
  for (const [, amount, unit] of compact.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
    totalMs += Number(amount) * DURATION_UNITS_MS[unit as keyof typeof DURATION_UNITS_MS];
  }
  const rounded = Math.round(totalMs);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}

/** The shortest exact writing of a duration that `parseDurationMs` reads back: 5400000 → `"1h30m"`, 0 → `"0"`. */
export function formatDurationMs(durationMs: number): string {
  let restMs = Math.round(durationMs);
  if (restMs === 0) return "0";
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const unitMs = DURATION_UNITS_MS[unit];
    const amount = Math.floor(restMs / unitMs);
    if (amount > 0) text += `${amount}${unit}`;
    restMs -= amount * unitMs;
  }
  return text;
}

/** Parses `"64MB"`, `"2GB"` (powers of 1024) to bytes; undefined when it is not a size. */
export function parseSizeBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|TB)$/i.exec(text.trim());
  if (!match) return undefined;
  const bytes = Math.round(
    Number(match[1]) * SIZE_UNITS_BYTES[match[2]!.toUpperCase() as keyof typeof SIZE_UNITS_BYTES],
  );
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Bytes with one decimal in the largest fitting unit: 1536 → `"1.5 KB"`. */
export function formatSizeBytes(bytes: number): string {
  let unit: keyof typeof SIZE_UNITS_BYTES = "B";
  for (const candidate of ["KB", "MB", "GB", "TB"] as const) if (bytes >= SIZE_UNITS_BYTES[candidate]) unit = candidate;
  const amount = bytes / SIZE_UNITS_BYTES[unit];
  return `${Number.isInteger(amount) ? amount : amount.toFixed(1)} ${unit}`;
}
