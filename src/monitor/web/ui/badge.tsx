import type { ReactNode } from "react";
import type { Tone } from "../text/headline.ts";

/** A word that stands for a state, in its colour. */
export function Badge({ tone, children }: { tone: Tone | "plain"; children: ReactNode }): ReactNode {
  return <span className={`badge tone-${tone}`}>{children}</span>;
}
