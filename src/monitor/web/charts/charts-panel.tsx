import { useMemo, type ReactNode } from "react";
import type { ChartOption, ChartSpan } from "../../../charts/chart-option.ts";
import {
  archiveLagChart,
  errorRateChart,
  queueChart,
  responseTimeChart,
  sizeChart,
  throughputChart,
} from "../../../charts/health-charts.ts";
import { darkTheme, lightTheme, type ChartTheme } from "../../../charts/theme.ts";
import { thinSamples } from "../../../charts/thin-samples.ts";
import type { HealthSample } from "../../../database/health/health-types.ts";
import { api } from "../api/api.ts";
import { serverNow, useLive } from "../live/live-state.ts";
import { useResource } from "../live/use-resource.ts";
import { formatBytes, formatMs, formatPerSecond, formatPlural, formatShare } from "../text/format.ts";
import { useIsDark } from "../theme.ts";
import { Empty, Loaded } from "../ui/card.tsx";
import { spanOf, type ChartRange } from "./chart-range.ts";
import { Chart } from "./chart.tsx";

/** More points than a chart has pixels only cost time. */
const MAX_POINTS = 400;
/** What is shown is kept up to date by the stream; loading it anew only mends what that may have missed. */
const RELOAD_MS = 5 * 60_000;

interface ChartKind {
  readonly title: string;
  readonly draw: (samples: readonly HealthSample[], theme: ChartTheme, span: ChartSpan) => ChartOption;
  readonly describe: (latest: HealthSample) => string;
  /** What the axis reaches up to at least: without it, figures that are all zero get an axis up to one. */
  readonly atLeast: number;
}

const CHARTS: readonly ChartKind[] = [
  {
    title: "Response time",
    draw: responseTimeChart,
    describe: ({ p50Ms, p95Ms }) => `median ${formatMs(p50Ms)}, 95 % within ${formatMs(p95Ms)}`,
    atLeast: 5,
  },
  { title: "Error rate", draw: errorRateChart, describe: ({ errorRate }) => formatShare(errorRate), atLeast: 0.1 },
  { title: "Throughput", draw: throughputChart, describe: ({ perSecond }) => formatPerSecond(perSecond), atLeast: 1 },
  {
    title: "Waiting writes",
    draw: queueChart,
    describe: ({ queueSize }) => formatPlural(queueSize, "write"),
    atLeast: 4,
  },
  {
    title: "Size on disk",
    draw: sizeChart,
    describe: ({ databaseBytes }) => formatBytes(databaseBytes),
    atLeast: 1024,
  },
  {
    title: "Archive lag",
    draw: archiveLagChart,
    describe: ({ archiveLagMs }) => formatMs(archiveLagMs),
    atLeast: 1_000,
  },
];

/** The six charts over the chosen time; they move with each sample that the stream brings. */
export function ChartsPanel({ range }: { range: ChartRange }): ReactNode {
  const spanMs = spanOf(range);
  const resource = useResource(() => api().samples(serverNow() - spanMs, serverNow()), RELOAD_MS, range);
  return (
    <Loaded resource={resource} what="The charts">
      {(loaded) => <ChartGrid loaded={loaded} spanMs={spanMs} />}
    </Loaded>
  );
}

function ChartGrid({ loaded, spanMs }: { loaded: readonly HealthSample[]; spanMs: number }): ReactNode {
  const live = useLive((state) => state.samples);
  const isDark = useIsDark();
  const { samples, span } = useMemo(() => {
    const lastLoadedAt = loaded.at(-1)?.at ?? 0;
    const all = [...loaded, ...live.filter(({ at }) => at > lastLoadedAt)];
    const to = Math.max(all.at(-1)?.at ?? 0, serverNow());
    const shown = all.filter(({ at }) => at >= to - spanMs);
    return { samples: thinSamples(shown, MAX_POINTS), span: { from: to - spanMs, to } };
  }, [loaded, live, spanMs]);
  const latest = samples.at(-1);
  const theme = isDark ? darkTheme : lightTheme;
  const options = useMemo(
    () => CHARTS.map(({ draw, atLeast }) => raiseAxis(draw(samples, theme, span), atLeast)),
    [samples, theme, span],
  );
  if (!latest) {
    return (
      <Empty title="Nothing was recorded in this time yet.">
        A sample is taken at each health check, every half minute unless you set another time.
      </Empty>
    );
  }
  return (
    <div className="charts" data-latest={latest.at}>
      {CHARTS.map(({ title, describe }, index) => (
        <Chart
          key={title}
          title={title}
          description={`now ${describe(latest)}`}
          option={options[index] ?? {}}
          isLinked
        />
      ))}
    </div>
  );
}

function raiseAxis(option: ChartOption, atLeast: number): ChartOption {
  if (option.yAxis === undefined || Array.isArray(option.yAxis)) return option;
  const max = ({ max: greatest }: { max: number }): number | null => (greatest < atLeast ? atLeast : null);
  return { ...option, yAxis: { ...option.yAxis, max } };
}
