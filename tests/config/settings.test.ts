import { DEFINITION_LIST } from "../../src/config/definitions.ts";
import { compareSettings, describeSettings, loadSettings, type Settings } from "../../src/config/settings.ts";
import type { SettingSources } from "../../src/config/sources.ts";
import { MusterError } from "../../src/core/errors.ts";
import { errorLike } from "../helpers/database.ts";

const MINUTE_MS = 60_000;
const MB = 1024 ** 2;

function load(environment: Record<string, string>, files: Omit<SettingSources, "environment"> = {}): Settings {
  return loadSettings({ environment, ...files });
}

/** The message with which loading fails. */
function failToLoad(environment: Record<string, string>, files: Omit<SettingSources, "environment"> = {}): string {
  try {
    load(environment, files);
  } catch (error) {
    expect(error).toBeInstanceOf(MusterError);
    expect((error as MusterError).code).toBe("CONFIG_INVALID");
    return (error as MusterError).message;
  }
  throw new Error("the settings were accepted");
}

describe("defaults", () => {
  it("are those of the design", () => {
    expect(load({ LEGACY_TIMEZONE: "UTC" })).toEqual({
      NODE_ENV: "production",
      TEST_MODE: false,
      DISCORD_TOKEN: "",
      DISCORD_API_URL: "https://discord.com/api",
      DISCORD_GUILD_IDS: [],
      DATABASE_PATH: "data/muster.db",
      DB_MAX_CONNECTIONS: 3,
      DB_CONNECTION_TIMEOUT: 30_000,
      DB_OPERATION_TIMEOUT: 2_000,
      DB_SYNCHRONOUS: "full",
      DB_FOREIGN_KEYS: true,
      DB_CACHE_SIZE: 64 * MB,
      DB_READ_CACHE: 10_000,
      DB_MAX_RETRIES: 5,
      DB_RETRY_DELAY: 100,
      DB_MAX_RETRY_DELAY: 30_000,
      DB_RETRY_MULTIPLIER: 2,
      DB_BREAKER_THRESHOLD: 5,
      DB_BREAKER_RESET: 30_000,
      DB_MONITORING_ENABLED: true,
      DB_HEALTH_CHECK_INTERVAL: 30_000,
      METRICS_RETENTION_DAYS: 30,
      DB_SLOW_QUERY: 100,
      DB_INTEGRITY_SCHEDULE: "0 4 * * *",
      DB_MAX_SIZE: 2048 * MB,
      DB_BACKUP_ENABLED: true,
      DB_BACKUP_DIR: "backups",
      DB_BACKUP_SCHEDULE: "0 */6 * * *",
      DB_BACKUP_INTERVAL_HOURS: undefined,
      DB_KEEP_DAILY: 0,
      DB_KEEP_MONTHLY: 0,
      DB_KEEP_WEEKLY: 0,
      DB_MAX_BACKUPS: 10,
      DB_COMPRESS_BACKUPS: true,
      DB_BACKUP_KEY: "",
      DB_ARCHIVE: true,
      DB_ARCHIVE_INTERVAL: 1_000,
      DB_AUTO_RECOVER: true,
      DB_MIGRATION_WINDOW: undefined,
      AUTO_MIGRATE: true,
      LEGACY_JSON_DIR: "data/legacy",
      LEGACY_TIMEZONE: "UTC",
      BACKUP_JSON_ON_MIGRATION: true,
      REMINDER_MIN_INTERVAL: 5 * MINUTE_MS,
      MONITOR_HOST: "127.0.0.1",
      MONITOR_PORT: 3000,
      MONITOR_TOKEN: "",
      ALERT_CHANNEL_ID: "",
      ALERT_WEBHOOK_URL: "",
      ALERT_WARNING_RESPONSE: 2_000,
      ALERT_CRITICAL_RESPONSE: 5_000,
      ALERT_WARNING_ERROR_RATE: 0.05,
      ALERT_CRITICAL_ERROR_RATE: 0.15,
      SANDBOX_PORT: 4000,
      LOG_LEVEL: "info",
      LOG_DIR: "logs",
    });
  });

  it("apply at a restart where a running part cannot change, and live elsewhere", () => {
    const atRestart = DEFINITION_LIST.filter(({ applies }) => applies === "restart").map(({ name }) => name);
    expect(atRestart.sort()).toEqual(
      [
        ...["DISCORD_TOKEN", "DISCORD_API_URL", "DISCORD_GUILD_IDS", "DATABASE_PATH", "TEST_MODE", "AUTO_MIGRATE"],
        ...[
          "LEGACY_JSON_DIR",
          "LEGACY_TIMEZONE",
          "DB_SYNCHRONOUS",
          "DB_FOREIGN_KEYS",
          "DB_CACHE_SIZE",
          "DB_BACKUP_DIR",
        ],
        ...["MONITOR_HOST", "MONITOR_PORT", "MONITOR_TOKEN", "SANDBOX_PORT", "NODE_ENV"],
      ].sort(),
    );
  });

  it("take the time zone of the host for legacy files", () => {
    expect(load({}).LEGACY_TIMEZONE).toBe(new Intl.DateTimeFormat().resolvedOptions().timeZone);
  });

  it.each([
    ["development", "debug"],
    ["test", "error"],
    ["production", "info"],
  ])("log in %s from %s on", (NODE_ENV, level) => {
    expect(load({ NODE_ENV }).LOG_LEVEL).toBe(level);
    expect(load({}, { envFile: `NODE_ENV=${NODE_ENV}` }).LOG_LEVEL).toBe(level);
    expect(load({ NODE_ENV, LOG_LEVEL: "warn" }).LOG_LEVEL).toBe("warn");
  });

  it("stand for what is empty", () => {
    expect(load({ DB_MAX_RETRIES: "", DB_RETRY_DELAY: "  " })).toMatchObject({
      DB_MAX_RETRIES: 5,
      DB_RETRY_DELAY: 100,
    });
    expect(load({ DB_MAX_RETRIES: "" }, { envFile: "DB_MAX_RETRIES=7" }).DB_MAX_RETRIES).toBe(7);
    expect(load({}, { databaseFile: '{"retry":{"max_retries":null,"base_delay":""}}' }).DB_MAX_RETRIES).toBe(5);
  });
});

