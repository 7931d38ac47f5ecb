import type { ReactNode } from "react";
import type { ErrorRow } from "../../api-types.ts";
import { api } from "../api/api.ts";
import { useResource } from "../live/use-resource.ts";
import { formatCount } from "../text/format.ts";
import { Ago } from "../ui/ago.tsx";
import { Badge } from "../ui/badge.tsx";
import { Empty, Loaded } from "../ui/card.tsx";
import { DataTable, type Column } from "../ui/data-table.tsx";

const RELOAD_MS = 10_000;

const COLUMNS: readonly Column<ErrorRow>[] = [
  { key: "reference", label: "Reference", render: ({ reference }) => <code>{reference}</code> },
  { key: "at", label: "When", render: ({ at }) => <Ago at={at} />, sortBy: ({ at }) => at },
  { key: "type", label: "Kind", render: ({ type }) => type.toLowerCase(), sortBy: ({ type }) => type },
  { key: "code", label: "Code", render: ({ code }) => (code === undefined ? "–" : <code>{code}</code>) },
  { key: "operation", label: "Operation", render: ({ operation }) => (operation ? <code>{operation}</code> : "–") },
  { key: "retries", label: "Retries", isFigure: true, render: ({ retryCount }) => formatCount(retryCount) },
  {
    key: "state",
    label: "State",
    render: ({ resolved }) => <Badge tone={resolved ? "good" : "warning"}>{resolved ? "resolved" : "open"}</Badge>,
  },
];

/** Recent errors; the log has the rest of each under its reference. */
export function Errors(): ReactNode {
  const resource = useResource(() => api().errors(), RELOAD_MS);
  return (
    <Loaded resource={resource} what="The errors">
      {(rows) =>
        rows.length === 0 ? (
          <Empty title="No errors.">
            When something fails, it stands here with the reference that members are given.
          </Empty>
        ) : (
          <DataTable caption="Recent errors" columns={COLUMNS} rows={rows} keyOf={({ reference }) => reference} />
        )
      }
    </Loaded>
  );
}
