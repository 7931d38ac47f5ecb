import fc from "fast-check";
import { ResponseHistogram } from "../../../src/database/health/response-histogram.ts";
import { FIVE_MINUTES_MS, MINUTE_MS, ResponseWindows } from "../../../src/database/health/response-times.ts";

const durations = fc.array(
  fc.oneof(fc.double({ min: 0, max: 5, noNaN: true }), fc.double({ min: 0, max: 100_000, noNaN: true })),
  { minLength: 1, maxLength: 300 },
);

function histogramOf(values: readonly number[]): ResponseHistogram {
  const histogram = new ResponseHistogram();
  for (const value of values) histogram.record(value, false);
  return histogram;
}

describe("ResponseHistogram", () => {
  it("has the count, the extremes and the average exactly, and percentiles to within 3 % and a microsecond", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const sorted = values.toSorted((a, b) => a - b);
        const times = histogramOf(values).times();
        expect([times.count, times.minMs, times.maxMs]).toEqual([values.length, sorted[0], sorted.at(-1)]);
        expect(times.averageMs).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 6);
        for (const [share, found] of [
          [0.5, times.p50Ms],
          [0.95, times.p95Ms],
          [0.99, times.p99Ms],
        ] as const) {
          const exact = sorted[Math.max(0, Math.ceil(share * values.length) - 1)]!;
          expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.03 + 0.001);
        }
      }),
    );
  });

  it("adds up to what one of all calls is", () => {
    fc.assert(
      fc.property(durations, durations, (a, b) => {
        const sum = histogramOf(a);
        sum.add(histogramOf(b));
        const { averageMs, ...rest } = sum.times();
        const { averageMs: expected, ...others } = histogramOf([...a, ...b]).times();
        expect(rest).toEqual(others);
        expect(averageMs).toBeCloseTo(expected, 6);
      }),
    );
  });

  it("takes what no call can last, and no number, without losing count", () => {
    const histogram = histogramOf([NaN, -1, Infinity, 1e12]);
    expect(histogram.count).toBe(4);
    histogram.clear();
    expect(histogram.times()).toEqual({
      ...{ count: 0, averageMs: 0, minMs: 0, maxMs: 0 },
      ...{ p50Ms: 0, p95Ms: 0, p99Ms: 0 },
    });
  });
});

describe("ResponseWindows", () => {
  it("forgets what is older than the window, and says how often the database was asked in a second", () => {
    const windows = new ResponseWindows(0);
    for (let index = 0; index < 60; index++) windows.record("events.list", 10, index < 6);
    windows.advance(30_000);
    expect(windows.throughput(MINUTE_MS)).toMatchObject({ count: 60, errorCount: 6, errorRate: 0.1, perSecond: 2 });
    windows.record("events.find", 1, false);
    windows.advance(80_000);
    expect(windows.throughput(MINUTE_MS).count).toBe(1);
    expect(windows.throughput(FIVE_MINUTES_MS)).toMatchObject({ count: 61, maxMs: 10, minMs: 1 });
    windows.advance(400_000);
    expect(windows.throughput(FIVE_MINUTES_MS).count).toBe(0);
    expect(windows.operations()).toEqual([]);
    windows.record("events.find", 1, false);
    // After a night of sleep.
    windows.advance(40_000_000);
    expect(windows.throughput(FIVE_MINUTES_MS).count).toBe(0);
  });

  it("lists operations by the time they took, and gives each call to one period only", () => {
    const windows = new ResponseWindows(0);
    windows.record("events.find", 1, false);
    windows.record("audit.verify", 500, true);
    windows.record("events.find", 2, false);
    expect(
      windows.operations().map(({ name, count, totalMs, errorCount }) => [name, count, totalMs, errorCount]),
    ).toEqual([
      ["audit.verify", 1, 500, 1],
      ["events.find", 2, 3, 0],
    ]);
    expect([windows.take().count, windows.take().count]).toEqual([3, 0]);
  });

  it("is bounded whatever the names are", () => {
    const windows = new ResponseWindows(0);
    for (let index = 0; index < 700; index++) windows.record(`made-up.${index}`, 1, false);
    const rows = windows.operations();
    expect(rows.length).toBe(501);
    expect(rows[0]).toMatchObject({ name: "(other)", count: 200 });
  });
});
