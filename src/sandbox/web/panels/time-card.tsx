import { useState, type ReactNode } from "react";
import { describeFailure, sandboxApi } from "../api.ts";
import { useLive } from "../live/live-store.ts";
import { formatTimestamp } from "../text/format-time.ts";
import { Icon } from "../ui/icon.tsx";
import { useNow } from "../ui/ticker.ts";

const HOUR_MS = 3_600_000;
const RATES = [1, 60, 3_600] as const;

/** The sandbox's time: faster, or ahead at once. It never goes back. */
export function TimeCard(): ReactNode {
  const rate = useLive((live) => live.clock.rate);
  const now = useNow();
  const [fault, setFault] = useState<string>();
  const act = (perform: Promise<unknown>): void => {
    setFault(undefined);
    perform.catch((error: unknown) => setFault(describeFailure(error)));
  };
  return (
    <section className="time-card" aria-label="Time">
      <p className="time-now">
        <Icon name="clock" />
        <b>{formatTimestamp(now, "S")}</b>
      </p>
      <div className="time-controls">
        <div className="segments" role="group" aria-label="Speed">
          {RATES.map((each) => (
            <button key={each} type="button" aria-pressed={rate === each} onClick={() => act(sandboxApi.setRate(each))}>
              {each}×
            </button>
          ))}
        </div>
        <button type="button" onClick={() => act(sandboxApi.skip(HOUR_MS))}>
          +1 h
        </button>
        <button type="button" onClick={() => act(sandboxApi.skip(24 * HOUR_MS))}>
          +24 h
        </button>
      </div>
      {fault !== undefined && (
        <p className="fault" role="alert">
          {fault}
        </p>
      )}
    </section>
  );
}
