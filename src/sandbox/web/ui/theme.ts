import { useSyncExternalStore } from "react";

/** Light or dark: as the system says, or as was chosen on this machine. */
export type ThemeChoice = "system" | "light" | "dark";

const KEY = "muster-sandbox-theme";
const NEXT: Readonly<Record<ThemeChoice, ThemeChoice>> = { system: "light", light: "dark", dark: "system" };
const listeners = new Set<() => void>();

function getChoice(): ThemeChoice {
  const stored = localStorage.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** The style sheets follow `data-theme`. */
export function applyTheme(): void {
  const choice = getChoice();
  if (choice === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = choice;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The choice, and what goes on to the next one. */
export function useTheme(): [ThemeChoice, () => void] {
  const advance = (): void => {
    localStorage.setItem(KEY, NEXT[getChoice()]);
    applyTheme();
    for (const listener of listeners) listener();
  };
  return [useSyncExternalStore(subscribe, getChoice), advance];
}
