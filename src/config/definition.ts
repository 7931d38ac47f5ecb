import type { Kind } from "./kinds.ts";

/** One setting. Its name is its variable, everywhere: in the environment, in the program, in the documentation. */
export interface Definition {
  readonly group: GroupName;
  readonly kind: Kind<unknown>;
  /** As people write it; `""` = none. */
  readonly default: string | DynamicDefault;
  /** "live" = a changed value is applied while the bot runs. */
  readonly applies: "live" | "restart";
  /** One line. */
  readonly description: string;
  readonly isSecret?: true;
  /** Other variables that are read as this one. */
  readonly aliases?: readonly string[];
  /** `group.key` in config/database.json. */
  readonly fileKeys?: readonly string[];
  /** The setting that this one is another way to give: only one of them counts. */
  readonly replaces?: "DB_BACKUP_SCHEDULE";
  /** What documents show where the default is empty. */
  readonly example?: string;
}

export interface DynamicDefault {
  readonly words: string;
  /** The default's text, given the value of NODE_ENV. */
  readonly from: (nodeEnv: string) => string;
}

export const GROUPS = {
  general: "General",
  discord: "Discord",
  database: "Database",
  retry: "Retries and circuit breaker",
  health: "Health and maintenance",
  backup: "Backups, archive and recovery",
  legacy: "Import of legacy data",
  reminder: "Reminders",
  monitor: "Monitor",
  alert: "Alerts",
  sandbox: "Sandbox",
  log: "Logs",
} as const;

export type GroupName = keyof typeof GROUPS;

/** The default in words that people read: its text, what it depends on, or "". */
export function describeDefault(definition: Definition): string {
  return typeof definition.default === "string" ? definition.default : definition.default.words;
}
