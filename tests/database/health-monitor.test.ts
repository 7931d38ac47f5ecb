import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { loadSettings, type Settings } from "../../src/config/settings.ts";
import { systemClock } from "../../src/core/clock.ts";
import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { HealthReport, HealthSample } from "../../src/database/health/health-types.ts";
import { planSizeStep, SizeKeeper, type SizeWork } from "../../src/database/health/size-keeper.ts";
import { HealthMonitor } from "../../src/database/health-monitor.ts";
import { vacuum, type VacuumJob } from "../../src/database/maintenance/vacuum.ts";
import type { LoggedOperation } from "../../src/database/operation-log.ts";
import { createCounterDatabase, until, withFolder } from "../helpers/database.ts";
import { silentProgress } from "../helpers/silent-progress.ts";

const MB = 1024 ** 2;
const GATEWAY = { isConnected: true, reconnectCount: 0, rateLimitCount: 0, guildCount: 1 };

function createMonitored(folder: string) {
  let settings: Settings = loadSettings({ environment: { DB_HEALTH_CHECK_INTERVAL: "100ms", DB_SLOW_QUERY: "0" } });
  const record = (operation: LoggedOperation): void => health.record(operation);
  const database = createCounterDatabase({ folder, manager: { log: { record }, cacheCapacity: () => 100 } });
  const health: HealthMonitor = new HealthMonitor({
    ...{ databasePath: database.path, database: database.manager, engine: database.engine },
    ...{
      degradation: database.degradation,
      backups: undefined,
      integrity: { last: undefined },
      gateway: () => GATEWAY,
    },
    ...{ settings: () => settings, size: undefined, clock: systemClock, logger: silentLogger },
  });
  const change = (environment: Readonly<Record<string, string>>): void => {
    settings = loadSettings({ environment });
  };
  return { ...database, health, change };
}

describe("HealthMonitor", () => {
  it("reports what a real database is asked, samples it for the next run, and explains what was slow", async () => {
    await withFolder(async (folder) => {
      const first = createMonitored(folder);
      const { manager, health, degradation, change } = first;
      await manager.start();
      await health.start();
      const heard: [HealthSample, HealthReport][] = [];
      const end = health.onSample((sample, report) => heard.push([sample, report]));
      for (let index = 0; index < 20; index++) await manager.call("counter.add", { name: "a", amount: 1 });
      for (let index = 0; index < 3; index++) await manager.call("counter.get", { name: "a" });
      await manager.batch([
        { name: "counter.add", input: { name: "b", amount: 1 } },
        { name: "counter.add", input: { name: "c", amount: 1 } },
      ]);
      await expect(manager.call("counter.get", { name: 5 })).rejects.toThrow();

      // Twice the answer came from memory, and the last one was refused before anybody was asked.
      const report = health.report();
      expect(report.database).toMatchObject({
        ...{ state: "normal", engine: "ready", breaker: "closed", queryCount: 23, errorCount: 0 },
        lastMinute: { count: 23, errorCount: 0 },
        cache: { hits: 2, misses: 1 },
        queue: { size: 0, deadLetterCount: 0 },
      });
      expect(report).toMatchObject({ status: "healthy", problems: [], gateway: GATEWAY });
      expect(report.database.files!.databaseBytes + report.database.files!.walBytes).toBeGreaterThan(4_000);
      expect(report.database.files!.diskFreeBytes).toBeGreaterThan(0);
      expect(report.system.memory.residentBytes).toBeGreaterThan(10 * MB);
      expect(health.operations()).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ name: "counter.add", count: 20 }),
          expect.objectContaining({ name: "counter.get", count: 2 }),
          expect.objectContaining({ name: "batch", count: 1 }),
        ]),
      );

      degradation.transition({
        kind: "offline",
        reason: new MusterError("DATABASE_IO", "use the database: it is broken"),
        since: systemClock.now(),
      });
      const away = health.report();
      expect(away.status).toBe("critical");
      expect(away.problems[0]).toMatchObject({ kind: "database-offline" });
      degradation.transition({ kind: "normal" });

      const sampledCount = (): number => heard.reduce((sum, [sample]) => sum + sample.queryCount, 0);
      await until(
        () => heard.length >= 2 && sampledCount() >= 23 && health.slowQueries().some(({ plan }) => plan.length > 0),
      );
      expect(heard[0]![1].at).toBe(heard[0]![0].at);
      expect(health.metrics()).toMatchObject({
        connectionStatus: "normal",
        databaseSize: expect.any(Number) as number,
      });
      expect(health.slowQueries().find(({ operation }) => operation === "counter.get")).toMatchObject({
        sql: expect.stringContaining("SELECT") as string,
        plan: [expect.stringContaining("SEARCH counter") as string],
      });
      expect(JSON.stringify(health.slowQueries())).not.toContain('"a"');
      expect(health.suggestions()).toEqual([]);

      end();
      change({ DB_HEALTH_CHECK_INTERVAL: "100ms", DB_MONITORING_ENABLED: "false" });
      await health.stop();
      await first.close();
      const kept = await health.samples(0, Infinity);
      const next = createMonitored(folder);
      expect(await next.health.samples(0, Infinity)).toEqual(kept);
      expect(kept.length).toBeGreaterThanOrEqual(2);
      expect(existsSync(join(dirname(next.path), "metrics"))).toBe(true);
      next.change({ DB_HEALTH_CHECK_INTERVAL: "100ms", DB_MONITORING_ENABLED: "false" });
      await next.health.start();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await next.health.stop();
      expect(await next.health.samples(0, Infinity)).toEqual(kept);
    });
  });
});

