import { useEffect, useState } from "react";
import type { RunningChaos } from "../live/chaos-report.ts";

/** Whole seconds until it ends by itself, counted down from what the report told; undefined when it does not. */
export function useRemaining(running: RunningChaos | undefined): number | undefined {
  const [seconds, setSeconds] = useState<number>();
  useEffect(() => {
    if (running?.remainingMs === undefined) {
      setSeconds(undefined);
      return undefined;
    }
    const endsAt = performance.now() + running.remainingMs;
    const show = (): void => setSeconds(Math.max(0, Math.ceil((endsAt - performance.now()) / 1_000)));
    show();
    const timer = window.setInterval(show, 500);
    return () => window.clearInterval(timer);
  }, [running]);
  return seconds;
}
