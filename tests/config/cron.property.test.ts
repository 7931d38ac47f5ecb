import fc from "fast-check";
import { createTask } from "node-cron";
import { findNextCronMoment } from "../../src/config/cron.ts";
import { cronExpression } from "./setting-values.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const moment = fc
  .date({ min: new Date(2026, 0, 1), max: new Date(2040, 0, 1), noInvalidDate: true })
  .map((date) => date.getTime());
/** Where in the time until the next moment it is looked whether there is an earlier one. */
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 20, maxLength: 20 });

/** When the host's clocks have just been changed: a moment that they left out comes late here, and not at all there. */
function isNearChange(at: number): boolean {
  return new Date(at).getTimezoneOffset() !== new Date(at - DAY_MS).getTimezoneOffset();
}

describe("findNextCronMoment", () => {
  it("gives the first minute that fits, as others read the expression", () => {
    fc.assert(
      fc.property(cronExpression, moment, places, (expression, after, fractions) => {
        const next = findNextCronMoment(expression, after)!;
        const minuteCount = Math.ceil((next - after) / MINUTE_MS);
        const between = fractions
          .map((fraction) => next - Math.floor(fraction * minuteCount) * MINUTE_MS)
          .filter((at) => at > after && at < next);
        const task = createTask(expression, () => undefined);
        const fits = (at: number): boolean => !isNearChange(at) && task.match(new Date(at));
        try {
          expect(next).toBeGreaterThan(after);
          expect(isNearChange(next) || fits(next)).toBe(true);
          expect(between.filter(fits)).toEqual([]);
        } finally {
          void task.destroy();
        }
      }),
      { numRuns: 100 },
    );
  });
});
