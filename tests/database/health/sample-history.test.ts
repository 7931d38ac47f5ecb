import { appendFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../../src/core/logger.ts";
import type { HealthSample } from "../../../src/database/health/health-types.ts";
import { SampleHistory } from "../../../src/database/health/sample-history.ts";
import { withFolder } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 4, 10, 12);

function sampleAt(at: number, given: Partial<HealthSample> = {}): HealthSample {
  return {
    ...{ at, connectionStatus: "normal", queryCount: 10, errorCount: 0, errorRate: 0, perSecond: 1 },
    ...{ averageResponseMs: 2, p50Ms: 2, p95Ms: 4, p99Ms: 5, queueSize: 0 },
    ...{ databaseBytes: 1, walBytes: 1, diskFreeBytes: 1, eventLoopP99Ms: 1, residentBytes: 1 },
    ...given,
  };
}

function open(folder: string | undefined, clock = new ManualClock(NOON), keepDays = 30): SampleHistory {
  return new SampleHistory({ folder, keepDays: () => keepDays, clock, logger: silentLogger });
}

describe("SampleHistory", () => {
  it("gives the samples of earlier runs and of this one, over the end of a day and around a line cut short", async () => {
    await withFolder(async (root) => {
      const folder = join(root, "metrics");
      const first = open(folder);
      await first.add(sampleAt(NOON - DAY_MS));
      await first.add(sampleAt(NOON - 60_000));
      appendFileSync(join(folder, "2026-05-10.ndjson"), '{"at":17468');
      const second = open(folder);
      await second.add(sampleAt(NOON));
      expect((await second.list(0, Infinity)).map(({ at }) => at)).toEqual([NOON - DAY_MS, NOON - 60_000, NOON]);
      expect((await second.list(NOON - 60_000, NOON - 1)).map(({ at }) => at)).toEqual([NOON - 60_000]);
      expect(await second.list(NOON, NOON)).toEqual([sampleAt(NOON)]);
      expect(readdirSync(folder)).toEqual(["2026-05-09.ndjson", "2026-05-10.ndjson"]);
      expect(statSync(join(folder, "2026-05-10.ndjson")).mode & 0o777).toBe(0o600);
    });
  });

  it("puts samples together where there are too many, keeps the worst of them, and blocks nobody meanwhile", async () => {
    await withFolder(async (folder) => {
      const COUNT = 20_000;
      const firstAt = NOON - COUNT * 30_000;
      const byDay = new Map<string, string>();
      for (let index = 0; index < COUNT; index++) {
        const trouble = { connectionStatus: "offline", p99Ms: 900, errorCount: 5, backupStatus: "FAILED" } as const;
        const sample = sampleAt(firstAt + index * 30_000, index === 7_777 ? trouble : {});
        const day = new Date(sample.at).toISOString().slice(0, 10);
        byDay.set(day, `${byDay.get(day) ?? ""}${JSON.stringify(sample)}\n`);
      }
      for (const [day, lines] of byDay) appendFileSync(join(folder, `${day}.ndjson`), lines);
      let [longestMs, at] = [0, performance.now()];
      const watching = setInterval(() => {
        longestMs = Math.max(longestMs, performance.now() - at);
        at = performance.now();
      }, 1);
      const points = await open(folder).list(0, NOON);
      clearInterval(watching);
      expect(points.length).toBeGreaterThan(500);
      expect(points.length).toBeLessThanOrEqual(1_000);
      expect(points.reduce((sum, { queryCount }) => sum + queryCount, 0)).toBe(COUNT * 10);
      expect(points.filter(({ connectionStatus }) => connectionStatus === "offline")).toMatchObject([
        { p99Ms: 900, errorCount: 5, backupStatus: "FAILED" },
      ]);
      // One piece of a file takes well under a millisecond; the rest is what a busy machine adds.
      expect(longestMs).toBeLessThan(500);
    });
  });

  it("keeps days as long as it is told to, and the newest of them whatever the clock says", async () => {
    await withFolder(async (folder) => {
      for (const days of [5, 4, 3, 2, 1]) await open(folder, undefined, 3).add(sampleAt(NOON - days * DAY_MS));
      expect(readdirSync(folder)).toEqual(["2026-05-07.ndjson", "2026-05-08.ndjson", "2026-05-09.ndjson"]);
      // A start with a clock that is ahead brings one file, and costs one.
      for (const days of [100, 200]) {
        const at = NOON + days * DAY_MS;
        await open(folder, new ManualClock(at), 3).add(sampleAt(at));
      }
      expect(readdirSync(folder)).toEqual(["2026-05-09.ndjson", "2026-08-18.ndjson", "2026-11-26.ndjson"]);
    });
  });

  it("remembers a day of them without a folder, and when the disk takes none", async () => {
    const memory = open(undefined);
    for (let index = 0; index < 3_000; index++) await memory.add(sampleAt(NOON + index));
    expect(await memory.list(0, NOON)).toEqual([]);
    expect((await memory.list(NOON + 2_999, Infinity)).length).toBe(1);
    await withFolder(async (folder) => {
      writeFileSync(join(folder, "metrics"), "no folder");
      const broken = open(join(folder, "metrics"));
      await broken.add(sampleAt(NOON));
      expect(await broken.list(NOON, NOON)).toHaveLength(1);
    });
  });
});
