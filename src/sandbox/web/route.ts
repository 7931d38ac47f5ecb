import { useSyncExternalStore } from "react";

/** Where the visitor is, and who: `#/<channel>?as=<person>`, so that a reload or a link leads back there. */
export interface Route {
  readonly channelId: string | undefined;
  readonly userId: string | undefined;
}

const listeners = new Set<() => void>();
let route = parseRoute(window.location.hash);

window.addEventListener("hashchange", () => {
  route = parseRoute(window.location.hash);
  for (const listener of listeners) listener();
});

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  return { channelId: path === "" ? undefined : path, userId: new URLSearchParams(query).get("as") ?? undefined };
}

export function getRoute(): Route {
  return route;
}

export function subscribeToRoute(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribeToRoute, getRoute);
}

export function goTo(change: Partial<Route>, options: { readonly replaces?: boolean } = {}): void {
  const next = { ...route, ...change };
  const query = next.userId === undefined ? "" : `?as=${next.userId}`;
  const hash = `#/${next.channelId ?? ""}${query}`;
  if (options.replaces !== true) {
    window.location.hash = hash;
    return;
  }
  window.history.replaceState(null, "", hash);
  route = next;
  for (const listener of listeners) listener();
}
