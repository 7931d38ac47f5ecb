import type { ReactNode } from "react";
import { api } from "../api/api.ts";
import { useResource } from "../live/use-resource.ts";
import { Empty, Loaded } from "../ui/card.tsx";

const RELOAD_MS = 30_000;

/** Better settings, with the reason. */
export function Suggestions(): ReactNode {
  const resource = useResource(() => api().suggestions(), RELOAD_MS);
  return (
    <Loaded resource={resource} what="The suggestions">
      {(suggestions) =>
        suggestions.length === 0 ? (
          <Empty title="The settings fit.">When the figures show a reason to change one, it is named here.</Empty>
        ) : (
          <ul className="notes" tabIndex={0} aria-label="Suggestions">
            {suggestions.map(({ setting, current, suggested, reason }) => (
              <li key={setting}>
                <p className="note-head">
                  <code>{setting}</code>
                  <span>
                    <s className="muted">{current}</s> → <strong>{suggested}</strong>
                  </span>
                </p>
                <p>{reason}</p>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}
