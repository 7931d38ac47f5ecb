import fc from "fast-check";
import { MAX_INTERVAL_MS, parseInterval } from "../../../src/bot/input/duration-input.ts";
import { formatDurationMs } from "../../../src/core/units.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const limits = { minMs: 5 * MINUTE_MS };

describe("parseInterval", () => {
  it.each([
    ["24h", DAY_MS],
    ["1d", DAY_MS],
    ["90m", 90 * MINUTE_MS],
    ["1h30m", 90 * MINUTE_MS],
    ["1 h 30 min", 90 * MINUTE_MS],
    ["1.5 hours", 90 * MINUTE_MS],
    ["1 day and 2 hours", 26 * HOUR_MS],
    ["2 days, 3 hours", 51 * HOUR_MS],
    ["two weeks", 14 * DAY_MS],
    ["half an hour", 30 * MINUTE_MS],
    ["an hour", HOUR_MS],
    ["Daily", DAY_MS],
    ["weekly", 7 * DAY_MS],
    ["hourly", HOUR_MS],
    ["every day", DAY_MS],
    ["every 2 days", 2 * DAY_MS],
    [" 1W ", 7 * DAY_MS],
    ["52w", MAX_INTERVAL_MS],
  ])("reads %j", (text, ms) => expect(parseInterval(text, limits)).toEqual({ ok: true, ms }));

  it.each([
    ["24", "no-unit"],
    ["1.5", "no-unit"],
    ["-3", "no-unit"],
    ["0", "no-unit"],
    ["", "not-understood"],
    ["soon", "not-understood"],
    ["1h 30", "not-understood"],
    ["1 2h", "not-understood"],
    ["-1h", "not-understood"],
    ["1x", "not-understood"],
    ["constructor", "not-understood"],
    ["1h".repeat(60), "not-understood"],
    ["4m59s", "too-short"],
    ["0h", "too-short"],
    ["53 weeks", "too-long"],
    ["99999999999999999999w", "not-understood"],
  ])("refuses %j as %s", (text, problem) => expect(parseInterval(text, limits)).toEqual({ ok: false, problem }));

  it("takes the longest interval as a parameter", () => {
    expect(parseInterval("2h", { minMs: 1000, maxMs: HOUR_MS })).toEqual({ ok: false, problem: "too-long" });
    expect(parseInterval("1s", { minMs: 1000 })).toEqual({ ok: true, ms: 1000 });
  });

  it("reads every duration that the program writes, and accepts exactly those within the limits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 * MAX_INTERVAL_MS }),
        fc.integer({ min: 1, max: DAY_MS }),
        (ms, minMs) => {
          const expected =
            ms < minMs
              ? { ok: false, problem: "too-short" }
              : ms > MAX_INTERVAL_MS
                ? { ok: false, problem: "too-long" }
                : { ok: true, ms };
          expect(parseInterval(formatDurationMs(ms), { minMs })).toEqual(expected);
        },
      ),
    );
  });

  it("never throws, and never accepts what is outside the limits", () => {
    const word = fc.constantFrom(
      "1",
      "30",
      "h",
      "m",
      "min",
      "hours",
      "a",
      "an",
      "every",
      "day",
      "and",
      ",",
      " ",
      ".",
      "-",
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join("")),
    );
    fc.assert(
      fc.property(text, (given) => {
        const result = parseInterval(given, limits);
        if (!result.ok) return;
        expect(result.ms).toBeGreaterThanOrEqual(limits.minMs);
        expect(result.ms).toBeLessThanOrEqual(MAX_INTERVAL_MS);
      }),
      { numRuns: 500 },
    );
  });
});
