import fc from "fast-check";
import { formatDurationMs, formatSizeBytes, parseDurationMs, parseSizeBytes } from "../../src/core/units.ts";

describe("durations", () => {
  it("are read back as they are written", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (durationMs) => {
        expect(parseDurationMs(formatDurationMs(durationMs))).toBe(durationMs);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ["0", 0],
    ["500ms", 500],
    ["1.5h", 5_400_000],
    ["1h30m", 5_400_000],
    ["1H 30M", 5_400_000],
    ["1w", 604_800_000],
    ["7d", 604_800_000],
  ])("%s is %d ms", (text, durationMs) => expect(parseDurationMs(text)).toBe(durationMs));

  it.each(["", "5", "-5s", "5 minutes", "h", "1.h", "5mm", "1e3s", "99999999999w"])("%j is none", (text) =>
    expect(parseDurationMs(text)).toBeUndefined(),
  );

  it("have a writing even when they round to nothing", () => expect(formatDurationMs(0.4)).toBe("0"));
});

describe("sizes", () => {
  it.each([
    ["0B", 0],
    ["64MB", 64 * 1024 ** 2],
    ["1.5 kb", 1_536],
    ["2GB", 2 * 1024 ** 3],
  ])("%s is %d bytes", (text, bytes) => expect(parseSizeBytes(text)).toBe(bytes));

  it.each(["", "64", "-1MB", "MB", "1PB", "1MBB"])("%j is none", (text) =>
    expect(parseSizeBytes(text)).toBeUndefined(),
  );

  it("are read back from their writing within its one decimal", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
        const readBack = parseSizeBytes(formatSizeBytes(bytes))!;
        expect(Math.abs(readBack - bytes)).toBeLessThanOrEqual(bytes * 0.05);
      }),
    );
  });
});
