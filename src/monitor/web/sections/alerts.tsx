import type { ReactNode } from "react";
import type { AlertRow } from "../../api-types.ts";
import { MonitorError } from "../../client/monitor-error.ts";
import { api } from "../api/api.ts";
import { useResource } from "../live/use-resource.ts";
import { formatCount } from "../text/format.ts";
import { Ago } from "../ui/ago.tsx";
import { Badge } from "../ui/badge.tsx";
import { Empty, Loaded } from "../ui/card.tsx";

const RELOAD_MS = 10_000;

/** What people were told of: what lasts first, then what is over. */
export function Alerts(): ReactNode {
  const resource = useResource(loadAlerts, RELOAD_MS);
  return (
    <Loaded resource={resource} what="The alerts">
      {(alerts) =>
        alerts.length === 0 ? (
          <Empty title="No alerts.">Whatever goes wrong is told here, in the log, and where you set it.</Empty>
        ) : (
          <ul className="notes" tabIndex={0} aria-label="Alerts">
            {alerts.map((alert) => (
              <AlertItem key={`${alert.key} ${alert.startedAt}`} alert={alert} />
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}

/** None from a bot that does not tell of alerts. */
async function loadAlerts(): Promise<readonly AlertRow[]> {
  try {
    return await api().alerts();
  } catch (error) {
    if (error instanceof MonitorError && error.status === 404) return [];
    throw error;
  }
}

function AlertItem({
  alert: { severity, title, text, startedAt, endedAt, count, isOccurrence },
}: {
  alert: AlertRow;
}): ReactNode {
  const isLasting = endedAt === undefined && !isOccurrence;
  return (
    <li>
      <p className="note-head">
        <Badge tone={isLasting ? severity : "plain"}>{isLasting ? severity : isOccurrence ? "happened" : "over"}</Badge>
        <strong>{title}</strong>
        {count > 1 && <span className="muted">{formatCount(count)} times</span>}
      </p>
      <p>{text}</p>
      <p className="muted">
        <Ago at={startedAt} />
        {endedAt !== undefined && !isOccurrence && (
          <>
            , over <Ago at={endedAt} />
          </>
        )}
      </p>
    </li>
  );
}
