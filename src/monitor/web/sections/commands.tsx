import { lazy, Suspense, useState, type ReactNode } from "react";
import type { UsageReport } from "../../api-types.ts";
import { api } from "../api/api.ts";
import { serverNow } from "../live/live-state.ts";
import { useResource } from "../live/use-resource.ts";
import { formatCount, formatMs, formatPlural, formatShare } from "../text/format.ts";
import { Empty, Loaded, Skeleton } from "../ui/card.tsx";
import { DataTable, type Column } from "../ui/data-table.tsx";
import { Segments } from "../ui/segments.tsx";

const UsageChart = lazy(async () => ({ default: (await import("../charts/usage-chart.tsx")).UsageChart }));

const RELOAD_MS = 30_000;
const DAY_MS = 86_400_000;
const RANGES = [
  { value: "1", label: "1 d", title: "The last day" },
  { value: "7", label: "7 d", title: "The last 7 days" },
  { value: "30", label: "30 d", title: "The last 30 days" },
] as const;

type Row = UsageReport["byCommand"][number];

const COLUMNS: readonly Column<Row>[] = [
  {
    key: "command",
    label: "Command",
    render: ({ command }) => <code>/{command}</code>,
    sortBy: ({ command }) => command,
  },
  figure("count", "Used", ({ count }) => count, formatCount),
  figure("failed", "Failed", ({ failed }) => failed, formatCount),
  figure("average", "Average", ({ averageMs }) => averageMs, formatMs),
  figure("max", "Longest", ({ maxMs }) => maxMs, formatMs),
];

function figure(
  key: string,
  label: string,
  valueOf: (row: Row) => number,
  format: (value: number) => string,
): Column<Row> {
  return { key, label, isFigure: true, render: (row) => format(valueOf(row)), sortBy: valueOf };
}

/** How the bot's commands are used. */
export function Commands(): ReactNode {
  const [days, setDays] = useState<(typeof RANGES)[number]["value"]>("7");
  const load = (): Promise<UsageReport> => api().usage(serverNow() - Number(days) * DAY_MS, serverNow());
  const resource = useResource(load, RELOAD_MS, days);
  return (
    <>
      <div className="panel-actions">
        <Segments label="Time range of the commands" options={RANGES} value={days} onChange={setDays} />
      </div>
      <Loaded resource={resource} what="The use of commands">
        {(usage) =>
          usage.total === 0 ? (
            <Empty title="No command was used in this time.">Try /help in Discord.</Empty>
          ) : (
            <>
              <p className="table-note muted">
                {formatPlural(usage.total, "command")}, {formatShare(usage.failed / usage.total)} failed.
              </p>
              <div className="usage">
                <Suspense fallback={<Skeleton />}>
                  <UsageChart usage={usage} />
                </Suspense>
                <DataTable
                  caption="Use by command"
                  columns={COLUMNS}
                  rows={usage.byCommand}
                  keyOf={({ command }) => command}
                  sortedBy="count"
                />
              </div>
            </>
          )
        }
      </Loaded>
    </>
  );
}
