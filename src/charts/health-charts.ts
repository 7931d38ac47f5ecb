import type { HealthSample } from "../database/health/health-types.ts";
import type { ChartOption, ChartSpan, LineSeriesOption } from "./chart-option.ts";
import {
  type Formatter,
  baseOption,
  downtimeArea,
  emptyChart,
  legend,
  line,
  timeAxis,
  tooltip,
  valueAxis,
} from "./chart-parts.ts";
import { bytes, count, milliseconds, percent, perSecond } from "./chart-units.ts";
import { chartWords } from "./chart-words.ts";
import { downtimeBands, responsePoints, samplePoints } from "./sample-points.ts";
import type { ChartTheme } from "./theme.ts";

/** How long the database took to answer: the median, and how long the slowest 5 % and 1 % took at least. */
export function responseTimeChart(
  samples: readonly HealthSample[],
  theme: ChartTheme,
  span: ChartSpan = {},
): ChartOption {
  return lineChart(samples, theme, span, milliseconds, [
    line(chartWords.median, responsePoints(samples, "p50Ms"), { color: theme.primary, area: true }),
    line(chartWords.slowestTwentieth, responsePoints(samples, "p95Ms"), { color: theme.secondary }),
    line(chartWords.slowestHundredth, responsePoints(samples, "p99Ms"), { color: theme.tertiary, dashed: true }),
  ]);
}

/** The share of calls that failed. */
export function errorRateChart(samples: readonly HealthSample[], theme: ChartTheme, span: ChartSpan = {}): ChartOption {
  return lineChart(samples, theme, span, percent, [
    line(
      chartWords.errorRate,
      samplePoints(samples, ({ errorRate }) => errorRate),
      { color: theme.critical, area: true },
    ),
  ]);
}

/** How much the database is asked. */
export function throughputChart(
  samples: readonly HealthSample[],
  theme: ChartTheme,
  span: ChartSpan = {},
): ChartOption {
  return lineChart(samples, theme, span, perSecond, [
    line(
      chartWords.callsPerSecond,
      samplePoints(samples, (sample) => sample.perSecond),
      { color: theme.secondary, area: true },
    ),
  ]);
}

/** Writes that wait until the database is back. */
export function queueChart(samples: readonly HealthSample[], theme: ChartTheme, span: ChartSpan = {}): ChartOption {
  const points = samplePoints(samples, ({ queueSize }) => queueSize);
  const waiting = { ...line(chartWords.waitingWrites, points, { color: theme.warning, area: true }), step: "end" };
  return lineChart(samples, theme, span, count, [waiting as LineSeriesOption], { whole: true });
}

/** The database file and its write-ahead log. */
export function sizeChart(samples: readonly HealthSample[], theme: ChartTheme, span: ChartSpan = {}): ChartOption {
  return lineChart(samples, theme, span, bytes, [
    line(
      chartWords.database,
      samplePoints(samples, ({ databaseBytes }) => databaseBytes),
      { color: theme.primary, area: true },
    ),
    line(
      chartWords.writeAheadLog,
      samplePoints(samples, ({ walBytes }) => walBytes),
      { color: theme.tertiary },
    ),
  ]);
}

/** How far the archive is behind: what would be lost if the disk died at that moment. */
export function archiveLagChart(
  samples: readonly HealthSample[],
  theme: ChartTheme,
  span: ChartSpan = {},
): ChartOption {
  return lineChart(samples, theme, span, milliseconds, [
    line(
      chartWords.archiveLag,
      samplePoints(samples, ({ archiveLagMs }) => archiveLagMs),
      { color: theme.primary, area: true },
    ),
  ]);
}

function lineChart(
  samples: readonly HealthSample[],
  theme: ChartTheme,
  span: ChartSpan,
  format: Formatter,
  series: readonly LineSeriesOption[],
  axis: { whole?: boolean } = {},
): ChartOption {
  if (samples.length === 0) return emptyChart(theme, chartWords.noSamples);
  const [first, ...others] = series;
  return {
    ...baseOption(theme),
    grid: { left: 8, right: 12, top: series.length > 1 ? 30 : 12, bottom: 4, outerBoundsMode: "same" },
    ...(series.length > 1 && { legend: legend(theme) }),
    tooltip: tooltip(theme, format),
    xAxis: timeAxis(
      theme,
      samples.map(({ at }) => at),
      span,
    ),
    yAxis: valueAxis(theme, format, axis),
    series: [{ ...first!, markArea: downtimeArea(theme, downtimeBands(samples)) }, ...others],
  };
}
