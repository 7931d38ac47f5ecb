import type { ChartOption, ChartSpan, LineSeriesOption, Point } from "./chart-option.ts";
import { chartWords } from "./chart-words.ts";
import type { BackupMark, DowntimeBand } from "./sample-points.ts";
import type { ChartTheme } from "./theme.ts";

/** Fewer points than this are also shown as dots: a line through one or two is easily overlooked. */
const DOTS_BELOW = 12;
const DAY_MS = 86_400_000;

type MarkArea = NonNullable<LineSeriesOption["markArea"]>;
type MarkLine = NonNullable<LineSeriesOption["markLine"]>;

export type Formatter = (value: number) => string;

/** What every chart has: no animation (pictures stand still, pages redraw each second), the theme's font and colours. */
export function baseOption(theme: ChartTheme): ChartOption {
  return {
    animation: false,
    backgroundColor: theme.background,
    textStyle: { fontFamily: theme.fontFamily, fontSize: theme.fontSize, color: theme.text },
  };
}

/** A chart without data says so in its middle. */
export function emptyChart(theme: ChartTheme, message: string): ChartOption {
  return {
    ...baseOption(theme),
    title: {
      text: message,
      left: "center",
      top: "middle",
      textStyle: {
        color: theme.mutedText,
        fontSize: theme.fontSize + 2,
        fontWeight: "normal",
        fontFamily: theme.fontFamily,
      },
    },
  };
}

/** Moments as short as the axis allows: hours within two days, dates beyond. */
export function timeAxis(theme: ChartTheme, at: readonly number[], span: ChartSpan, gridIndex = 0) {
  const from = span.from ?? at[0] ?? 0;
  const to = span.to ?? at.at(-1) ?? from;
  const clock = clockFormat(to - from, span.timeZone);
  return {
    type: "time" as const,
    gridIndex,
    min: from,
    max: Math.max(to, from + 1),
    splitNumber: 5,
    axisLine: { lineStyle: { color: theme.axisLine } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisPointer: { label: { show: false } },
    axisLabel: {
      color: theme.mutedText,
      fontSize: theme.fontSize,
      fontFamily: theme.fontFamily,
      hideOverlap: true,
      showMinLabel: false,
      showMaxLabel: false,
      formatter: (moment: number) => clock.format(moment),
    },
  };
}

function clockFormat(spanMs: number, timeZone: string | undefined): Intl.DateTimeFormat {
  const zone = timeZone === undefined ? {} : { timeZone };
  return spanMs <= 2 * DAY_MS
    ? new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", ...zone })
    : new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", ...zone });
}

export function valueAxis(theme: ChartTheme, format: Formatter, options: { gridIndex?: number; whole?: boolean } = {}) {
  return {
    type: "value" as const,
    gridIndex: options.gridIndex ?? 0,
    min: 0,
    splitNumber: 4,
    ...(options.whole && { minInterval: 1 }),
    axisLabel: {
      color: theme.mutedText,
      fontSize: theme.fontSize,
      fontFamily: theme.fontFamily,
      hideOverlap: true,
      formatter: format,
    },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: theme.gridLine } },
  };
}

export function legend(theme: ChartTheme) {
  return {
    top: 0,
    right: 8,
    icon: "roundRect",
    itemWidth: 12,
    itemHeight: 4,
    itemGap: 14,
    selectedMode: false as const,
    textStyle: { color: theme.mutedText, fontSize: theme.fontSize, fontFamily: theme.fontFamily },
  };
}

/** What the pointer shows on a page: the moment, and each series with its unit. */
export function tooltip(theme: ChartTheme, format: Formatter) {
  return {
    trigger: "axis" as const,
    confine: true,
    backgroundColor: theme.tooltipBackground,
    borderColor: theme.axisLine,
    textStyle: { color: theme.text, fontSize: theme.fontSize, fontFamily: theme.fontFamily },
    axisPointer: { lineStyle: { color: theme.axisLine } },
    valueFormatter: (value: unknown) => (typeof value === "number" ? format(value) : "–"),
  };
}

export interface LineLook {
  readonly color: string;
  readonly area?: boolean;
  readonly dashed?: boolean;
  readonly gridIndex?: number;
}

export function line(name: string, points: readonly Point[], look: LineLook): LineSeriesOption {
  return {
    type: "line",
    name,
    data: points.map(([at, value]) => [at, value ?? "-"]),
    xAxisIndex: look.gridIndex ?? 0,
    yAxisIndex: look.gridIndex ?? 0,
    showSymbol: points.length < DOTS_BELOW,
    symbol: "circle",
    symbolSize: 5,
    color: look.color,
    lineStyle: { width: look.dashed ? 1.5 : 2, type: look.dashed ? "dashed" : "solid" },
    ...(look.area && { areaStyle: { opacity: 0.16 } }),
    emphasis: { disabled: true },
  };
}

/** Shades behind a series: amber where the database was read-only, red where it was away. */
export function downtimeArea(theme: ChartTheme, bands: readonly DowntimeBand[]): MarkArea {
  return {
    silent: true,
    data: bands.map(({ from, to, state }) => [
      {
        xAxis: from,
        name: state === "offline" ? chartWords.offline : chartWords.readOnly,
        itemStyle: { color: state === "offline" ? theme.critical : theme.warning, opacity: 0.18 },
        label: { show: false },
      },
      { xAxis: to },
    ]),
  };
}

/** Upright lines where backups were made (green) or failed (red). */
export function backupLines(theme: ChartTheme, marks: readonly BackupMark[]): MarkLine {
  return {
    silent: true,
    symbol: ["none", "circle"],
    symbolSize: 6,
    label: { show: false },
    data: marks.map(({ at, succeeded }) => ({
      xAxis: at,
      name: succeeded ? chartWords.backup : chartWords.backupFailed,
      lineStyle: { color: succeeded ? theme.good : theme.critical, type: "solid", width: 1.5, opacity: 0.8 },
    })),
  };
}

/** The name of one of several charts in a picture. */
export function heading(theme: ChartTheme, text: string, top: number | string) {
  return {
    text,
    left: 12,
    top,
    textStyle: {
      color: theme.text,
      fontSize: theme.fontSize,
      fontWeight: "bold" as const,
      fontFamily: theme.fontFamily,
    },
  };
}