describe("a wrong value", () => {
  it.each([
    ["DB_RETRY_DELAY", "100", "a duration from 1ms to 1m"],
    ["DB_RETRY_DELAY", "2m", "a duration from 1ms to 1m"],
    ["DB_OPERATION_TIMEOUT", "3s", "a duration from 50ms to 2500ms"],
    ["DB_CACHE_SIZE", "64", "a size from 1MB to 4GB"],
    ["DB_MAX_SIZE", "2TB", "a size from 1MB to 1TB"],
    ["DB_MAX_CONNECTIONS", "1", "a whole number from 2 to 16"],
    ["DB_MAX_CONNECTIONS", "17", "a whole number from 2 to 16"],
    ["DB_MAX_RETRIES", "2.5", "a whole number from 0 to 20"],
    ["DB_MAX_RETRIES", "-1", "a whole number from 0 to 20"],
    ["DB_RETRY_MULTIPLIER", "0.5", "a number from 1 to 10"],
    ["MONITOR_PORT", "65536", "a whole number from 0 to 65535"],
    ["AUTO_MIGRATE", "maybe", "true or false"],
    ["DB_SYNCHRONOUS", "off", "one of full, extra, normal"],
    ["NODE_ENV", "staging", "one of development, test, production"],
    ["DB_INTEGRITY_SCHEDULE", "every day", "a cron expression of five fields"],
    ["ALERT_WARNING_ERROR_RATE", "5", "a percentage from 0% to 100%"],
    ["ALERT_CRITICAL_ERROR_RATE", "101%", "a percentage from 0% to 100%"],
    ["ALERT_CHANNEL_ID", "general", "a Discord id"],
    ["DISCORD_GUILD_IDS", "100000000000000001,general", "Discord ids"],
    ["DISCORD_API_URL", "discord.com/api", "an http:// or https:// address"],
    ["MONITOR_HOST", "not a host", "a host name or an IP address"],
    ["MONITOR_HOST", "256.0.0.1", "a host name or an IP address"],
    ["LEGACY_TIMEZONE", "Atlantis/Capital", "an IANA time zone"],
    ["LEGACY_TIMEZONE", "+02:00", "an IANA time zone"],
    ["DATABASE_PATH", ":memory:", "TEST_MODE=true"],
    ["LOG_LEVEL", "loud", "one of error, warn, info, debug"],
  ])("of %s is named: %s", (name, value, expected) => {
    const message = failToLoad({ [name]: value });
    expect(message).toContain("1 problem\n");
    expect(message).toContain(`- ${name} (environment): expected `);
    expect(message).toContain(expected);
    expect(message).toContain(`given "${value}"`);
  });

  it("is reported together with all others, whatever their kind and source", () => {
    const message = failToLoad(
      { DB_MAX_RETRIES: "many", MONITOR_HOST: "0.0.0.0" },
      { envFile: "DB_RETRY_DELY=1s\nLOG_LEVEL=loud", databaseFile: '{"backup":{"compress":"zip"},"extra":{}}' },
    );
    expect(message).toMatch(/6 problems\n/);
    const names = message
      .split("\n")
      .slice(1)
      .map((line) => line.split(" ")[1]);
    expect(names.sort()).toEqual(
      ["DB_COMPRESS_BACKUPS", "DB_MAX_RETRIES", "DB_RETRY_DELY", "LOG_LEVEL", "MONITOR_TOKEN", "extra"].sort(),
    );
    expect(message).toContain("DB_COMPRESS_BACKUPS (backup.compress in config/database.json)");
  });

  it("is listed in the error's details for programs", () => {
    const problem = {
      name: "DB_MAX_RETRIES",
      where: "environment",
      expected: "a whole number from 0 to 20",
      given: '"many"',
    };
    expect(() => load({ DB_MAX_RETRIES: "many" })).toThrow(errorLike({ details: { problems: [problem] } }));
  });

  it("does not matter where a stronger source gives another", () => {
    expect(load({ DB_MAX_RETRIES: "4" }, { envFile: "DB_MAX_RETRIES=many" }).DB_MAX_RETRIES).toBe(4);
  });

  it("is cut when it is very long", () => {
    expect(failToLoad({ DB_MAX_RETRIES: "9".repeat(10_000) }).length).toBeLessThan(300);
  });
});

