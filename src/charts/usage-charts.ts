import type { CommandUsage, UsageReport } from "../store/usage-report.ts";
import type { BarSeriesOption, ChartOption } from "./chart-option.ts";
import { baseOption, emptyChart, heading, legend, tooltip, valueAxis } from "./chart-parts.ts";
import { count } from "./chart-units.ts";
import { chartWords } from "./chart-words.ts";
import type { ChartTheme } from "./theme.ts";

const MOST_COMMANDS = 10;
const DAY_MS = 86_400_000;

/** Commands used on each day, the failed ones on top. Days of the range without any use are shown as such. */
export function usageByDayChart(report: UsageReport, theme: ChartTheme): ChartOption {
  if (report.total === 0) return emptyChart(theme, chartWords.noUsage);
  return {
    ...baseOption(theme),
    legend: legend(theme),
    tooltip: tooltip(theme, count),
    grid: { left: 8, right: 12, top: 30, bottom: 4, outerBoundsMode: "same" },
    xAxis: dayAxis(theme, allDays(report)),
    yAxis: valueAxis(theme, count, { whole: true }),
    series: dayBars(report, theme),
  };
}

/** The most used commands, the failed ones at the end of each bar. */
export function usageByCommandChart(report: UsageReport, theme: ChartTheme): ChartOption {
  if (report.total === 0) return emptyChart(theme, chartWords.noUsage);
  return {
    ...baseOption(theme),
    legend: legend(theme),
    tooltip: tooltip(theme, count),
    grid: { left: 8, right: 44, top: 30, bottom: 4, outerBoundsMode: "same" },
    xAxis: { ...valueAxis(theme, count, { whole: true }), splitNumber: 3 },
    yAxis: commandAxis(theme, mostUsed(report)),
    series: commandBars(mostUsed(report), theme),
  };
}

/** Both above each other: one picture. */
export function usageOverviewChart(report: UsageReport, theme: ChartTheme): ChartOption {
  if (report.total === 0) return emptyChart(theme, chartWords.noUsage);
  const commands = mostUsed(report).slice(0, 5);
  return {
    ...baseOption(theme),
    title: [heading(theme, chartWords.commandsByDay, 10), heading(theme, chartWords.commandsByName, "58%")],
    legend: { ...legend(theme), top: 9, right: 12 },
    grid: [
      { left: 56, right: 18, top: 42, height: "38%" },
      { left: 150, right: 60, top: "65%", bottom: 12 },
    ],
    xAxis: [
      dayAxis(theme, allDays(report)),
      {
        ...valueAxis(theme, count, { gridIndex: 1, whole: true }),
        axisLabel: { show: false },
        splitLine: { show: false },
      },
    ],
    yAxis: [valueAxis(theme, count, { whole: true }), commandAxis(theme, commands, 1)],
    series: [...dayBars(report, theme), ...commandBars(commands, theme, 1)],
  };
}

/** Every day from the first to the last of the range; the days of the report name the calendar. */
export function allDays({ from, to, byDay }: UsageReport): UsageReport["byDay"] {
  const known = new Map(byDay.map((row) => [row.day, row]));
  const first = byDay[0]?.day;
  const last = byDay.at(-1)?.day;
  if (first === undefined || last === undefined) return [];
  // Days are counted in the report's own zone, which the range in milliseconds does not tell: at most a day is left out.
  const start = Math.min(Date.parse(first), startOfDay(from) + DAY_MS);
  const end = Math.max(Date.parse(last), startOfDay(to) - DAY_MS);
  const days: UsageReport["byDay"][number][] = [];
  for (let at = start; at <= end; at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10);
    days.push(known.get(day) ?? { day, count: 0, failed: 0 });
  }
  return days;
}

function startOfDay(at: number): number {
  return Math.floor(at / DAY_MS) * DAY_MS;
}

function mostUsed(report: UsageReport): readonly CommandUsage[] {
  return report.byCommand.slice(0, MOST_COMMANDS);
}

function dayAxis(theme: ChartTheme, days: UsageReport["byDay"]) {
  const format = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  return {
    type: "category" as const,
    data: days.map(({ day }) => format.format(Date.parse(day))),
    axisLine: { lineStyle: { color: theme.axisLine } },
    axisTick: { show: false },
    axisLabel: { color: theme.mutedText, fontSize: theme.fontSize, fontFamily: theme.fontFamily, hideOverlap: true },
  };
}

function dayBars(report: UsageReport, theme: ChartTheme): BarSeriesOption[] {
  const days = allDays(report);
  return stackedBars(
    theme,
    days.map((row) => row.count - row.failed),
    days.map((row) => row.failed),
    "days",
  );
}

function commandAxis(theme: ChartTheme, commands: readonly CommandUsage[], gridIndex = 0) {
  return {
    type: "category" as const,
    gridIndex,
    inverse: true,
    data: commands.map(({ command }) => `/${command}`),
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: {
      color: theme.text,
      fontSize: theme.fontSize,
      fontFamily: theme.fontFamily,
      width: 124,
      overflow: "truncate" as const,
    },
  };
}

function commandBars(commands: readonly CommandUsage[], theme: ChartTheme, gridIndex = 0): BarSeriesOption[] {
  const [answered, failed] = stackedBars(
    theme,
    commands.map((row) => row.count - row.failed),
    commands.map((row) => row.failed),
    "commands",
  );
  const place = { xAxisIndex: gridIndex, yAxisIndex: gridIndex };
  const total = {
    show: true,
    position: "right" as const,
    color: theme.mutedText,
    fontSize: theme.fontSize,
    fontFamily: theme.fontFamily,
    formatter: ({ dataIndex }: { dataIndex: number }) => count(commands[dataIndex]?.count ?? 0),
  };
  return [
    { ...answered!, ...place },
    { ...failed!, ...place, label: total },
  ];
}

function stackedBars(
  theme: ChartTheme,
  answered: readonly number[],
  failed: readonly number[],
  stack: string,
): BarSeriesOption[] {
  const bar = { type: "bar" as const, stack, barMaxWidth: 28, emphasis: { disabled: true } };
  return [
    { ...bar, name: chartWords.answered, data: [...answered], color: theme.primary },
    { ...bar, name: chartWords.failed, data: [...failed], color: theme.critical },
  ];
}
