import type { ReactNode } from "react";
import { useNow } from "../ui/ticker.ts";
import { formatRelative, formatTimestamp } from "./format-time.ts";

/** `<t:…>`: in the reader's time zone; relative ones tick with the sandbox's time. */
export function Timestamp({ atMs, style }: { readonly atMs: number; readonly style: string }): ReactNode {
  const iso = Math.abs(atMs) < 8.64e15 ? new Date(atMs).toISOString() : undefined;
  if (iso === undefined) return "Invalid date";
  return (
    <time dateTime={iso} title={formatTimestamp(atMs, "F")} className="timestamp">
      {style === "R" ? <RelativeTime atMs={atMs} /> : formatTimestamp(atMs, style)}
    </time>
  );
}

function RelativeTime({ atMs }: { readonly atMs: number }): ReactNode {
  return formatRelative(atMs, useNow());
}
