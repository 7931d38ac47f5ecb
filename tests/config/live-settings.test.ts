import { DEFINITION_LIST } from "../../src/config/definitions.ts";
import { describeSettingsChange, type LiveChange, LiveSettings } from "../../src/config/live-settings.ts";
import { RULES } from "../../src/config/rules.ts";
import { describeSettings, loadSettings, type Settings } from "../../src/config/settings.ts";

const TOKEN = "a-monitor-token-of-mine";
const KEY = "a long passphrase of mine";

function load(environment: Record<string, string> = {}): Settings {
  return loadSettings({ environment });
}

function createLive(environment: Record<string, string> = {}) {
  const [changes, faults] = [[] as LiveChange[], [] as unknown[]];
  const live = new LiveSettings(load(environment), (error) => void faults.push(error));
  live.onChange((change) => void changes.push(change));
  return { live, changes, faults };
}

describe("LiveSettings", () => {
  it("put live values into effect, and keep the others as they were at the start", () => {
    const { live, changes } = createLive();
    const before = live.current;
    const change = live.apply(load({ DB_MAX_RETRIES: "9", MONITOR_PORT: "3001" }));
    expect(change).toMatchObject({ live: ["DB_MAX_RETRIES"], restart: ["MONITOR_PORT"], withdrawn: [] });
    expect(live.current).toMatchObject({ DB_MAX_RETRIES: 9, MONITOR_PORT: 3000 });
    expect(live.written).toMatchObject({ DB_MAX_RETRIES: 9, MONITOR_PORT: 3001 });
    expect(changes).toEqual([change]);
    expect(change.before).toBe(before);
    expect(change.after).toBe(live.current);
    expect(Object.isFrozen(live.current)).toBe(true);
    expect(before.DB_MAX_RETRIES).toBe(5);
  });

  it("tell what waits for a restart, from what is in effect to what will be", () => {
    const { live } = createLive({ MONITOR_TOKEN: TOKEN });
    live.apply(load({ MONITOR_TOKEN: TOKEN, MONITOR_PORT: "3001", DB_CACHE_SIZE: "128MB" }));
    live.apply(load({ MONITOR_TOKEN: `${TOKEN}!`, MONITOR_PORT: "3002" }));
    expect(live.pendingRestart).toEqual([
      { name: "MONITOR_PORT", from: "3000", to: "3002" },
      { name: "MONITOR_TOKEN", from: "set", to: "set to another value" },
    ]);
  });

  it("let nothing wait that was changed back to what is in effect", () => {
    const { live } = createLive();
    live.apply(load({ MONITOR_PORT: "3001", DATABASE_PATH: "other.db" }));
    const change = live.apply(load({ DATABASE_PATH: "other.db" }));
    expect(change).toMatchObject({ live: [], restart: [], withdrawn: ["MONITOR_PORT"] });
    expect(live.pendingRestart.map(({ name }) => name)).toEqual(["DATABASE_PATH"]);
  });

  it("name a waiting value once, not with every later change", () => {
    const { live } = createLive();
    live.apply(load({ MONITOR_PORT: "3001" }));
    const change = live.apply(load({ MONITOR_PORT: "3001", LOG_LEVEL: "warn" }));
    expect(change).toMatchObject({ live: ["LOG_LEVEL"], restart: [], withdrawn: [] });
  });

  it("say nothing when no value is another one", () => {
    const { live, changes } = createLive({ DB_MAX_RETRIES: "5", DISCORD_GUILD_IDS: "100000000000000001" });
    live.apply(load({ DB_RETRY_DELAY: "100ms", DISCORD_GUILD_IDS: "100000000000000001" }));
    expect(changes).toEqual([]);
  });

  it("tell every listener even when one throws, and report what it throws", () => {
    const { live, faults } = createLive();
    const fault = new Error("a listener's own");
    const told: string[] = [];
    live.onChange(() => {
      throw fault;
    });
    live.onChange(({ live: names }) => void told.push(...names));
    live.apply(load({ LOG_LEVEL: "warn" }));
    expect(told).toEqual(["LOG_LEVEL"]);
    expect(faults).toEqual([fault]);
    expect(live.current.LOG_LEVEL).toBe("warn");
  });

  it("tell no one who has stopped to listen, also when it stops while it is told", () => {
    const { live } = createLive();
    const told: string[] = [];
    const ends = ["first", "second"].map((name) =>
      live.onChange(() => {
        told.push(name);
        ends[0]!();
      }),
    );
    live.apply(load({ LOG_LEVEL: "warn" }));
    live.apply(load({ LOG_LEVEL: "debug" }));
    ends[1]!();
    ends[1]!();
    live.apply(load({ LOG_LEVEL: "error" }));
    expect(told).toEqual(["first", "second", "second"]);
  });

  it("know where each value in effect comes from", () => {
    const { live } = createLive({ MONITOR_PORT: "3001" });
    live.apply(loadSettings({ environment: {}, envFile: "MONITOR_PORT=3002\nLOG_LEVEL=warn" }));
    const sourceOf = (name: string) => describeSettings(live.current).find((each) => each.name === name)?.source;
    expect([sourceOf("MONITOR_PORT"), sourceOf("LOG_LEVEL"), sourceOf("LOG_DIR")]).toEqual([
      "environment",
      ".env",
      "default",
    ]);
  });
});

