import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import Database from "better-sqlite3";
import { silentLogger } from "../../src/core/logger.ts";
import { Chaos } from "../../src/sandbox/chaos/chaos.ts";
import { Faults } from "../../src/sandbox/faults.ts";
import { MAX_RATE, SandboxClock } from "../../src/sandbox/sandbox-clock.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const CONTEXT = { botState: () => undefined, logger: silentLogger };

describe("chaos", () => {
  it("ends each action after its time, when asked to, and when the sandbox stops", async () => {
    const [clock, faults] = [new ManualClock(), new Faults()];
    const chaos = new Chaos({ ...CONTEXT, faults, clock, host: undefined });
    const changes: number[] = [];
    chaos.onChange(() => changes.push(chaos.describe().running.length));

    await chaos.begin("slow-discord", { seconds: 5 });
    expect(chaos.describe().running).toEqual([
      { id: "slow-discord", startedAt: clock.now(), endsAt: clock.now() + 5_000, remainingMs: 5_000 },
    ]);
    await expect(chaos.begin("slow-discord")).rejects.toMatchObject({ code: "CONFLICT" });
    expect(faults.list().length).toBeGreaterThan(0);
    clock.advance(5_000);
    await setImmediate();
    expect([faults.list(), chaos.describe().running]).toEqual([[], []]);

    await chaos.begin("failing-discord");
    await chaos.end("failing-discord");
    expect(faults.list()).toEqual([]);
    await expect(chaos.end("failing-discord")).rejects.toMatchObject({ code: "NOT_FOUND" });

    await chaos.begin("rate-limit-discord");
    await chaos.stop();
    expect(faults.list()).toEqual([]);
    await expect(chaos.begin("slow-discord")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    expect(changes).toEqual([1, 0, 1, 0, 1, 0]);
    expect(chaos.describe().log).toHaveLength(6);
  });

  it("refuses what is unknown or out of bounds, and says why something cannot be done", async () => {
    const options = { ...CONTEXT, faults: new Faults(), clock: new ManualClock() };
    const stranger = new Chaos({ ...options, host: undefined });
    await expect(stranger.begin("earthquake")).rejects.toMatchObject({ code: "NOT_FOUND" });
    for (const parameters of [{ seconds: 0 }, { seconds: 61 }, { seconds: 1.5 }, { seconds: "2" }, { minutes: 1 }]) {
      await expect(stranger.begin("slow-discord", parameters)).rejects.toMatchObject({ code: "INPUT_INVALID" });
    }
    await expect(stranger.begin("kill-writer")).rejects.toThrow("does not know this bot's database");

    const [nothing, path] = [async () => undefined, join(tmpdir(), "muster-chaos-no-such-file.db")];
    const away = { databasePath: path, hasBackup: () => true, stop: nothing, start: nothing };
    await expect(new Chaos({ ...options, host: away }).begin("empty-database")).rejects.toThrow("no database file");
    const inMemory = { ...away, databasePath: undefined };
    await expect(new Chaos({ ...options, host: inMemory }).begin("hang-writer")).rejects.toThrow("in memory");
    const young = { ...away, databasePath: import.meta.filename, hasBackup: () => false };
    await expect(new Chaos({ ...options, host: young }).begin("flip-bits")).rejects.toThrow("no backup");
    const stopped = { ...options, host: young, botState: () => "stopped" };
    await expect(new Chaos(stopped).begin("fill-disk")).rejects.toThrow("not running");
  });
});

describe("the saboteur", () => {
  it("lets go of the lock when whoever sent it is killed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "muster-saboteur-"));
    const database = new Database(join(folder, "test.db"), { timeout: 0 });
    try {
      database.pragma("journal_mode = WAL");
      const parent = fork(join(import.meta.dirname, "chaos-parent.ts"), [database.name], { execArgv: [], env: {} });
      await once(parent, "message");
      expect(() => database.exec("BEGIN IMMEDIATE")).toThrow("locked");
      parent.kill("SIGKILL");
      await once(parent, "exit");
      database.pragma("busy_timeout = 5000");
      database.exec("BEGIN IMMEDIATE; ROLLBACK");
    } finally {
      database.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the sandbox's clock", () => {
  it("runs ahead and never back, while durations and timers stay real", () => {
    const base = new ManualClock();
    const clock = new SandboxClock(base);
    const start = base.now();
    base.advance(1_000);
    expect(clock.now()).toBe(start + 1_000);

    clock.setRate(60);
    const beforeMs = clock.monotonic();
    base.advance(1_000);
    expect([clock.now(), clock.monotonic() - beforeMs]).toEqual([start + 61_000, 1_000]);

    clock.skip(3_600_000);
    clock.setRate(1);
    base.advance(1_000);
    expect(clock.describe()).toEqual({ nowMs: start + 3_662_000, rate: 1, aheadMs: 3_659_000 });
    let isDue = false;
    clock.schedule(1_000, () => (isDue = true));
    base.advance(1_000);
    expect(isDue).toBe(true);
  });

  it("refuses to go back, to stand still, and to run faster than its limit", () => {
    const clock = new SandboxClock(new ManualClock());
    for (const rate of [0, 0.5, -1, NaN, MAX_RATE + 1]) expect(() => clock.setRate(rate)).toThrow("the rate goes from");
    for (const skipMs of [-1, NaN, Infinity]) expect(() => clock.skip(skipMs)).toThrow("ahead only");
  });
});
