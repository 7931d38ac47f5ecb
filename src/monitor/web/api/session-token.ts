/** The monitor's token, kept until the tab is closed and never longer: a browser's other storage outlives its user. */
const KEY = "muster-token";
const listeners = new Set<() => void>();

export function getToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export function setToken(token: string | undefined): void {
  if (token === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
  for (const listener of listeners) listener();
}

/** Calls back when the token is set or forgotten; returns how to end that. */
export function onToken(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
