import { useSyncExternalStore } from "react";

/** The modal that the bot answered with. One at a time, as on Discord. */
export interface OpenModal {
  readonly interactionId: string;
  readonly userId: string;
  readonly channelId: string;
  readonly title: string;
  readonly components: unknown[];
}

let open: OpenModal | undefined;
const listeners = new Set<() => void>();

export function openModal(modal: OpenModal | undefined): void {
  open = modal;
  for (const listener of listeners) listener();
}

export function useModal(): OpenModal | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => open,
  );
}
