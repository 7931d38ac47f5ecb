import type { HealthSample } from "../database/health/health-types.ts";
import type { ChartOption, ChartSpan, LineSeriesOption } from "./chart-option.ts";
import {
  backupLines,
  baseOption,
  downtimeArea,
  emptyChart,
  heading,
  legend,
  line,
  timeAxis,
  valueAxis,
} from "./chart-parts.ts";
import { count, milliseconds } from "./chart-units.ts";
import { chartWords } from "./chart-words.ts";
import {
  backupMarks,
  downtimeBands,
  responsePoints,
  samplePoints,
  type BackupMark,
  type DowntimeBand,
} from "./sample-points.ts";
import type { ChartTheme } from "./theme.ts";

/** Texts are measured without a screen, and come out somewhat wider than that. */
const LEGEND_RIGHT = 30;

/** Response times above, errors below, backups as upright lines, times without the database shaded: one picture. */
export function healthOverviewChart(
  samples: readonly HealthSample[],
  theme: ChartTheme,
  span: ChartSpan = {},
): ChartOption {
  if (samples.length === 0) return emptyChart(theme, chartWords.noSamples);
  const moments = samples.map(({ at }) => at);
  const bands = downtimeBands(samples);
  const downtime = downtimeArea(theme, bands);
  const marks = backupMarks(samples);
  const keys = explainMarks(marks, bands, theme);
  const names = [chartWords.median, chartWords.slowestTwentieth];
  const errorTotal = samples.reduce((total, { errorCount }) => total + errorCount, 0);
  const topAxis = timeAxis(theme, moments, span, 0);
  return {
    ...baseOption(theme),
    title: [
      heading(theme, chartWords.responseTime, 10),
      heading(theme, errorTotal === 0 ? chartWords.noErrors : chartWords.errors, "66%"),
    ],
    legend: [
      { ...legend(theme), top: 9, right: LEGEND_RIGHT, data: names },
      { ...legend(theme), top: "66%", right: LEGEND_RIGHT, data: keys.map(({ name }) => String(name)) },
    ],
    grid: [
      { left: 74, right: 18, top: 42, height: "47%" },
      { left: 74, right: 18, top: "75%", bottom: 30 },
    ],
    xAxis: [{ ...topAxis, axisLabel: { ...topAxis.axisLabel, show: false } }, timeAxis(theme, moments, span, 1)],
    yAxis: [
      valueAxis(theme, milliseconds, { gridIndex: 0 }),
      {
        ...valueAxis(theme, count, { gridIndex: 1, whole: true }),
        splitNumber: 2,
        ...(errorTotal === 0 && { max: 1 }),
      },
    ],
    series: [
      {
        ...line(chartWords.median, responsePoints(samples, "p50Ms"), { color: theme.primary, area: true }),
        markArea: downtime,
        markLine: backupLines(theme, marks),
      },
      line(chartWords.slowestTwentieth, responsePoints(samples, "p95Ms"), { color: theme.secondary }),
      { ...errorSteps(samples, theme), markArea: downtime },
      ...keys,
    ],
  };
}

/** As filled steps: bars would stretch the time axis, and stand beside the moment that they are of. */
function errorSteps(samples: readonly HealthSample[], theme: ChartTheme): LineSeriesOption {
  const points = samplePoints(samples, ({ errorCount }) => errorCount);
  return {
    ...line(chartWords.errors, points, { color: theme.critical, gridIndex: 1 }),
    step: "start",
    showSymbol: false,
    lineStyle: { width: 0 },
    areaStyle: { opacity: 0.9 },
  };
}

/** Names what is drawn as upright lines and as shades, where there is any, in the legend. */
function explainMarks(
  marks: readonly BackupMark[],
  bands: readonly DowntimeBand[],
  theme: ChartTheme,
): LineSeriesOption[] {
  const isInState = (wanted: DowntimeBand["state"]): boolean => bands.some(({ state }) => state === wanted);
  const keys: [string, string, boolean][] = [
    [chartWords.backup, theme.good, marks.some(({ succeeded }) => succeeded)],
    [chartWords.backupFailed, theme.critical, marks.some(({ succeeded }) => !succeeded)],
    [chartWords.readOnly, theme.warning, isInState("read-only")],
    [chartWords.offline, theme.critical, isInState("offline")],
  ];
  return keys.filter(([, , isShown]) => isShown).map(([name, color]) => line(name, [], { color }));
}
