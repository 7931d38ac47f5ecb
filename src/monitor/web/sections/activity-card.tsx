import type { ReactNode } from "react";
import { useLive } from "../live/live-state.ts";
import { formatCount } from "../text/format.ts";
import { Badge } from "../ui/badge.tsx";
import { Card } from "../ui/card.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { Commands } from "./commands.tsx";
import { Errors } from "./errors.tsx";
import { Operations } from "./operations.tsx";
import { Queue } from "./queue.tsx";
import { RecoveryActions } from "./recovery-actions.tsx";
import { SlowQueries } from "./slow-queries.tsx";

/** What the database does and what went wrong with it, in tables. */
export function ActivityCard(): ReactNode {
  const queue = useLive((live) => live.health?.database.queue);
  const waiting = queue?.size ?? 0;
  const dead = queue?.deadLetterCount ?? 0;
  const note = dead > 0 ? <Badge tone="critical">{formatCount(dead)}</Badge> : undefined;
  return (
    <Card title="Activity">
      <Tabs
        label="Activity"
        tabs={[
          { id: "operations", label: "Operations", render: () => <Operations /> },
          { id: "slow", label: "Slow queries", render: () => <SlowQueries /> },
          {
            id: "queue",
            label: "Queue",
            note: waiting > 0 ? <Badge tone="warning">{formatCount(waiting)}</Badge> : note,
            render: () => <Queue />,
          },
          { id: "errors", label: "Errors", render: () => <Errors /> },
          { id: "recovery", label: "Recovery", render: () => <RecoveryActions /> },
          { id: "commands", label: "Commands", render: () => <Commands /> },
        ]}
      />
    </Card>
  );
}
