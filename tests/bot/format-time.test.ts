import fc from "fast-check";
import { formatDuration, formatMoment } from "../../src/bot/format-time.ts";

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe("formatMoment", () => {
  it("writes Discord's timestamps in whole seconds", () => {
    expect(formatMoment(1_700_000_000_999, "short")).toBe("<t:1700000000:f>");
    expect(formatMoment(1_700_000_000_000, "long")).toBe("<t:1700000000:F>");
    expect(formatMoment(-1, "relative")).toBe("<t:-1:R>");
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0 ms"],
    [-5, "0 ms"],
    [40.4, "40 ms"],
    [1500, "1.5 s"],
    [45 * SECOND_MS, "45 s"],
    [59_990, "1 min"],
    [80 * SECOND_MS, "1 min 20 s"],
    [HOUR_MS - 10, "1 h"],
    [2.5 * HOUR_MS, "2 h 30 min"],
    [DAY_MS - SECOND_MS, "1 day"],
    [DAY_MS, "1 day"],
    [30 * HOUR_MS, "1 day 6 h"],
    [3 * DAY_MS, "3 days"],
    [7 * DAY_MS, "1 week"],
    [8 * DAY_MS, "8 days"],
    [14 * DAY_MS, "2 weeks"],
    [7 * DAY_MS + 1, "7 days"],
  ])("writes %d ms as %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

  it("is within half an hour in 24, and never says more than two units", () => {
    const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: HOUR_MS, day: DAY_MS, week: 7 * DAY_MS };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 * DAY_MS }), (ms) => {
        const parts = [...formatDuration(ms).matchAll(/([\d.]+) (ms|s|min|h|day|week)s?(?: |$)/g)];
        expect(parts.length).toBeGreaterThan(0);
        expect(parts.length).toBeLessThanOrEqual(2);
        const written = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit!]!, 0);
        expect(Math.abs(written - ms)).toBeLessThanOrEqual(Math.max(ms / 20, 0.5));
        expect(Math.abs(written - ms)).toBeLessThanOrEqual(HOUR_MS / 2);
      }),
    );
  });
});
