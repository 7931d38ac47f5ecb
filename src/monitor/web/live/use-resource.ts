import { useCallback, useEffect, useState } from "react";
import { MonitorError } from "../../client/monitor-error.ts";
import { useLive } from "./live-state.ts";

/** Something loaded from the bot. What was loaded before stays while it is loaded again, or when that fails. */
export interface Resource<T> {
  readonly data?: T;
  readonly error?: MonitorError;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

interface Result<T> {
  readonly key: string;
  readonly data?: T;
  readonly error?: MonitorError;
}

/**
 * Loads when `key` changes, when the bot is back, and each `everyMs` while the page is visible and connected. `load` is
 * called anew only then, whatever it closes over must be in `key`.
 */
export function useResource<T>(load: () => Promise<T>, everyMs: number, key = ""): Resource<T> {
  const generation = useLive((live) => live.generation);
  const isLive = useLive((live) => live.connection.kind === "live");
  const [turn, setTurn] = useState(0);
  const [result, setResult] = useState<Result<T>>({ key });
  const [isLoading, setIsLoading] = useState(true);
  const reload = useCallback(() => setTurn((count) => count + 1), []);

  useEffect(() => {
    let isCurrent = true;
    setIsLoading(true);
    load()
      .then(
        (data) => isCurrent && setResult({ key, data }),
        (thrown: unknown) => {
          const error =
            thrown instanceof MonitorError ? thrown : new MonitorError(0, { code: "PAGE", message: String(thrown) });
          if (isCurrent) setResult((before) => ({ ...(before.key === key ? before : { key }), error }));
        },
      )
      .finally(() => isCurrent && setIsLoading(false));
    return () => {
      isCurrent = false;
    };
    // `load` closes over nothing but what is in the key, and is another function each time it is drawn.
  }, [generation, turn, key]);

  useEffect(() => {
    if (!isLive) return;
    const timer = window.setInterval(() => document.visibilityState === "visible" && reload(), everyMs);
    return () => window.clearInterval(timer);
  }, [isLive, everyMs, reload]);

  const current: Result<T> = result.key === key ? result : { key };
  return {
    ...(current.data === undefined ? {} : { data: current.data }),
    ...(current.error && { error: current.error }),
    isLoading,
    reload,
  };
}