describe("secrets", () => {
  it.each([
    ["DISCORD_TOKEN", "hunter2 hunter2"],
    ["MONITOR_TOKEN", "hunter2"],
    ["DB_BACKUP_KEY", "hunter2"],
    ["DB_BACKUP_KEY", "hnt2"],
    ["ALERT_WEBHOOK_URL", "http://example.org/hunter2"],
  ])("of %s are not shown when they are wrong", (name, value) => {
    const message = failToLoad({ [name]: value });
    expect(message).toContain(`- ${name} (environment): expected `);
    expect(message).toContain("given a value that is not shown");
    expect(message).not.toContain(value);
    expect(message).not.toContain("hunter2");
  });

  it("are not shown when they are pasted into another variable, a wrong one or a broken file", () => {
    const secret = "a-monitor-token-of-mine";
    expect(failToLoad({ MONITOR_TOKEN: secret, MONITOR_PORT: secret })).not.toContain(secret);
    expect(failToLoad({}, { envFile: `MONITOR_TOKN=${secret}` })).not.toContain(secret);
    expect(failToLoad({}, { databaseFile: `{"retry":{"token":"${secret}"}}` })).not.toContain(secret);
    expect(failToLoad({}, { databaseFile: `{"retry": ${secret}}` })).not.toContain(secret);
  });

  it("are described as set or not set", () => {
    const described = describeSettings(load({ MONITOR_TOKEN: "a-monitor-token-of-mine" }));
    const valueOf = (name: string): string | undefined => described.find((each) => each.name === name)?.value;
    expect(valueOf("MONITOR_TOKEN")).toBe("set");
    expect(valueOf("DISCORD_TOKEN")).toBe("not set");
    expect(JSON.stringify(described)).not.toContain("a-monitor-token-of-mine");
  });
});

