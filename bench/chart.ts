import { init } from "echarts/dist/echarts.esm.min";
import type { ChartOption } from "../src/charts/chart-option.ts";
import { baseOption } from "../src/charts/chart-parts.ts";
import { lightTheme } from "../src/charts/theme.ts";
import type { RowResult } from "./harness.ts";
import { ratioOf } from "./statistics.ts";

/** The ratios to plain better-sqlite3 as bars, one panel for each row that compares with others, as SVG. */

const THROUGHPUT_ROWS = ["writes-64", "writes-1", "writes-64-slow-disk", "writes-1-slow-disk", "reads"];
const WIDTH = 860;
const BAR_PX = 20;
const PANEL_GAP_PX = 64;
const LABEL_PX = 190;

interface Bar {
  readonly name: string;
  readonly ratio: number;
}

function barsOf({ figures }: RowResult): Bar[] {
  return figures.flatMap((figure) => {
    const isComparison = figure.subject.startsWith("Muster against");
    const ratio = ratioOf(figure);
    return isComparison || !ratio ? [] : [{ name: figure.subject, ratio: ratio.middle }];
  });
}

export function drawResults(results: readonly RowResult[]): string {
  const panels = results
    .filter(({ row }) => THROUGHPUT_ROWS.includes(row))
    .map((result) => ({ title: result.title, bars: barsOf(result).toSorted((a, b) => a.ratio - b.ratio) }));
  let top = 8;
  const placed = panels.map((panel) => {
    const height = panel.bars.length * BAR_PX;
    const at = { ...panel, top: top + 36, height };
    top += height + PANEL_GAP_PX;
    return at;
  });
  const theme = { ...lightTheme, background: "#ffffff" };
  const option: ChartOption = {
    ...baseOption(theme),
    title: placed.map(({ title, top }) => ({
      ...{ text: `${title}: times plain better-sqlite3`, left: 12, top: top - 32 },
      textStyle: { fontSize: 14, color: theme.text, fontFamily: theme.fontFamily },
    })),
    grid: placed.map(({ top, height }) => ({ top, height, left: LABEL_PX, right: 70 })),
    xAxis: placed.map((_, gridIndex) => ({
      ...{ type: "value" as const, gridIndex, axisLabel: { show: false } },
      splitLine: { lineStyle: { color: theme.gridLine } },
    })),
    yAxis: placed.map(({ bars }, gridIndex) => ({
      ...{ type: "category" as const, gridIndex, data: bars.map(({ name }) => name), axisTick: { show: false } },
      axisLine: { lineStyle: { color: theme.axisLine } },
      axisLabel: { color: theme.text, fontSize: theme.fontSize },
    })),
    series: placed.map(({ bars }, index) => ({
      ...{ type: "bar" as const, xAxisIndex: index, yAxisIndex: index, barWidth: 13 },
      data: bars.map(({ name, ratio }) => ({
        value: ratio,
        itemStyle: { color: name.startsWith("Muster") ? theme.primary : theme.axisLine },
        label: { show: true, position: "right" as const, formatter: `${ratio.toPrecision(2)} ×`, color: theme.text },
      })),
    })),
  };
  return render(option, Math.max(top, 80));
}

function render(option: ChartOption, height: number): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    // What is not disposed of keeps timers.
    chart.dispose();
  }
}
