/** Figures as they stand at an axis or in a tooltip: short, with their unit. */

const BYTE_UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

/** Milliseconds in the unit that fits: 0.25 → "0.25 ms", 1500 → "1.5 s", 90000 → "1.5 min". */
export function milliseconds(ms: number): string {
  if (Math.abs(ms) >= 60_000) return `${rounded(ms / 60_000)} min`;
  if (Math.abs(ms) >= 1_000) return `${rounded(ms / 1_000)} s`;
  return `${rounded(ms)} ms`;
}

/** Bytes, powers of 1024: 1536 → "1.5 KB". */
export function bytes(amount: number): string {
  const power = amount < 1 ? 0 : Math.min(Math.floor(Math.log2(amount) / 10), BYTE_UNITS.length - 1);
  return `${rounded(amount / 1024 ** power)} ${BYTE_UNITS[power]}`;
}

/** A share of 1: 0.051 → "5.1 %". */
export function percent(share: number): string {
  return `${rounded(share * 100)} %`;
}

export function perSecond(rate: number): string {
  return `${rounded(rate)}/s`;
}

/** A count; long ones in thousands and millions: 1200 → "1.2k". */
export function count(amount: number): string {
  if (Math.abs(amount) >= 1_000_000) return `${rounded(amount / 1_000_000)}M`;
  if (Math.abs(amount) >= 10_000) return `${rounded(amount / 1_000)}k`;
  return rounded(amount);
}

/** Three significant digits at most, no trailing zeros. */
function rounded(value: number): string {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}
