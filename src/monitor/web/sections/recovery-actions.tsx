import type { ReactNode } from "react";
import type { RecoveryRow } from "../../api-types.ts";
import { api } from "../api/api.ts";
import { useResource } from "../live/use-resource.ts";
import { formatMs } from "../text/format.ts";
import { Ago } from "../ui/ago.tsx";
import { Badge } from "../ui/badge.tsx";
import { Empty, Loaded } from "../ui/card.tsx";
import { DataTable, type Column } from "../ui/data-table.tsx";

const RELOAD_MS = 10_000;
const TONES = { running: "unknown", succeeded: "good", failed: "critical" } as const;

const COLUMNS: readonly Column<RecoveryRow>[] = [
  { key: "action", label: "What was done", render: ({ action }) => action.replaceAll("-", " ") },
  { key: "target", label: "To what", render: ({ target }) => target },
  { key: "at", label: "When", render: ({ startedAt }) => <Ago at={startedAt} />, sortBy: ({ startedAt }) => startedAt },
  {
    key: "took",
    label: "Took",
    isFigure: true,
    render: ({ startedAt, finishedAt }) => (finishedAt === undefined ? "–" : formatMs(finishedAt - startedAt)),
  },
  { key: "attempt", label: "Attempt", isFigure: true, render: ({ attempt }) => attempt ?? "–" },
  { key: "outcome", label: "Outcome", render: ({ outcome }) => <Badge tone={TONES[outcome]}>{outcome}</Badge> },
];

/** What was tried to bring the database back. */
export function RecoveryActions(): ReactNode {
  const resource = useResource(() => api().recoveryActions(), RELOAD_MS);
  return (
    <Loaded resource={resource} what="The recovery actions">
      {(rows) =>
        rows.length === 0 ? (
          <Empty title="Nothing had to be recovered.">What the bot does to bring its database back is told here.</Empty>
        ) : (
          <DataTable caption="Recovery actions" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
        )
      }
    </Loaded>
  );
}
