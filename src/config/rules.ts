import type { SettingName, SettingValues } from "./definitions.ts";
import { isLoopback } from "./kinds.ts";

/** A condition between settings that are each valid. */
export interface Rule {
  /** The setting that is named when the rule is broken. */
  readonly name: SettingName;
  readonly others: readonly SettingName[];
  readonly isKept: (settings: SettingValues) => boolean;
  /** Completes the sentence "expected …"; `write` gives another setting with its value, as people write it. */
  readonly expected: (write: (name: SettingName) => string) => string;
}

type NumberName = { [Name in SettingName]: SettingValues[Name] extends number ? Name : never }[SettingName];

function isLess(name: NumberName, other: NumberName): Rule {
  return {
    name,
    others: [other],
    isKept: (settings) => settings[name] < settings[other],
    expected: (write) => `less than ${write(other)}`,
  };
}

export const RULES: readonly Rule[] = [
  {
    name: "MONITOR_TOKEN",
    others: ["MONITOR_HOST", "MONITOR_PORT"],
    isKept: (settings) =>
      settings.MONITOR_TOKEN !== "" || settings.MONITOR_PORT === 0 || isLoopback(settings.MONITOR_HOST),
    expected: (write) => `a token, because ${write("MONITOR_HOST")} can be reached from other machines`,
  },
  {
    name: "DB_RETRY_DELAY",
    others: ["DB_MAX_RETRY_DELAY"],
    isKept: (settings) => settings.DB_RETRY_DELAY <= settings.DB_MAX_RETRY_DELAY,
    expected: (write) => `at most ${write("DB_MAX_RETRY_DELAY")}`,
  },
  isLess("ALERT_WARNING_RESPONSE", "ALERT_CRITICAL_RESPONSE"),
  isLess("ALERT_WARNING_ERROR_RATE", "ALERT_CRITICAL_ERROR_RATE"),
  {
    name: "SANDBOX_PORT",
    others: ["MONITOR_PORT", "DISCORD_TOKEN"],
    isKept: (settings) =>
      settings.DISCORD_TOKEN !== "" || settings.SANDBOX_PORT === 0 || settings.SANDBOX_PORT !== settings.MONITOR_PORT,
    expected: (write) => `another port than ${write("MONITOR_PORT")}`,
  },
];
