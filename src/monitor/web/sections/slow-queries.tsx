import type { ReactNode } from "react";
import type { SlowQuery } from "../../../database/health/health-types.ts";
import { api } from "../api/api.ts";
import { useResource } from "../live/use-resource.ts";
import { formatMs } from "../text/format.ts";
import { Ago } from "../ui/ago.tsx";
import { Badge } from "../ui/badge.tsx";
import { Empty, Loaded } from "../ui/card.tsx";

const RELOAD_MS = 10_000;

/** Statements that took too long, each with the way that the database went. */
export function SlowQueries(): ReactNode {
  const resource = useResource(() => api().slowQueries(), RELOAD_MS);
  return (
    <Loaded resource={resource} what="The slow queries">
      {(queries) =>
        queries.length === 0 ? (
          <Empty title="No query was slow.">One that takes longer than DB_SLOW_QUERY is kept here with its plan.</Empty>
        ) : (
          <ul className="slow-queries">
            {queries.map((query) => (
              <SlowQueryRow key={`${query.at} ${query.sql}`} query={query} />
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}

function SlowQueryRow({ query }: { query: SlowQuery }): ReactNode {
  const { at, operation, durationMs, sql, plan, missingIndex } = query;
  return (
    <li>
      <details>
        <summary>
          <code>{operation}</code>
          {missingIndex !== undefined && <Badge tone="warning">missing index</Badge>}
          <span className="slow-when muted">
            <Ago at={at} />
          </span>
          <strong>{formatMs(durationMs)}</strong>
        </summary>
        <pre>{sql}</pre>
        {plan.length === 0 ? (
          <p className="muted">Its plan is not known yet.</p>
        ) : (
          <>
            <h3>Plan</h3>
            <pre>{plan.join("\n")}</pre>
          </>
        )}
        {missingIndex !== undefined && (
          <p>
            An index would help: <code>{missingIndex}</code>
          </p>
        )}
      </details>
    </li>
  );
}
