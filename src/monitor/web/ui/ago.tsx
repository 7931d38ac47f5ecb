import type { ReactNode } from "react";
import { useNow } from "../live/ticker.ts";
import { formatAgo, formatMoment } from "../text/format.ts";

/** A moment as seen from now; it ticks, and its title tells it exactly. */
export function Ago({ at }: { at: number }): ReactNode {
  return (
    <time dateTime={new Date(at).toISOString()} title={formatMoment(at)}>
      {formatAgo(at, useNow())}
    </time>
  );
}
