import fc from "fast-check";
import type { ChartOption } from "../../src/charts/chart-option.ts";
import { bytes, count, milliseconds, percent } from "../../src/charts/chart-units.ts";
import {
  archiveLagChart,
  errorRateChart,
  queueChart,
  responseTimeChart,
  sizeChart,
  throughputChart,
} from "../../src/charts/health-charts.ts";
import { healthOverviewChart } from "../../src/charts/health-overview-chart.ts";
import { backupMarks, downtimeBands, responsePoints } from "../../src/charts/sample-points.ts";
import { darkTheme, lightTheme } from "../../src/charts/theme.ts";
import { thinSamples } from "../../src/charts/thin-samples.ts";
import { usageByCommandChart, usageByDayChart, usageOverviewChart } from "../../src/charts/usage-charts.ts";
import type { HealthSample } from "../../src/database/health/health-types.ts";
import type { UsageReport } from "../../src/store/usage-report.ts";

const AT = Date.UTC(2026, 5, 1, 12);
const STEP_MS = 30_000;

function sample(index: number, changes: Partial<HealthSample> = {}): HealthSample {
  return {
    ...{ at: AT + index * STEP_MS, connectionStatus: "normal", queryCount: 10, errorCount: 0, errorRate: 0 },
    ...{ perSecond: 0.3, averageResponseMs: 1, p50Ms: 1, p95Ms: 3, p99Ms: 9, queueSize: 0, databaseBytes: 4096 },
    ...{ walBytes: 0, diskFreeBytes: 1, archiveLagMs: 100, eventLoopP99Ms: 10, residentBytes: 1 },
    ...changes,
  };
}

function usage(changes: Partial<UsageReport> = {}): UsageReport {
  return {
    ...{ from: AT - 6.5 * 86_400_000, to: AT + 43_200_000, total: 5, failed: 1, refused: 0, queued: 0 },
    byDay: [
      { day: "2026-05-27", count: 2, failed: 0 },
      { day: "2026-05-30", count: 3, failed: 1 },
    ],
    byCommand: [
      { command: "event create", count: 4, failed: 1, averageMs: 1, maxMs: 2 },
      { command: "mine", count: 1, failed: 0, averageMs: 1, maxMs: 1 },
    ],
    ...changes,
  };
}

interface Series {
  readonly type: string;
  readonly name: string;
  readonly data: readonly unknown[];
}
const seriesOf = (option: ChartOption): readonly Series[] => (option.series ?? []) as unknown as Series[];

const HEALTH_CHARTS = {
  ...{ responseTimeChart, errorRateChart, throughputChart, queueChart, sizeChart, archiveLagChart },
  healthOverviewChart,
};

