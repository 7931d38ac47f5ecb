import { useSyncExternalStore } from "react";
import { sandboxNow } from "../live/live-store.ts";

const STEP_MS = 1_000;
const listeners = new Set<() => void>();
let now = sandboxNow();
let timer: number | undefined;

function tick(): void {
  now = sandboxNow();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  now = sandboxNow();
  timer ??= window.setInterval(tick, STEP_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.clearInterval(timer);
    timer = undefined;
  };
}

/** The sandbox's time, each second anew: one timer for all that ticks. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
