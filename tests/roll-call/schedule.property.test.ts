import fc from "fast-check";
import { isQuiet, quietEndAt } from "../../src/roll-call/quiet-hours.ts";
import { isDue, nextReminderAt, planNextReminder } from "../../src/roll-call/schedule.ts";
import { listMomentsAt, toWallMs } from "../../src/roll-call/time-zone.ts";
import { minuteAt, quietHours, timeZone } from "../arbitraries/roll-call.ts";

const MINUTE_MS = 60_000;
const intervalMs = fc.integer({ min: 5, max: 20_000 }).map((minutes) => minutes * MINUTE_MS);
const optionalQuietHours = fc.option(quietHours, { nil: undefined });

describe("quiet hours", () => {
  it("end at the first minute that is not quiet", () => {
    fc.assert(
      fc.property(quietHours, minuteAt, (hours, at) => {
        let minute = at;
        while (isQuiet(hours, minute)) minute += MINUTE_MS;
        expect(quietEndAt(hours, at)).toBe(minute);
      }),
      { numRuns: 200 },
    );
  });
});

describe("wall-clock times", () => {
  it("of a moment lead back to it", () => {
    fc.assert(
      fc.property(timeZone, minuteAt, (zone, at) => {
        const moments = listMomentsAt(zone, toWallMs(zone, at));
        expect(moments).toContain(at);
        expect(moments).toEqual([...moments].sort((a, b) => a - b));
        for (const moment of moments) expect(toWallMs(zone, moment)).toBe(toWallMs(zone, at));
      }),
      { numRuns: 500 },
    );
  });

  it("that clocks skip are moved by what is skipped, others stay", () => {
    fc.assert(
      fc.property(timeZone, minuteAt, (zone, wallMs) => {
        const [moment] = listMomentsAt(zone, wallMs);
        expect([0, 30, 60]).toContain((toWallMs(zone, moment) - wallMs) / MINUTE_MS);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the next reminder", () => {
  const input = fc.record({ fromAt: minuteAt, intervalMs, nowAt: minuteAt, quietHours: optionalQuietHours });

  it("is on the grid, after now, and never in quiet hours", () => {
    fc.assert(
      fc.property(input, (given) => {
        const { gridAt, dueAt } = planNextReminder(given)!;
        expect((gridAt - given.fromAt) % given.intervalMs).toBe(0);
        expect(gridAt).toBeGreaterThan(given.fromAt);
        expect(dueAt).toBeGreaterThan(given.nowAt);
        expect(dueAt).toBe(given.quietHours ? quietEndAt(given.quietHours, gridAt) : gridAt);
        expect(given.quietHours !== undefined && isQuiet(given.quietHours, dueAt)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("skips none: every grid time before it was due by now, or is due with it", () => {
    fc.assert(
      fc.property(input, (given) => {
        const { gridAt, dueAt } = planNextReminder(given)!;
        const beforeAt = gridAt - given.intervalMs;
        if (beforeAt <= given.fromAt) return;
        const beforeDueAt = given.quietHours ? quietEndAt(given.quietHours, beforeAt) : beforeAt;
        expect(beforeDueAt <= given.nowAt || beforeDueAt === dueAt).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("stays the same when it is planned again before it is due", () => {
    fc.assert(
      fc.property(input, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (given, part) => {
        const dueAt = nextReminderAt(given)!;
        const nowAt = Math.min(Math.floor(given.nowAt + (dueAt - given.nowAt) * part), dueAt - 1);
        expect(nextReminderAt({ ...given, nowAt })).toBe(dueAt);
      }),
      { numRuns: 300 },
    );
  });

  it("does not drift: from any earlier grid time on, the plan is the same", () => {
    fc.assert(
      fc.property(input, (given) => {
        const { gridAt } = planNextReminder(given)!;
        const laterNowAt = planNextReminder(given)!.dueAt;
        const fromCreation = planNextReminder({ ...given, nowAt: laterNowAt })!;
        const fromLast = planNextReminder({ ...given, fromAt: gridAt, nowAt: laterNowAt })!;
        expect(fromLast.dueAt).toBe(fromCreation.dueAt);
      }),
      { numRuns: 300 },
    );
  });

  it("never comes at the closing time or later, and is the same before it", () => {
    fc.assert(
      fc.property(input, minuteAt, (given, closesAt) => {
        const openEnded = nextReminderAt(given)!;
        expect(nextReminderAt({ ...given, closesAt })).toBe(openEnded < closesAt ? openEnded : undefined);
      }),
    );
  });

  it("is due from its time on, until the event closes", () => {
    fc.assert(
      fc.property(input, minuteAt, (given, closesAt) => {
        const dueAt = nextReminderAt({ ...given, closesAt });
        if (dueAt === undefined) return;
        const due = { nextReminderAt: dueAt, quietHours: given.quietHours, closesAt };
        expect(isDue({ ...due, nowAt: dueAt - 1 })).toBe(false);
        expect(isDue({ ...due, nowAt: dueAt })).toBe(true);
        expect(isDue({ ...due, nowAt: closesAt })).toBe(false);
      }),
    );
  });
});
