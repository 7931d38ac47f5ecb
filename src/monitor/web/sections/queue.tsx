import { useEffect, type ReactNode } from "react";
import type { QueueReport, QueueRow } from "../../api-types.ts";
import { api } from "../api/api.ts";
import { useLive } from "../live/live-state.ts";
import { useResource } from "../live/use-resource.ts";
import { formatPlural } from "../text/format.ts";
import { Ago } from "../ui/ago.tsx";
import { Badge } from "../ui/badge.tsx";
import { Empty, Loaded } from "../ui/card.tsx";
import { DataTable, type Column } from "../ui/data-table.tsx";

const RELOAD_MS = 5_000;
const TONES = { HIGH: "warning", MEDIUM: "plain", LOW: "plain" } as const;

const COLUMNS: readonly Column<QueueRow>[] = [
  { key: "operation", label: "Operation", render: ({ operation }) => <code>{operation}</code> },
  { key: "at", label: "Waits since", render: ({ at }) => <Ago at={at} />, sortBy: ({ at }) => at },
  {
    key: "priority",
    label: "Priority",
    render: ({ priority }) => <Badge tone={TONES[priority]}>{priority.toLowerCase()}</Badge>,
  },
  {
    key: "retries",
    label: "Attempts",
    isFigure: true,
    render: ({ retryCount, maxRetries }) => `${retryCount} of ${maxRetries}`,
  },
  { key: "id", label: "Id", render: ({ id }) => <code className="muted">{id}</code> },
];

type DeadLetter = QueueReport["deadLetters"][number];

const DEAD_COLUMNS: readonly Column<DeadLetter>[] = [
  { key: "operation", label: "Operation", render: ({ operation }) => <code>{operation}</code> },
  { key: "deadAt", label: "Given up", render: ({ deadAt }) => <Ago at={deadAt} />, sortBy: ({ deadAt }) => deadAt },
  { key: "error", label: "Why", render: ({ error }) => error },
  { key: "id", label: "Id", render: ({ id }) => <code className="muted">{id}</code> },
];

/** Writes that wait for the database, and those that it would never take. */
export function Queue(): ReactNode {
  // The live reports say at once that the queue has changed; the table follows them.
  const size = useLive((live) => live.health?.database.queue.size ?? 0);
  const resource = useResource(() => api().queue(), RELOAD_MS);
  const { reload } = resource;
  useEffect(reload, [size, reload]);
  return (
    <Loaded resource={resource} what="The queue">
      {({ size: count, entries, deadLetters }) => (
        <>
          {count === 0 ? (
            <Empty title="Nothing waits for the database.">
              When it is away, what members do is kept here, in order, and applied when it is back.
            </Empty>
          ) : (
            <>
              <p className="table-note muted">
                {formatPlural(count, "write")}, kept on disk and applied in order when the database is back.
                {entries.length < count && ` The first ${formatPlural(entries.length, "entry", "entries")}:`}
              </p>
              <DataTable caption="Waiting writes" columns={COLUMNS} rows={entries} keyOf={({ id }) => id} />
            </>
          )}
          {deadLetters.length > 0 && (
            <>
              <h3>Given up</h3>
              <p className="table-note muted">
                The database refused these for good; they are kept in the spool folder.
              </p>
              <DataTable caption="Dead letters" columns={DEAD_COLUMNS} rows={deadLetters} keyOf={({ id }) => id} />
            </>
          )}
        </>
      )}
    </Loaded>
  );
}
