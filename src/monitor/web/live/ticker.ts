import { useSyncExternalStore } from "react";
import { serverNow } from "./live-state.ts";

const STEP_MS = 1_000;
const listeners = new Set<() => void>();
let now = serverNow();
let timer: number | undefined;

function tick(): void {
  now = serverNow();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  now = serverNow();
  timer ??= window.setInterval(tick, STEP_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.clearInterval(timer);
    timer = undefined;
  };
}

/** The bot's time, each second anew: one timer for all that ticks. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
