import { BarChart, LineChart } from "echarts/charts";
import {
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TitleComponent,
  TooltipComponent,
} from "echarts/components";
import { connect, init, use, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef, type ReactNode } from "react";
import type { ChartOption } from "../../../charts/chart-option.ts";

use([
  BarChart,
  CanvasRenderer,
  GridComponent,
  LegendComponent,
  LineChart,
  MarkAreaComponent,
  MarkLineComponent,
  TitleComponent,
  TooltipComponent,
]);

/** Charts of one group show their pointers at the same moment. */
const LINKED_GROUP = "over-time";

interface ChartProps {
  readonly title: string;
  /** The chart in a sentence, for those who cannot see it. */
  readonly description: string;
  readonly option: ChartOption;
  readonly isLinked: boolean;
}

/** A drawing that follows its option and its place. */
export function Chart({ title, description, option, isLinked }: ChartProps): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);

  useEffect(() => {
    if (!place.current) return;
    const drawing = init(place.current);
    chart.current = drawing;
    if (isLinked) {
      drawing.group = LINKED_GROUP;
      connect(LINKED_GROUP);
    }
    const observer = new ResizeObserver(() => drawing.resize());
    observer.observe(place.current);
    return () => {
      observer.disconnect();
      drawing.dispose();
      chart.current = undefined;
    };
  }, [isLinked]);

  useEffect(() => {
    chart.current?.setOption(option, { notMerge: true, lazyUpdate: true });
  }, [option]);

  return (
    <figure className="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} className="chart-place" role="img" aria-label={`${title}: ${description}`} />
    </figure>
  );
}
