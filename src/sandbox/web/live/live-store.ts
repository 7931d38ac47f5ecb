import { useSyncExternalStore } from "react";
import { INITIAL_STATE, type Notice, type ViewState } from "./view-state.ts";

/** The one place where what the page knows is kept; components take what they need of it. */
let state = INITIAL_STATE;
const listeners = new Set<() => void>();
let noticeCount = 0;

export function getState(): ViewState {
  return state;
}

export function setState(change: Partial<ViewState>): void {
  state = { ...state, ...change };
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export { subscribe as subscribeToState };

/** `select` must give the same value for the same state. */
export function useLive<Value>(select: (state: ViewState) => Value): Value {
  return useSyncExternalStore(subscribe, () => select(state));
}

/** The world; only below where it is known to be there. */
export function useWorld(): NonNullable<ViewState["world"]> {
  const world = useLive((live) => live.world);
  if (!world) throw new Error("the world is not known yet");
  return world;
}

export function addNotice(notice: Omit<Notice, "id">): number {
  const id = ++noticeCount;
  setState({ notices: [...state.notices, { ...notice, id }] });
  return id;
}

export function removeNotice(id: number): void {
  setState({ notices: state.notices.filter((notice) => notice.id !== id) });
}

export function dismissMessage(id: string): void {
  setState({ dismissedIds: new Set([...state.dismissedIds, id]) });
}

/** The sandbox's time now. */
export function sandboxNow(): number {
  const { nowMs, rate, toldAtMs } = state.clock;
  return nowMs + (performance.now() - toldAtMs) * rate;
}
