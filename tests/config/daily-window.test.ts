import fc from "fast-check";
import { formatDailyWindow, nextOpening, parseDailyWindow } from "../../src/config/daily-window.ts";

const at = (text: string): number => new Date(text).getTime();
const open = (window: string, time: string): number => nextOpening(parseDailyWindow(window)!, at(time));

describe("a daily window", () => {
  it.each([
    ["now, while it is open", "02:00-05:00", "2026-11-20T02:00", "2026-11-20T02:00"],
    ["now, until the minute before its end", "02:00-05:00", "2026-11-20T04:59:59", "2026-11-20T04:59:59"],
    ["tomorrow, from its end on", "02:00-05:00", "2026-11-20T05:00", "2026-11-21T02:00"],
    ["today, before its start", "02:00-05:00", "2026-11-20T01:59:59", "2026-11-20T02:00"],
    ["now, before midnight of a night", "22:30-04:00", "2026-11-20T23:00", "2026-11-20T23:00"],
    ["now, after midnight of a night", "22:30-04:00", "2026-11-20T03:59", "2026-11-20T03:59"],
    ["in the evening, by day", "22:30-04:00", "2026-11-20T12:00", "2026-11-20T22:30"],
    ["until midnight", "22:00-24:00", "2026-12-31T23:59", "2026-12-31T23:59"],
    ["in the next year", "22:00-24:00", "2027-01-01T00:00", "2027-01-01T22:00"],
  ])("opens %s", (_title, window, time, expected) => {
    expect(new Date(open(window, time))).toEqual(new Date(expected));
  });

  it.each(["", "02:00", "2-5", "02:00-02:00", "24:00-01:00", "00:00-24:00", "01:60-02:00", "01:00-24:01"])(
    "is not %p",
    (text) => {
      expect(parseDailyWindow(text)).toBeUndefined();
    },
  );

  it("is open within a day, and stays open where it opens", () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    const windows = fc.uniqueArray(minute, { minLength: 2, maxLength: 2 }).map(([start, end]) => {
      const window = { startMinute: start!, endMinute: end! };
      expect(parseDailyWindow(formatDailyWindow(window))).toEqual(window);
      return window;
    });
    const times = fc.date({ min: new Date("2026-01-01"), max: new Date("2027-12-31"), noInvalidDate: true });
    fc.assert(
      fc.property(windows, times, (window, time) => {
        const opening = nextOpening(window, time.getTime());
        expect(opening).toBeGreaterThanOrEqual(time.getTime());
        expect(opening - time.getTime()).toBeLessThanOrEqual(25 * 3_600_000);
        expect(nextOpening(window, opening)).toBe(opening);
      }),
      { numRuns: 500 },
    );
  });
});
