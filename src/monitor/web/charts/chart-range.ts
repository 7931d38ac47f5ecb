/** How far back the charts go. */
export const CHART_RANGES = [
  { value: "15m", label: "15 min", title: "The last 15 minutes", spanMs: 15 * 60_000 },
  { value: "1h", label: "1 h", title: "The last hour", spanMs: 3_600_000 },
  { value: "6h", label: "6 h", title: "The last 6 hours", spanMs: 6 * 3_600_000 },
  { value: "24h", label: "24 h", title: "The last 24 hours", spanMs: 24 * 3_600_000 },
  { value: "7d", label: "7 d", title: "The last 7 days", spanMs: 7 * 24 * 3_600_000 },
] as const;

export type ChartRange = (typeof CHART_RANGES)[number]["value"];

export function spanOf(range: ChartRange): number {
  return CHART_RANGES.find(({ value }) => value === range)?.spanMs ?? CHART_RANGES[0].spanMs;
}
