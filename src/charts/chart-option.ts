import type { BarSeriesOption, LineSeriesOption } from "echarts/charts";
import type {
  GridComponentOption,
  LegendComponentOption,
  MarkAreaComponentOption,
  MarkLineComponentOption,
  TitleComponentOption,
  TooltipComponentOption,
} from "echarts/components";
import type { ComposeOption } from "echarts/core";

/**
 * What the charts are made of. Whoever draws one registers with `use` of echarts/core: LineChart, BarChart, and the
 * components grid, legend, mark area, mark line, title and tooltip.
 */
export type ChartOption = ComposeOption<
  | BarSeriesOption
  | GridComponentOption
  | LegendComponentOption
  | LineSeriesOption
  | MarkAreaComponentOption
  | MarkLineComponentOption
  | TitleComponentOption
  | TooltipComponentOption
>;
export type { BarSeriesOption, LineSeriesOption };

/** One point over time; null breaks the line. */
export type Point = readonly [at: number, value: number | null];

/** The range and the clock of a time axis; what is left out follows the samples and the machine's zone. */
export interface ChartSpan {
  readonly from?: number;
  readonly to?: number;
  /** IANA name. */
  readonly timeZone?: string;
}
