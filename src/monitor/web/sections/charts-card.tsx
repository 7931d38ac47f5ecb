import { lazy, Suspense, useState, type ReactNode } from "react";
import { CHART_RANGES, type ChartRange } from "../charts/chart-range.ts";
import { Card } from "../ui/card.tsx";
import { Segments } from "../ui/segments.tsx";

// ECharts is most of the page's weight: what is said in words comes first.
const ChartsPanel = lazy(async () => ({ default: (await import("../charts/charts-panel.tsx")).ChartsPanel }));

/** The charts and their time range. */
export function ChartsCard(): ReactNode {
  const [range, setRange] = useState<ChartRange>("1h");
  return (
    <Card
      title="Over time"
      className="charts-card"
      actions={<Segments label="Time range" options={CHART_RANGES} value={range} onChange={setRange} />}
    >
      <Suspense fallback={<ChartsSkeleton />}>
        <ChartsPanel range={range} />
      </Suspense>
    </Card>
  );
}

function ChartsSkeleton(): ReactNode {
  return (
    <div className="charts" role="status" aria-label="Loading the charts">
      {Array.from({ length: 6 }, (_, index) => (
        <div key={index} className="chart-skeleton" />
      ))}
    </div>
  );
}