describe("charts of health", () => {
  it.each(Object.entries(HEALTH_CHARTS))("%s says that there are no samples, and draws the first", (_name, chart) => {
    for (const theme of [lightTheme, darkTheme]) {
      expect(JSON.stringify(chart([], theme))).toContain("No samples yet");
      expect(seriesOf(chart([], theme))).toEqual([]);
      const [first] = seriesOf(chart([sample(0)], theme));
      expect(first!.data).toHaveLength(1);
    }
  });

  it("shows no response time where nothing was asked, and breaks the line where the program did not run", () => {
    const samples = [0, 1, 2, 3, 4, 50, 51].map((index) =>
      sample(index, index === 2 ? { queryCount: 0, p50Ms: 0 } : {}),
    );
    expect(responsePoints(samples, "p50Ms").map(([at, value]) => [(at - AT) / STEP_MS, value])).toEqual([
      ...[[0, 1] as const, [1, 1] as const, [3, 1] as const, [4, 1] as const],
      [4 + 1 / STEP_MS, null],
      ...[[50, 1] as const, [51, 1] as const],
    ]);
  });

  it("shades the time without the database, each state for itself, until it is back", () => {
    const states = ["normal", "offline", "offline", "read-only", "normal", "offline"] as const;
    const bands = downtimeBands(states.map((connectionStatus, index) => sample(index, { connectionStatus })));
    expect(bands.map(({ from, to, state }) => [(from - AT) / STEP_MS, (to - AT) / STEP_MS, state])).toEqual([
      [1, 3, "offline"],
      [3, 4, "read-only"],
      [5, 5, "offline"],
    ]);
  });

  it("marks each backup once, and each failure when it began", () => {
    const samples = [
      sample(0, { lastBackupAt: AT - 1, backupStatus: "SUCCESS" }),
      sample(1, { lastBackupAt: AT + 5, backupStatus: "SUCCESS" }),
      sample(2, { lastBackupAt: AT + 5, backupStatus: "FAILED" }),
      sample(3, { lastBackupAt: AT + 5, backupStatus: "FAILED" }),
    ];
    const marks = [
      { at: AT + 5, succeeded: true },
      { at: AT + 2 * STEP_MS, succeeded: false },
    ];
    expect(backupMarks(samples)).toEqual(marks);
    const names = seriesOf(healthOverviewChart(samples, darkTheme)).map(({ name }) => name);
    expect(names).toEqual(["median", "95th percentile", "Errors", "backup", "backup failed"]);
  });

  it("thins samples without losing a call, an error, the worst moment or the order", () => {
    const drawn = fc.array(
      fc.record({
        queryCount: fc.nat(50),
        errorCount: fc.nat(5),
        p95Ms: fc.nat(1_000),
        queueSize: fc.nat(9),
        connectionStatus: fc.constantFrom("normal" as const, "read-only" as const, "offline" as const),
      }),
      { maxLength: 120 },
    );
    const total = (samples: readonly HealthSample[], figure: (sample: HealthSample) => number): number =>
      samples.reduce((all, each) => all + figure(each), 0);
    const worst = (samples: readonly HealthSample[], figure: (sample: HealthSample) => number): number =>
      Math.max(0, ...samples.map(figure));
    fc.assert(
      fc.property(drawn, fc.integer({ min: 1, max: 40 }), (changes, maxCount) => {
        const samples = changes.map((change, index) => sample(index, change));
        const thinned = thinSamples(samples, maxCount);
        expect(thinned.length).toBeLessThanOrEqual(maxCount);
        for (const figure of ["queryCount", "errorCount"] as const)
          expect(total(thinned, (each) => each[figure])).toBe(total(samples, (each) => each[figure]));
        for (const figure of ["p95Ms", "queueSize"] as const)
          expect(worst(thinned, (each) => each[figure])).toBe(worst(samples, (each) => each[figure]));
        const isAway = ({ connectionStatus }: HealthSample): boolean => connectionStatus === "offline";
        expect(thinned.some(isAway)).toBe(samples.some(isAway));
        expect(thinned.map(({ at }) => at)).toEqual(thinned.map(({ at }) => at).toSorted((a, b) => a - b));
      }),
    );
  });
});

describe("charts of usage", () => {
  it("say that nothing was used", () => {
    const nothing = usage({ total: 0, failed: 0, byDay: [], byCommand: [] });
    for (const chart of [usageByDayChart, usageByCommandChart, usageOverviewChart])
      expect(JSON.stringify(chart(nothing, darkTheme))).toContain("No command was used");
  });

  it("show the days without use too, and the failed ones apart", () => {
    const [answered, failed] = seriesOf(usageByDayChart(usage(), lightTheme));
    const { data } = usageByDayChart(usage(), lightTheme).xAxis as { data: string[] };
    const used = data.indexOf("27 May");
    expect(data.slice(used, used + 4)).toEqual(["27 May", "28 May", "29 May", "30 May"]);
    expect(answered!.data.slice(used, used + 4)).toEqual([2, 0, 0, 2]);
    expect(failed!.data.slice(used, used + 4)).toEqual([0, 0, 0, 1]);
  });

  it("add up to what the report says", () => {
    const sum = (series: readonly Series[]): number =>
      series.flatMap(({ data }) => data as number[]).reduce((all, value) => all + value, 0);
    expect(sum(seriesOf(usageByDayChart(usage(), darkTheme)))).toBe(5);
    expect(sum(seriesOf(usageByCommandChart(usage(), darkTheme)))).toBe(5);
    expect(sum(seriesOf(usageOverviewChart(usage(), darkTheme)))).toBe(10);
  });
});

describe("figures at an axis", () => {
  it("are short and have their unit", () => {
    expect([0, 0.25, 12.34, 1_500, 90_000].map(milliseconds)).toEqual([
      "0 ms",
      "0.25 ms",
      "12.3 ms",
      "1.5 s",
      "1.5 min",
    ]);
    expect([0, 512, 1_536, 3 * 1024 ** 3].map(bytes)).toEqual(["0 B", "512 B", "1.5 KB", "3 GB"]);
    expect([0, 0.0512, 1].map(percent)).toEqual(["0 %", "5.12 %", "100 %"]);
    expect([0, 999, 12_345, 2_500_000].map(count)).toEqual(["0", "999", "12.3k", "2.5M"]);
  });
});
