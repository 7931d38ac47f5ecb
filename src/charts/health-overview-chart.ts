import type { HealthSample } from "../database/health/health-types.ts";
import type { BarSeriesOption, ChartOption, ChartSpan } from "./chart-option.ts";
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
import { backupMarks, downtimeBands, responsePoints } from "./sample-points.ts";
import type { ChartTheme } from "./theme.ts";

/** Response times above, errors below, backups as upright lines, times without the database shaded: one picture. */
export function healthOverviewChart(
  samples: readonly HealthSample[],
  theme: ChartTheme,
  span: ChartSpan = {},
): ChartOption {
  if (samples.length === 0) return emptyChart(theme, chartWords.noSamples);
  const moments = samples.map(({ at }) => at);
  const downtime = downtimeArea(theme, downtimeBands(samples));
  const backups = backupLines(theme, backupMarks(samples));
  const topAxis = timeAxis(theme, moments, span, 0);
  return {
    ...baseOption(theme),
    title: [heading(theme, chartWords.responseTime, 10), heading(theme, chartWords.errors, "66%")],
    legend: { ...legend(theme), top: 9, right: 12, data: [chartWords.median, chartWords.slowestTwentieth] },
    grid: [
      { left: 74, right: 18, top: 42, height: "47%" },
      { left: 74, right: 18, top: "75%", bottom: 30 },
    ],
    xAxis: [{ ...topAxis, axisLabel: { ...topAxis.axisLabel, show: false } }, timeAxis(theme, moments, span, 1)],
    yAxis: [
      valueAxis(theme, milliseconds, { gridIndex: 0 }),
      { ...valueAxis(theme, count, { gridIndex: 1, whole: true }), splitNumber: 2, max: atLeastOne },
    ],
    series: [
      {
        ...line(chartWords.median, responsePoints(samples, "p50Ms"), { color: theme.primary, area: true }),
        markArea: downtime,
        markLine: backups,
      },
      line(chartWords.slowestTwentieth, responsePoints(samples, "p95Ms"), { color: theme.secondary }),
      { ...errorBars(samples, theme), markArea: downtime },
    ],
  };
}

function errorBars(samples: readonly HealthSample[], theme: ChartTheme): BarSeriesOption {
  return {
    type: "bar",
    name: chartWords.errors,
    data: samples.map(({ at, errorCount }) => [at, errorCount]),
    xAxisIndex: 1,
    yAxisIndex: 1,
    color: theme.critical,
    barMinWidth: 2,
    barMaxWidth: 8,
    emphasis: { disabled: true },
  };
}

/** Without any error the axis still has a scale. */
function atLeastOne({ max }: { max: number }): number {
  return Math.max(max, 1);
}
