import type { z } from "zod";
import type { Definition } from "./definition.ts";
import {
  boolean,
  choice,
  cron,
  dailyWindow,
  decimal,
  duration,
  getHostTimezone,
  host,
  integer,
  optional,
  path,
  percentage,
  secret,
  size,
  snowflake,
  snowflakes,
  timezone,
  url,
} from "./kinds.ts";

const LOG_LEVELS_BY_NODE_ENV: Readonly<Record<string, string>> = { development: "debug", test: "error" };

/** Every setting of the program, each once, in the order in which documents list them. */
export const DEFINITIONS = {
  NODE_ENV: {
    group: "general",
    kind: choice("development", "test", "production"),
    default: "production",
    applies: "restart",
    description: "What the bot runs for; chooses the default of LOG_LEVEL",
  },
  TEST_MODE: {
    group: "general",
    kind: boolean(),
    default: "false",
    applies: "restart",
    description: "Keep the database in memory only: everything is gone at the end",
  },

  DISCORD_TOKEN: {
    group: "discord",
    kind: optional(secret({ minLength: 1, areSpacesAllowed: false, what: "the bot's token" }), ""),
    default: "",
    applies: "restart",
    isSecret: true,
    description: "The bot's token; without one the bot starts with the built-in sandbox",
  },
  DISCORD_API_URL: {
    group: "discord",
    kind: url({ isEncrypted: false }),
    default: "https://discord.com/api",
    applies: "restart",
    description: "Base address of Discord's REST API; the gateway's address is asked from it",
  },
  DISCORD_GUILD_IDS: {
    group: "discord",
    kind: optional(snowflakes(), [] as const),
    default: "",
    applies: "restart",
    description: "Servers where the commands are registered; empty registers them everywhere",
  },

  DATABASE_PATH: {
    group: "database",
    kind: path("a file"),
    default: "data/muster.db",
    applies: "restart",
    aliases: ["DB_PATH"],
    description: "The database file; its folder also keeps the spool, the lock and the quarantine",
  },
  DB_MAX_CONNECTIONS: {
    group: "database",
    kind: integer(2, 16),
    default: "3",
    applies: "live",
    fileKeys: ["connection_pool.max_connections"],
    description: "Connections to the database: one writes, the others read",
  },
  DB_CONNECTION_TIMEOUT: {
    group: "database",
    kind: duration("100ms", "5m"),
    default: "30s",
    applies: "live",
    fileKeys: ["connection_pool.connection_timeout"],
    description: "Longest wait for a connection before it counts as lost",
  },
  DB_OPERATION_TIMEOUT: {
    group: "database",
    kind: duration("50ms", "2500ms"),
    default: "2s",
    applies: "live",
    description: "Longest wait for the database inside one interaction; Discord gives up after 3s",
  },
  DB_SYNCHRONOUS: {
    group: "database",
    kind: choice("full", "extra", "normal"),
    default: "full",
    applies: "restart",
    description: "When a commit is on disk; normal may lose acknowledged writes in a power cut",
  },
  DB_FOREIGN_KEYS: {
    group: "database",
    kind: boolean(),
    default: "true",
    applies: "restart",
    description: "Let the database refuse rows that point to nothing",
  },
  DB_CACHE_SIZE: {
    group: "database",
    kind: size("1MB", "4GB"),
    default: "64MB",
    applies: "restart",
    description: "SQLite's page cache",
  },
  DB_READ_CACHE: {
    group: "database",
    kind: integer(0, 1_000_000),
    default: "10000",
    applies: "live",
    description: "Answers kept in memory for repeated reads and for when the database is away; 0 keeps none",
  },

  DB_MAX_RETRIES: {
    group: "retry",
    kind: integer(0, 20),
    default: "5",
    applies: "live",
    fileKeys: ["retry.max_retries"],
    description: "How often a temporary failure is tried again",
  },
  DB_RETRY_DELAY: {
    group: "retry",
    kind: duration("1ms", "1m"),
    default: "100ms",
    applies: "live",
    fileKeys: ["retry.base_delay"],
    description: "Wait before the first retry",
  },
  DB_MAX_RETRY_DELAY: {
    group: "retry",
    kind: duration("1ms", "10m"),
    default: "30s",
    applies: "live",
    fileKeys: ["retry.max_delay"],
    description: "Longest wait between two retries; at least DB_RETRY_DELAY",
  },
  DB_RETRY_MULTIPLIER: {
    group: "retry",
    kind: decimal(1, 10),
    default: "2",
    applies: "live",
    fileKeys: ["retry.backoff_multiplier"],
    description: "How much longer each wait is than the one before",
  },
  DB_BREAKER_THRESHOLD: {
    group: "retry",
    kind: integer(1, 1000),
    default: "5",
    applies: "live",
    description: "Failures in a row after which the circuit breaker opens",
  },
  DB_BREAKER_RESET: {
    group: "retry",
    kind: duration("100ms", "1h"),
    default: "30s",
    applies: "live",
    description: "How long the breaker stays open before it lets a probe through",
  },

  DB_MONITORING_ENABLED: {
    group: "health",
    kind: boolean(),
    default: "true",
    applies: "live",
    fileKeys: ["monitoring.enabled"],
    description: "Check the database's health regularly, keep its metrics and raise alerts",
  },
  DB_HEALTH_CHECK_INTERVAL: {
    group: "health",
    kind: duration("100ms", "1h"),
    default: "30s",
    applies: "live",
    fileKeys: ["monitoring.health_check_interval", "connection_pool.health_check_interval"],
    description: "Time between two health checks, also of idle connections",
  },
  METRICS_RETENTION_DAYS: {
    group: "health",
    kind: integer(1, 3650),
    default: "30",
    applies: "live",
    fileKeys: ["monitoring.metrics_retention_days"],
    description: "Days for which metrics and usage records are kept",
  },
  DB_SLOW_QUERY: {
    group: "health",
    kind: duration("0", "1m"),
    default: "100ms",
    applies: "live",
    description: "A query that takes this long is logged with its plan",
  },
  DB_INTEGRITY_SCHEDULE: {
    group: "health",
    kind: cron(),
    default: "0 4 * * *",
    applies: "live",
    description: "When the whole database is checked for damage",
  },
  DB_MIGRATION_WINDOW: {
    group: "health",
    kind: optional(dailyWindow(), undefined),
    default: "",
    applies: "live",
    example: "02:00-05:00",
    description: "Times of day, by the host's clocks, when an update may change the tables; empty is any time",
  },
  DB_MAX_SIZE: {
    group: "health",
    kind: size("1MB", "1TB"),
    default: "2GB",
    applies: "live",
    description: "Size allowed for the database; near it, old data is cleaned up and the file optimised",
  },

  DB_BACKUP_ENABLED: {
    group: "backup",
    kind: boolean(),
    default: "true",
    applies: "live",
    fileKeys: ["backup.enabled"],
    description: "Make backups on schedule; those asked for by hand are always made",
  },
  DB_BACKUP_DIR: {
    group: "backup",
    kind: path("a folder"),
    default: "backups",
    applies: "restart",
    description: "Folder of the snapshots and the archive, best on another disk",
  },
  DB_BACKUP_SCHEDULE: {
    group: "backup",
    kind: optional(cron(), ""),
    default: "0 */6 * * *",
    applies: "live",
    description: "When a backup is made; empty while DB_BACKUP_INTERVAL_HOURS is given instead",
  },
  DB_BACKUP_INTERVAL_HOURS: {
    group: "backup",
    kind: optional(decimal(0.25, 720), undefined),
    default: "",
    applies: "live",
    fileKeys: ["backup.interval_hours"],
    replaces: "DB_BACKUP_SCHEDULE",
    example: "6",
    description: "Hours between two backups, instead of DB_BACKUP_SCHEDULE",
  },
  DB_MAX_BACKUPS: {
    group: "backup",
    kind: integer(1, 1000),
    default: "10",
    applies: "live",
    fileKeys: ["backup.max_backups"],
    description: "Verified backups that are kept; older ones are deleted",
  },
  DB_COMPRESS_BACKUPS: {
    group: "backup",
    kind: boolean(),
    default: "true",
    applies: "live",
    fileKeys: ["backup.compress"],
    description: "Compress backups and closed archive segments",
  },
  DB_BACKUP_KEY: {
    group: "backup",
    kind: optional(secret({ minLength: 16, areSpacesAllowed: true, what: "a passphrase" }), ""),
    default: "",
    applies: "live",
    isSecret: true,
    description: "Passphrase that encrypts backups; keep a copy elsewhere, without it no one can read them",
  },
  DB_ARCHIVE: {
    group: "backup",
    kind: boolean(),
    default: "true",
    applies: "live",
    description: "Archive every committed change, so that any instant can be restored",
  },
  DB_ARCHIVE_INTERVAL: {
    group: "backup",
    kind: duration("0", "1h"),
    default: "1s",
    applies: "live",
    description: "How far the archive may lag behind; 0 archives before a write is acknowledged",
  },
  DB_AUTO_RECOVER: {
    group: "backup",
    kind: boolean(),
    default: "true",
    applies: "live",
    description: "Replace a damaged database by the recovered one without asking",
  },

  AUTO_MIGRATE: {
    group: "legacy",
    kind: boolean(),
    default: "true",
    applies: "restart",
    description: "Import legacy JSON files found in LEGACY_JSON_DIR at start",
  },
  LEGACY_JSON_DIR: {
    group: "legacy",
    kind: path("a folder"),
    default: "data/legacy",
    applies: "restart",
    description: "Folder where legacy JSON files are looked for",
  },
  LEGACY_TIMEZONE: {
    group: "legacy",
    kind: timezone(),
    default: { words: "the host's time zone", from: getHostTimezone },
    applies: "restart",
    description: "Time zone of the times in legacy files, which do not say it themselves",
  },
  BACKUP_JSON_ON_MIGRATION: {
    group: "legacy",
    kind: boolean(),
    default: "true",
    applies: "live",
    description: "Keep a copy of each legacy file that is imported",
  },

  REMINDER_MIN_INTERVAL: {
    group: "reminder",
    kind: duration("1s", "30d"),
    default: "5m",
    applies: "live",
    description: "Shortest interval that an event may have between reminders",
  },

  MONITOR_HOST: {
    group: "monitor",
    kind: host(),
    default: "127.0.0.1",
    applies: "restart",
    description: "Address that the monitor listens on; anything but loopback needs MONITOR_TOKEN",
  },
  MONITOR_PORT: {
    group: "monitor",
    kind: integer(0, 65_535),
    default: "3000",
    applies: "restart",
    description: "Port of the monitor; 0 turns it off",
  },
  MONITOR_TOKEN: {
    group: "monitor",
    kind: optional(secret({ minLength: 16, areSpacesAllowed: false, what: "a token" }), ""),
    default: "",
    applies: "restart",
    isSecret: true,
    description: "Bearer token, needed for requests that change something and beyond loopback",
  },

  ALERT_CHANNEL_ID: {
    group: "alert",
    kind: optional(snowflake(), ""),
    default: "",
    applies: "live",
    description: "Discord channel where alerts are posted",
  },
  ALERT_WEBHOOK_URL: {
    group: "alert",
    kind: optional(url({ isEncrypted: true }), ""),
    default: "",
    applies: "live",
    isSecret: true,
    description: "Webhook that alerts are sent to, also while Discord's gateway is away",
  },
  ALERT_WARNING_RESPONSE: {
    group: "alert",
    kind: duration("1ms", "10m"),
    default: "2s",
    applies: "live",
    description: "Response time of the database over which a warning is raised",
  },
  ALERT_CRITICAL_RESPONSE: {
    group: "alert",
    kind: duration("1ms", "10m"),
    default: "5s",
    applies: "live",
    description: "Response time over which it is critical; more than ALERT_WARNING_RESPONSE",
  },
  ALERT_WARNING_ERROR_RATE: {
    group: "alert",
    kind: percentage(),
    default: "5%",
    applies: "live",
    description: "Share of failed operations over which a warning is raised",
  },
  ALERT_CRITICAL_ERROR_RATE: {
    group: "alert",
    kind: percentage(),
    default: "15%",
    applies: "live",
    description: "Share over which it is critical; more than ALERT_WARNING_ERROR_RATE",
  },

  SANDBOX_PORT: {
    group: "sandbox",
    kind: integer(0, 65_535),
    default: "4000",
    applies: "restart",
    description: "Port of the built-in sandbox; 0 takes any free one",
  },

  LOG_LEVEL: {
    group: "log",
    kind: choice("error", "warn", "info", "debug"),
    default: {
      words: "by NODE_ENV: debug in development, error in test, info in production",
      from: (nodeEnv) => LOG_LEVELS_BY_NODE_ENV[nodeEnv] ?? "info",
    },
    applies: "live",
    description: "The least important lines that are logged",
  },
  LOG_DIR: {
    group: "log",
    kind: path("a folder"),
    default: "logs",
    applies: "live",
    description: "Folder of the daily log files",
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type SettingName = keyof typeof DEFINITIONS;

/** What each setting's schema gives. */
export type SettingValues = {
  readonly [Name in SettingName]: z.output<(typeof DEFINITIONS)[Name]["kind"]["schema"]>;
};

export interface NamedDefinition extends Definition {
  readonly name: SettingName;
}

export const DEFINITION_LIST: readonly NamedDefinition[] = Object.entries<Definition>(DEFINITIONS).map(
  ([name, definition]) => ({ name: name as SettingName, ...definition }),
);
