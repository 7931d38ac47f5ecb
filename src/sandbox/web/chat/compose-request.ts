import { useSyncExternalStore } from "react";

/** Something to be put into the box of a person in a channel, as soon as that box is there. */
export interface ComposeRequest {
  readonly userId: string;
  readonly channelId: string;
  readonly text: string;
}

let request: ComposeRequest | undefined;
const listeners = new Set<() => void>();

export function requestCompose(next: ComposeRequest | undefined): void {
  request = next;
  for (const listener of listeners) listener();
}

export function useComposeRequest(): ComposeRequest | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => request,
  );
}