describe("planSizeStep", () => {
  const files = { databaseBytes: 90 * MB, walBytes: MB, diskFreeBytes: 1_000 * MB, diskTotalBytes: 2_000 * MB };
  const facts = { files, isAvailable: true, perSecond: 0.5, uptimeMs: 3_600_000 };
  const fresh = { doneAgoMs: Infinity, isVacuumOwed: false };
  const owed = { doneAgoMs: 60_000, isVacuumOwed: true };

  it("cleans up near the limit, once a day, and makes the file smaller at a quiet moment with room for it", () => {
    expect(planSizeStep(facts, 100 * MB, fresh)).toBe("clean-up");
    expect(planSizeStep(facts, 110 * MB, fresh)).toBe("none");
    expect(planSizeStep({ ...facts, uptimeMs: 1_000 }, 100 * MB, fresh)).toBe("none");
    expect(planSizeStep({ ...facts, isAvailable: false }, 100 * MB, fresh)).toBe("none");
    expect(planSizeStep(facts, 100 * MB, { doneAgoMs: 60_000, isVacuumOwed: false })).toBe("none");
    expect(planSizeStep(facts, 100 * MB, owed)).toBe("vacuum");
    expect(planSizeStep({ ...facts, perSecond: 5 }, 100 * MB, owed)).toBe("none");
    expect(planSizeStep({ ...facts, perSecond: 5 }, 80 * MB, owed)).toBe("vacuum");
    const full = { ...files, diskFreeBytes: 200 * MB };
    expect(planSizeStep({ ...facts, files: full }, 100 * MB, owed)).toBe("none");
  });
});

describe("SizeKeeper", () => {
  it("deletes in small steps, gives the space back while the archive goes on, and says what was done", async () => {
    await withFolder(async (folder) => {
      const archiveFolder = join(folder, "wal");
      mkdirSync(archiveFolder);
      const database = createCounterDatabase({ folder });
      database.engine.setArchive({ folder: archiveFolder, intervalMs: 10 });
      await database.manager.start();
      const raw = new Database(database.path, { timeout: 5_000 });
      raw.pragma("wal_autocheckpoint = 0");
      raw.exec("CREATE TABLE bulk (id INTEGER PRIMARY KEY, text TEXT)");
      // What remains is more than SQLite's own checkpoints would leave to the archive.
      raw.exec(
        "INSERT INTO bulk SELECT value, hex(zeroblob(1000)) FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 6000) SELECT value FROM n)",
      );
      const remove = raw.prepare("DELETE FROM bulk WHERE id IN (SELECT id FROM bulk WHERE id <= 3000 LIMIT ?)");
      const works: SizeWork[] = [];
      const limits: number[] = [];
      const keeper = new SizeKeeper({
        ...{ databasePath: database.path, maxBytes: () => MB, clock: systemClock, logger: silentLogger },
        cleanUps: [
          {
            name: "bulk",
            keepDays: 7,
            prune({ limit }) {
              limits.push(limit);
              return Promise.resolve(remove.run(limit).changes);
            },
          },
        ],
        run: ((job: VacuumJob) => Promise.resolve(vacuum(job, silentProgress))) as never,
        onWork: (work) => works.push(work),
      });
      const files = { databaseBytes: 3 * MB, walBytes: 0, diskFreeBytes: 100 * MB, diskTotalBytes: 200 * MB };
      const facts = { files, isAvailable: true, perSecond: 0, uptimeMs: 3_600_000 };
      keeper.look(facts);
      await keeper.settle();
      expect([limits.length, works.length]).toEqual([4, 0]);
      keeper.look(facts);
      await keeper.settle();
      keeper.look(facts);
      await keeper.settle();
      expect(works).toMatchObject([{ deleted: { bulk: 3_000 }, vacuum: { isDone: true } }]);
      expect(works[0]!.vacuum!.bytesAfter).toBeLessThan(works[0]!.vacuum!.bytesBefore * 0.6);
      raw.close();

      await until(() => (database.engine.archiveStatus?.generation ?? "") !== "");
      const { generation } = database.engine.archiveStatus!;
      await database.manager.call("counter.add", { name: "after", amount: 1 });
      await database.engine.flushArchive();
      expect(database.engine.archiveStatus).toMatchObject({
        generation,
        pendingSince: undefined,
        lastError: undefined,
      });
      await keeper.stop();
      await database.close();
    });
  });
});
