import type { ReactNode } from "react";
import type { OperationRow } from "../../../database/health/health-types.ts";
import { api } from "../api/api.ts";
import { useResource } from "../live/use-resource.ts";
import { formatCount, formatMs } from "../text/format.ts";
import { Empty, Loaded } from "../ui/card.tsx";
import { DataTable, type Column } from "../ui/data-table.tsx";

const RELOAD_MS = 5_000;

function columnsFor(rows: readonly OperationRow[]): readonly Column<OperationRow>[] {
  const mostMs = Math.max(...rows.map(({ totalMs }) => totalMs));
  return [
    { key: "name", label: "Operation", render: ({ name }) => <code>{name}</code>, sortBy: ({ name }) => name },
    {
      key: "total",
      label: "Time in all",
      isFigure: true,
      render: ({ totalMs }) => <CostBar totalMs={totalMs} share={mostMs === 0 ? 0 : totalMs / mostMs} />,
      sortBy: ({ totalMs }) => totalMs,
    },
    figure("count", "Calls", ({ count }) => count, formatCount),
    figure("average", "Average", ({ averageMs }) => averageMs, formatMs),
    figure("p95", "95 %", ({ p95Ms }) => p95Ms, formatMs),
    figure("p99", "99 %", ({ p99Ms }) => p99Ms, formatMs),
    figure("max", "Longest", ({ maxMs }) => maxMs, formatMs),
    figure("errors", "Errors", ({ errorCount }) => errorCount, formatCount),
  ];
}

function figure(
  key: string,
  label: string,
  valueOf: (row: OperationRow) => number,
  format: (value: number) => string,
): Column<OperationRow> {
  return { key, label, isFigure: true, render: (row) => format(valueOf(row)), sortBy: valueOf };
}

function CostBar({ totalMs, share }: { totalMs: number; share: number }): ReactNode {
  return (
    <span className="cost">
      <span className="cost-bar" aria-hidden="true">
        <span style={{ width: `${(share * 100).toFixed(1)}%` }} />
      </span>
      <span className="cost-figure">{formatMs(totalMs)}</span>
    </span>
  );
}

/** Which operations cost the most, over the last five minutes. */
export function Operations(): ReactNode {
  const resource = useResource(() => api().operations(), RELOAD_MS);
  return (
    <Loaded resource={resource} what="The operations">
      {(rows) =>
        rows.length === 0 ? (
          <Empty title="The database was not asked anything in the last five minutes.">
            Use a command in Discord, and it shows up here.
          </Empty>
        ) : (
          <DataTable
            caption="Operations of the last five minutes"
            columns={columnsFor(rows)}
            rows={rows}
            keyOf={({ name }) => name}
            sortedBy="total"
          />
        )
      }
    </Loaded>
  );
}
