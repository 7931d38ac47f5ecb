import { useSyncExternalStore } from "react";
import type { IconName } from "./ui/icon.tsx";

/** Light or dark: as the system says, or as was chosen on this machine. */
export type ThemeChoice = "system" | "light" | "dark";

export const THEME_CHOICES: readonly { value: ThemeChoice; label: string; icon: IconName }[] = [
  { value: "system", label: "As the system", icon: "system" },
  { value: "light", label: "Light", icon: "sun" },
  { value: "dark", label: "Dark", icon: "moon" },
];

const KEY = "muster-theme";
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function getChoice(): ThemeChoice {
  return THEME_CHOICES.find(({ value }) => value === localStorage.getItem(KEY))?.value ?? "system";
}

/** Sets the choice on the page; the style sheets follow `data-theme`. */
export function applyTheme(): void {
  const choice = getChoice();
  if (choice === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = choice;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  systemDark.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    systemDark.removeEventListener("change", listener);
  };
}

export function useThemeChoice(): [ThemeChoice, (choice: ThemeChoice) => void] {
  const choose = (choice: ThemeChoice): void => {
    localStorage.setItem(KEY, choice);
    applyTheme();
    for (const listener of listeners) listener();
  };
  return [useSyncExternalStore(subscribe, getChoice), choose];
}

/** Whether the page is dark at the moment, by choice or by the system. */
export function useIsDark(): boolean {
  return useSyncExternalStore(subscribe, () => {
    const choice = getChoice();
    return choice === "system" ? systemDark.matches : choice === "dark";
  });
}
