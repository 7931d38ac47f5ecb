import { mkdirSync, renameSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import type { WatchFolder } from "../../src/config/file-events.ts";
import { LiveSettings } from "../../src/config/live-settings.ts";
import { loadSettingsFromDisk, loadSettingsFromFiles, readSettingFiles } from "../../src/config/load-settings.ts";
import {
  type SettingsReport,
  SettingsWatcher,
  type SettingsWatcherOptions,
} from "../../src/config/settings-watcher.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { SettingFolder } from "./setting-folder.ts";

const POLL_MS = 5_000;
const DEBOUNCE_MS = 250;
const TOKEN = "a-monitor-token-of-mine";

/** Waits for what the file system does in its own time. */
async function until(isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error("it did not happen within 10 seconds");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Events of folders that happen when the test says so. */
class HandMadeEvents {
  readonly listeners = new Map<string, (name: string | null) => void>();
  readonly ends = new Map<string, () => void>();

  readonly watch: WatchFolder = (folder, onEvent, onEnd) => {
    this.listeners.set(folder, onEvent);
    this.ends.set(folder, onEnd);
    return () => this.listeners.delete(folder);
  };
}

const noEvents: WatchFolder = () => {
  throw new Error("ENOSPC: no watches left");
};

let folder: SettingFolder;
let stopAll: (() => Promise<void>)[];

beforeEach(() => {
  folder = new SettingFolder();
  stopAll = [];
});
afterEach(async () => {
  for (const stop of stopAll) await stop();
  folder.remove();
});

function createWatcher(options: Partial<SettingsWatcherOptions> = {}) {
  const clock = new ManualClock();
  const [reports, faults] = [[] as SettingsReport[], [] as unknown[]];
  const onError = (error: unknown): void => void faults.push(error);
  const files = { envFile: "", problems: [] };
  const settings = new LiveSettings(loadSettingsFromFiles(files, { environment: options.environment ?? {} }), onError);
  const watcher = new SettingsWatcher({
    folder: folder.path,
    settings,
    clock,
    environment: {},
    onReport: (report) => void reports.push(report),
    onError,
    pollMs: POLL_MS,
    debounceMs: DEBOUNCE_MS,
    watchFolder: noEvents,
    ...options,
  });
  stopAll.push(() => watcher.stop());
  /** A run is over when the next one is set. */
  const rest = (): Promise<void> => until(() => clock.delaysMs.length === 1);
  const advance = async (durationMs: number): Promise<void> => {
    clock.advance(durationMs);
    await rest();
  };
  /** Started, and at rest with what is in the folder. */
  const start = async (): Promise<void> => {
    watcher.start();
    await rest();
    await advance(DEBOUNCE_MS);
    for (let poll = 0; poll < 3; poll++) await advance(POLL_MS);
    reports.length = 0;
  };
  return { clock, reports, faults, settings, watcher, rest, advance, start };
}

describe("check", () => {
  it("applies what changed, and names what waits for a restart", async () => {
    const { watcher, settings, reports } = createWatcher();
    folder.write(".env", "DB_MAX_RETRIES=9\nMONITOR_PORT=3001\n");
    folder.write("config/database.json", '{"retry":{"base_delay":"1s"}}');
    const report = await watcher.check();
    expect(report).toEqual({
      kind: "applied",
      live: ["DB_MAX_RETRIES", "DB_RETRY_DELAY"],
      restart: ["MONITOR_PORT"],
      withdrawn: [],
      changes: [
        { name: "DB_MAX_RETRIES", from: "5", to: "9", effect: "live" },
        { name: "DB_RETRY_DELAY", from: "100ms", to: "1s", effect: "live" },
        { name: "MONITOR_PORT", from: "3000", to: "3001", effect: "restart" },
      ],
    });
    expect(reports).toEqual([report]);
    expect(settings.current).toMatchObject({ DB_MAX_RETRIES: 9, DB_RETRY_DELAY: 1000, MONITOR_PORT: 3000 });
  });

  it("changes nothing when anything is wrong, says all of it, and tells it once", async () => {
    const { watcher, settings, reports } = createWatcher();
    folder.write(".env", "DB_MAX_RETRIES=9\nDB_RETRY_DELAY=100\n");
    folder.write("config/database.json", '{"backup":{"compress":"zip"}}');
    const report = await watcher.check();
    if (report.kind !== "rejected") throw new Error(report.kind);
    expect(report.error.message).toContain("- DB_RETRY_DELAY (.env): expected a duration from 1ms to 1m with its unit");
    expect(report.problems.map(({ name }) => name).sort()).toEqual(["DB_COMPRESS_BACKUPS", "DB_RETRY_DELAY"]);
    expect(settings.current.DB_MAX_RETRIES).toBe(5);
    expect(await watcher.check()).toBe(report);
    expect(reports).toEqual([report]);
    folder.write(".env", "DB_MAX_RETRIES=9\nDB_RETRY_DELAY=200\n");
    expect((await watcher.check()).kind).toBe("rejected");
    expect(reports).toHaveLength(2);
  });

  it("says when invalid files are mended without any other value", async () => {
    const { watcher, reports } = createWatcher();
    folder.write(".env", "DB_MAX_RETRIES=many");
    await watcher.check();
    folder.write(".env", "DB_MAX_RETRIES=5");
    expect(await watcher.check()).toEqual({ kind: "corrected" });
    expect(reports.map(({ kind }) => kind)).toEqual(["rejected", "corrected"]);
    expect(await watcher.check()).toEqual({ kind: "unchanged" });
  });

  it("says nothing about a change that gives no other value", async () => {
    const { watcher, reports } = createWatcher();
    folder.write(".env", "# nothing of ours\nDB_MAX_RETRIES=5\n");
    expect(await watcher.check()).toEqual({ kind: "unchanged" });
    expect(reports).toEqual([]);
  });

  it("sees a file that was replaced by renaming", async () => {
    const { watcher, settings } = createWatcher();
    folder.write(".env", "DB_MAX_RETRIES=8");
    await watcher.check();
    folder.replace(".env", "DB_MAX_RETRIES=9");
    expect((await watcher.check()).kind).toBe("applied");
    expect(settings.current.DB_MAX_RETRIES).toBe(9);
  });

  it("goes back to the defaults when the files are deleted", async () => {
    const { watcher, settings } = createWatcher();
    folder.write(".env", "DB_MAX_RETRIES=8");
    folder.write("config/database.json", '{"retry":{"base_delay":"1s"}}');
    await watcher.check();
    folder.delete(".env");
    folder.delete("config/database.json");
    expect(await watcher.check()).toMatchObject({ live: ["DB_MAX_RETRIES", "DB_RETRY_DELAY"] });
    expect(settings.current).toMatchObject({ DB_MAX_RETRIES: 5, DB_RETRY_DELAY: 100 });
  });

  it("refuses a file that is there and cannot be read, rather than take the defaults", async () => {
    const { watcher, settings } = createWatcher();
    folder.write(".env", "DB_MAX_RETRIES=8");
    await watcher.check();
    folder.delete(".env");
    mkdirSync(join(folder.path, ".env"));
    const report = await watcher.check();
    expect(report).toMatchObject({ kind: "rejected", problems: [{ name: ".env", given: "EISDIR" }] });
    expect(settings.current.DB_MAX_RETRIES).toBe(8);
    rmSync(join(folder.path, ".env"), { recursive: true });
  });

  it("lets the environment win still", async () => {
    const { watcher, settings } = createWatcher({ environment: { DB_MAX_RETRIES: "3" } });
    folder.write(".env", "DB_MAX_RETRIES=8\nDB_RETRY_DELAY=2s");
    expect(await watcher.check()).toMatchObject({ kind: "applied", live: ["DB_RETRY_DELAY"] });
    expect(settings.current).toMatchObject({ DB_MAX_RETRIES: 3, DB_RETRY_DELAY: 2000 });
  });

  it("takes the process's own environment by default", async () => {
    process.env.DB_MAX_RETRIES = "3";
    try {
      folder.write(".env", "DB_MAX_RETRIES=8\nDB_RETRY_DELAY=2s");
      const settings = new LiveSettings(loadSettingsFromDisk(folder.path), () => undefined);
      const ignore = () => undefined;
      const own = { folder: folder.path, settings, clock: new ManualClock(), onReport: ignore, onError: ignore };
      const watcher = new SettingsWatcher(own);
      expect(await watcher.check()).toEqual({ kind: "unchanged" });
      folder.write(".env", "DB_MAX_RETRIES=9\nDB_RETRY_DELAY=3s");
      await watcher.check();
      expect(settings.current).toMatchObject({ DB_MAX_RETRIES: 3, DB_RETRY_DELAY: 3000 });
    } finally {
      delete process.env.DB_MAX_RETRIES;
    }
  });

  it("reads again what was written to while it was read", async () => {
    let version = 0;
    const files = {
      fingerprint: async () => String(version),
      read: async () => {
        if (version === 3) return { envFile: "DB_MAX_RETRIES=8", problems: [] };
        version++;
        return { problems: [] };
      },
    };
    const { watcher, clock, settings, rest, reports } = createWatcher({ files });
    settings.apply(loadSettingsFromFiles({ envFile: "DB_MAX_RETRIES=7", problems: [] }, { environment: {} }));
    const check = watcher.check();
    for (let writing = 0; writing < 3; writing++) {
      await rest();
      expect(reports).toEqual([]);
      clock.advance(DEBOUNCE_MS);
    }
    expect(await check).toMatchObject({ changes: [{ name: "DB_MAX_RETRIES", from: "7", to: "8" }] });
    expect(reports).toHaveLength(1);
  });

  it("reads what never rests all the same in the end", async () => {
    let version = 0;
    const files = { fingerprint: async () => String(version++), read: readSettingFiles };
    const { watcher, clock, rest } = createWatcher({ files });
    folder.write(".env", "DB_MAX_RETRIES=8");
    const check = watcher.check();
    for (let reading = 1; reading < 10; reading++) {
      await rest();
      clock.advance(DEBOUNCE_MS);
    }
    expect(await check).toMatchObject({ kind: "applied", live: ["DB_MAX_RETRIES"] });
  });

  it("runs one after the other, and ends with the newest content", async () => {
    const { watcher, settings } = createWatcher();
    folder.write(".env", "DB_MAX_RETRIES=8");
    const first = watcher.check();
    folder.write(".env", "DB_MAX_RETRIES=9");
    await Promise.all([first, watcher.check(), watcher.check()]);
    expect(settings.current.DB_MAX_RETRIES).toBe(9);
  });

  it("never has a secret in a report, wherever it is pasted", async () => {
    const { watcher, reports } = createWatcher({ environment: {} });
    const contents = [
      `MONITOR_TOKEN=${TOKEN}`,
      `MONITOR_TOKEN=${TOKEN}\nLOG_DIR=logs/${TOKEN}`,
      `LOG_LEVEL=${TOKEN}`,
      `DB_BACKUP_DIR=${TOKEN}`,
      `MONITOR_HOST=${TOKEN}`,
      `MONITOR_TOKN=${TOKEN}`,
      `MONITOR_TOKEN="${TOKEN} ${TOKEN}"`,
      "",
    ];
    for (const content of contents) {
      folder.write(".env", content);
      await watcher.check();
    }
    expect(reports.map(({ kind }) => kind)).toEqual([
      "applied",
      "applied",
      "rejected",
      "applied",
      "rejected",
      "rejected",
      "rejected",
      "applied",
    ]);
    const texts = reports.map((report) => {
      return JSON.stringify(report) + (report.kind === "rejected" ? String(report.error.stack) : "");
    });
    expect(texts.join("\n")).not.toContain(TOKEN);
  });

  it("goes on when the one who is told throws", async () => {
    const fault = new Error("the audit log is away");
    const { watcher, settings, faults } = createWatcher({
      onReport: () => {
        throw fault;
      },
    });
    folder.write(".env", "DB_MAX_RETRIES=8");
    expect((await watcher.check()).kind).toBe("applied");
    expect(faults).toEqual([fault]);
    expect(settings.current.DB_MAX_RETRIES).toBe(8);
  });
});

describe("watching", () => {
  it("finds at its start what changed since the settings were loaded", async () => {
    folder.write(".env", "DB_MAX_RETRIES=8");
    const { watcher, settings, rest, advance } = createWatcher();
    watcher.start();
    watcher.start();
    await rest();
    expect(settings.current.DB_MAX_RETRIES).toBe(5);
    await advance(DEBOUNCE_MS);
    expect(settings.current.DB_MAX_RETRIES).toBe(8);
  });

  it("finds every change without any event, when the files have rested", async () => {
    const { settings, reports, start, advance } = createWatcher();
    await start();
    folder.write("config/database.json", '{"retry":{"max_retries":8}}');
    await advance(POLL_MS);
    expect(reports).toEqual([]);
    await advance(DEBOUNCE_MS);
    expect(reports.map(({ kind }) => kind)).toEqual(["applied"]);
    folder.delete("config/database.json");
    await advance(POLL_MS);
    await advance(DEBOUNCE_MS);
    expect(settings.current.DB_MAX_RETRIES).toBe(5);
  });

  it("does not take a file that is being written for a whole one", async () => {
    const { settings, reports, start, advance } = createWatcher();
    folder.write(".env", "DB_MAX_RETRIES=8\n");
    await start();
    expect(settings.current.DB_MAX_RETRIES).toBe(8);
    folder.write(".env", "");
    await advance(POLL_MS);
    folder.write(".env", "DB_MAX_RE");
    await advance(DEBOUNCE_MS);
    folder.write(".env", "DB_MAX_RETRIES=9\n");
    await advance(DEBOUNCE_MS);
    expect(reports).toEqual([]);
    await advance(DEBOUNCE_MS);
    expect(reports).toMatchObject([{ kind: "applied", changes: [{ from: "8", to: "9" }] }]);
  });

  it("looks at once after an event, and reads when no more events come", async () => {
    const events = new HandMadeEvents();
    const { clock, settings, start, rest, advance } = createWatcher({ watchFolder: events.watch });
    await start();
    folder.write(".env", "DB_MAX_RETRIES=8");
    const tell = events.listeners.get(folder.path)!;
    for (let count = 0; count < 5; count++) {
      tell(".env");
      tell(null);
      await until(() => clock.delaysMs[0] === DEBOUNCE_MS);
      await rest();
      await advance(DEBOUNCE_MS - 1);
      expect(settings.current.DB_MAX_RETRIES).toBe(5);
    }
    await advance(1);
    expect(settings.current.DB_MAX_RETRIES).toBe(8);
    expect(clock.delaysMs).toEqual([POLL_MS]);
  });

  it("does not care about events of other files", async () => {
    const events = new HandMadeEvents();
    const { clock, start } = createWatcher({ watchFolder: events.watch });
    await start();
    for (const name of ["README.md", "database.json", ".env.example"]) events.listeners.get(folder.path)!(name);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(clock.delaysMs).toEqual([POLL_MS]);
  });

  it("reads twice, because a change just after a reading may leave every time as it was", async () => {
    const files = { fingerprint: async () => "coarse", read: readSettingFiles };
    const { watcher, settings, rest, advance } = createWatcher({ files });
    folder.write(".env", "DB_MAX_RETRIES=8");
    watcher.start();
    await rest();
    await advance(DEBOUNCE_MS);
    expect(settings.current.DB_MAX_RETRIES).toBe(8);
    folder.write(".env", "DB_MAX_RETRIES=9");
    await advance(POLL_MS);
    expect(settings.current.DB_MAX_RETRIES).toBe(9);
  });

  it("sees a change that leaves size and time of writing as they were", async () => {
    const { settings, start, advance } = createWatcher();
    await start();
    folder.write(".env", "DB_MAX_RETRIES=8");
    utimesSync(join(folder.path, ".env"), 1_000, 1_000);
    await advance(POLL_MS);
    await advance(DEBOUNCE_MS);
    folder.write(".env", "DB_MAX_RETRIES=9");
    utimesSync(join(folder.path, ".env"), 1_000, 1_000);
    await advance(POLL_MS);
    await advance(DEBOUNCE_MS);
    expect(settings.current.DB_MAX_RETRIES).toBe(9);
  });

  it("watches config/ when it comes, when it is replaced, and again when its events end", async () => {
    const events = new HandMadeEvents();
    const { start, advance } = createWatcher({ watchFolder: events.watch });
    const config = join(folder.path, "config");
    await start();
    expect([...events.listeners.keys()]).toEqual([folder.path]);
    mkdirSync(config);
    await advance(POLL_MS);
    const first = events.listeners.get(config);
    expect(first).toBeDefined();
    mkdirSync(`${config}.new`);
    renameSync(config, `${config}.old`);
    renameSync(`${config}.new`, config);
    await advance(POLL_MS);
    const second = events.listeners.get(config);
    expect(second).not.toBe(first);
    events.ends.get(config)!();
    await advance(POLL_MS);
    expect(events.listeners.get(config)).not.toBe(second);
    rmSync(config, { recursive: true });
    await advance(POLL_MS);
    expect(events.listeners.has(config)).toBe(false);
  });

  it("reports what is wrong once, however often it looks", async () => {
    const { reports, start, advance } = createWatcher();
    await start();
    folder.write(".env", "DB_MAX_RETRIES=many");
    for (let count = 0; count < 5; count++) await advance(POLL_MS);
    expect(reports.map(({ kind }) => kind)).toEqual(["rejected"]);
  });

  it("stops twice, lets go of its folders, and can start again", async () => {
    const events = new HandMadeEvents();
    const { watcher, clock, settings, start, rest, advance } = createWatcher({ watchFolder: events.watch });
    await start();
    await Promise.all([watcher.stop(), watcher.stop()]);
    await watcher.stop();
    expect(events.listeners.size).toBe(0);
    expect(clock.delaysMs).toEqual([]);
    folder.write(".env", "DB_MAX_RETRIES=8");
    watcher.start();
    await rest();
    await advance(DEBOUNCE_MS);
    expect(settings.current.DB_MAX_RETRIES).toBe(8);
  });

  it("leaves no watch behind when it is stopped while it starts", async () => {
    const events = new HandMadeEvents();
    const { watcher, clock } = createWatcher({ watchFolder: events.watch });
    watcher.start();
    await watcher.stop();
    expect([events.listeners.size, clock.delaysMs]).toEqual([0, []]);
  });

  it("follows writing, renaming and deleting by the system's own events", async () => {
    const { watchFolder } = await import("../../src/config/file-events.ts");
    mkdirSync(join(folder.path, "config"));
    const options = { watchFolder, clock: systemClock, pollMs: 600_000, debounceMs: 20 };
    const { watcher, settings } = createWatcher(options);
    const retriesAre = (count: number): Promise<void> => until(() => settings.current.DB_MAX_RETRIES === count);
    folder.write(".env", "DB_MAX_RETRIES=7");
    watcher.start();
    await retriesAre(7);
    folder.write(".env", "DB_MAX_RETRIES=8");
    await retriesAre(8);
    folder.replace(".env", "DB_MAX_RETRIES=9");
    await retriesAre(9);
    folder.write(".env", "DB_MAX_RETRIES=10");
    await retriesAre(10);
    folder.delete(".env");
    await retriesAre(5);
    folder.replace("config/database.json", '{"retry":{"max_retries":6}}');
    await retriesAre(6);
    rmSync(join(folder.path, "config"), { recursive: true });
    await retriesAre(5);
    folder.write("config/database.json", '{"retry":{"max_retries":4}}');
    await retriesAre(4);
  });
});