describe("settings that belong together", () => {
  it("need a monitor token beyond loopback only", () => {
    expect(failToLoad({ MONITOR_HOST: "0.0.0.0" })).toMatch(/MONITOR_TOKEN .*because MONITOR_HOST=0\.0\.0\.0/);
    expect(failToLoad({ MONITOR_HOST: "::" })).toContain("MONITOR_TOKEN");
    for (const MONITOR_HOST of ["127.0.0.1", "127.8.0.1", "::1", "localhost"]) load({ MONITOR_HOST });
    load({ MONITOR_HOST: "0.0.0.0", MONITOR_TOKEN: "sixteen-letters!" });
    load({ MONITOR_HOST: "0.0.0.0", MONITOR_PORT: "0" });
  });

  it("keep the order of retry delays and of alert thresholds", () => {
    expect(failToLoad({ DB_RETRY_DELAY: "1m" })).toContain(
      'DB_RETRY_DELAY (environment): expected at most DB_MAX_RETRY_DELAY=30s, given "1m"',
    );
    load({ DB_RETRY_DELAY: "30s" });
    expect(failToLoad({ ALERT_WARNING_RESPONSE: "5s" })).toContain("less than ALERT_CRITICAL_RESPONSE=5s");
    expect(failToLoad({ ALERT_CRITICAL_ERROR_RATE: "5%" })).toContain("less than ALERT_CRITICAL_ERROR_RATE=5%");
  });

  it("do not let the sandbox and the monitor take one port", () => {
    expect(failToLoad({ SANDBOX_PORT: "3000" })).toContain("another port than MONITOR_PORT=3000");
    load({ SANDBOX_PORT: "3000", DISCORD_TOKEN: "token" });
    load({ SANDBOX_PORT: "0", MONITOR_PORT: "0" });
  });
});

describe("settings", () => {
  it("are frozen, with their lists", () => {
    const settings = load({ DISCORD_GUILD_IDS: "100000000000000001, 100000000000000002,100000000000000001" });
    expect(settings.DISCORD_GUILD_IDS).toEqual(["100000000000000001", "100000000000000002"]);
    expect(Object.isFrozen(settings)).toBe(true);
    expect(Object.isFrozen(settings.DISCORD_GUILD_IDS)).toBe(true);
  });

  it("are described as people write them, with their source and default", () => {
    const settings = load({ DB_RETRY_DELAY: "1500ms" }, { databaseFile: '{"retry":{"max_retries":3}}' });
    const described = describeSettings(settings);
    expect(described).toHaveLength(DEFINITION_LIST.length);
    expect(described).toContainEqual({
      name: "DB_RETRY_DELAY",
      value: "1s500ms",
      source: "environment",
      default: "100ms",
      applies: "live",
    });
    expect(described).toContainEqual(
      expect.objectContaining({ name: "DB_MAX_RETRIES", value: "3", source: "config/database.json" }),
    );
    expect(described).toContainEqual(
      expect.objectContaining({ name: "ALERT_WARNING_ERROR_RATE", value: "5%", source: "default" }),
    );
    expect(describeSettings({ ...settings })[0]!.source).toBe("program");
  });

  it("are compared by what can change while the bot runs", () => {
    const before = load({ DISCORD_GUILD_IDS: "100000000000000001" });
    const after = load({ DISCORD_GUILD_IDS: "100000000000000001", DB_MAX_RETRIES: "6", MONITOR_PORT: "3001" });
    expect(compareSettings(before, after)).toEqual({ live: ["DB_MAX_RETRIES"], restart: ["MONITOR_PORT"] });
    expect(compareSettings(before, load({ DISCORD_GUILD_IDS: "100000000000000001" }))).toEqual({
      live: [],
      restart: [],
    });
  });
});