describe("a change described", () => {
  it("has each setting as people write it, with what became of it, and plain data only", () => {
    const { live, changes } = createLive();
    live.apply(load({ MONITOR_PORT: "3001" }));
    live.apply(load({ DB_RETRY_DELAY: "1500ms", DATABASE_PATH: "other.db" }));
    const described = describeSettingsChange(changes[1]!);
    expect(described).toEqual([
      { name: "DATABASE_PATH", from: "data/muster.db", to: "other.db", effect: "restart" },
      { name: "DB_RETRY_DELAY", from: "100ms", to: "1s500ms", effect: "live" },
      { name: "MONITOR_PORT", from: "3001", to: "3000", effect: "withdrawn" },
    ]);
    expect(JSON.parse(JSON.stringify(described))).toEqual(described);
  });

  it("tells of a secret only whether it is set", () => {
    const { live, changes } = createLive();
    live.apply(load({ DB_BACKUP_KEY: KEY, MONITOR_TOKEN: TOKEN }));
    live.apply(load({ DB_BACKUP_KEY: `${KEY} 2`, MONITOR_TOKEN: TOKEN }));
    live.apply(load({}));
    expect(changes.flatMap(describeSettingsChange)).toEqual([
      { name: "DB_BACKUP_KEY", from: "not set", to: "set", effect: "live" },
      { name: "MONITOR_TOKEN", from: "not set", to: "set", effect: "restart" },
      { name: "DB_BACKUP_KEY", from: "set", to: "set to another value", effect: "live" },
      { name: "DB_BACKUP_KEY", from: "set", to: "not set", effect: "live" },
      { name: "MONITOR_TOKEN", from: "set", to: "not set", effect: "withdrawn" },
    ]);
  });

  it("hides a secret that is pasted into another setting, also when it was only before", () => {
    const { live, changes } = createLive({ DB_BACKUP_KEY: KEY });
    live.apply(load({ LOG_DIR: `logs/${KEY}`, DB_BACKUP_DIR: `backups/${KEY}` }));
    live.apply(load({ DB_BACKUP_KEY: KEY }));
    expect(JSON.stringify(changes.map(describeSettingsChange))).not.toContain(KEY);
    expect(describeSettingsChange(changes[0]!)).toContainEqual(
      expect.objectContaining({ name: "LOG_DIR", from: "logs", to: "a value that is not shown" }),
    );
  });

  it("hides a secret among what waits for a restart", () => {
    const { live } = createLive({ DB_BACKUP_KEY: KEY });
    const expected = [{ name: "DB_BACKUP_DIR", from: "backups", to: "a value that is not shown" }];
    live.apply(load({ DB_BACKUP_KEY: KEY, DB_BACKUP_DIR: KEY }));
    expect(live.pendingRestart).toEqual(expected);
    live.apply(load({ DB_BACKUP_DIR: KEY }));
    live.apply(load({ DB_BACKUP_DIR: KEY, LOG_LEVEL: "warn" }));
    expect(live.pendingRestart).toEqual(expected);
  });
});

describe("the table of settings", () => {
  it("has no rule between a live setting and one that waits: what is in effect would break it", () => {
    const appliesOf = (name: string) => DEFINITION_LIST.find((each) => each.name === name)?.applies;
    for (const { name, others } of RULES) {
      expect(new Set([name, ...others].map(appliesOf)).size).toBe(1);
    }
    for (const { name, replaces } of DEFINITION_LIST) {
      if (replaces !== undefined) expect(appliesOf(replaces)).toBe(appliesOf(name));
    }
  });
});
