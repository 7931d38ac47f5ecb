import { parseQuietHours } from "../../src/roll-call/quiet-hours.ts";
import { isDue, nextReminderAt } from "../../src/roll-call/schedule.ts";

const HOUR_MS = 3_600_000;
const at = (text: string): number => Date.parse(text);
const quietHours = parseQuietHours("22:00-08:00", "UTC");

function next(input: Partial<Parameters<typeof nextReminderAt>[0]>): string | undefined {
  const dueAt = nextReminderAt({
    fromAt: at("2026-06-01T12:00:00Z"),
    intervalMs: 24 * HOUR_MS,
    nowAt: at("2026-06-01T12:00:00Z"),
    ...input,
  });
  return dueAt === undefined ? undefined : new Date(dueAt).toISOString();
}

describe("nextReminderAt", () => {
  it("is one interval after the creation, and strictly after now", () => {
    expect(next({})).toBe("2026-06-02T12:00:00.000Z");
    expect(next({ nowAt: at("2026-06-02T11:59:59.999Z") })).toBe("2026-06-02T12:00:00.000Z");
    expect(next({ nowAt: at("2026-06-02T12:00:00Z") })).toBe("2026-06-03T12:00:00.000Z");
  });

  it("is one interval after the creation when the clock was set back", () => {
    expect(next({ nowAt: at("2026-05-01T00:00:00Z") })).toBe("2026-06-02T12:00:00.000Z");
  });

  it("leaves out what was missed while the bot was away", () => {
    expect(next({ nowAt: at("2026-06-20T15:00:00Z") })).toBe("2026-06-21T12:00:00.000Z");
  });

  it("waits for the end of quiet hours, and is back on the grid after them", () => {
    const fromAt = at("2026-06-01T23:00:00Z");
    expect(next({ fromAt, quietHours, nowAt: fromAt })).toBe("2026-06-03T08:00:00.000Z");
    expect(next({ fromAt, quietHours, nowAt: at("2026-06-03T08:00:00Z") })).toBe("2026-06-04T08:00:00.000Z");
    expect(next({ fromAt, nowAt: at("2026-06-03T08:00:00Z") })).toBe("2026-06-03T23:00:00.000Z");
  });

  it("is not lost when it is planned again between its grid time and the end of quiet hours", () => {
    const fromAt = at("2026-06-01T23:00:00Z");
    expect(next({ fromAt, quietHours, nowAt: at("2026-06-02T23:30:00Z") })).toBe("2026-06-03T08:00:00.000Z");
  });

  it("comes once for a whole night of grid times", () => {
    const input = { intervalMs: HOUR_MS, quietHours };
    expect(next({ ...input, nowAt: at("2026-06-01T21:00:00Z") })).toBe("2026-06-02T08:00:00.000Z");
    expect(next({ ...input, nowAt: at("2026-06-02T03:10:00Z") })).toBe("2026-06-02T08:00:00.000Z");
    expect(next({ ...input, nowAt: at("2026-06-02T08:00:00Z") })).toBe("2026-06-02T09:00:00.000Z");
  });

  it("is none at the closing time or later", () => {
    expect(next({ closesAt: at("2026-06-02T12:00:00Z") })).toBeUndefined();
    expect(next({ closesAt: at("2026-06-02T12:00:00.001Z") })).toBe("2026-06-02T12:00:00.000Z");
    const fromAt = at("2026-06-01T23:00:00Z");
    expect(next({ fromAt, quietHours, nowAt: fromAt, closesAt: at("2026-06-03T07:00:00Z") })).toBeUndefined();
  });

  it("refuses an interval that is not above zero", () => {
    expect(() => next({ intervalMs: 0 })).toThrow("the interval is 0 ms");
    expect(() => next({ intervalMs: Number.NaN })).toThrow("not above 0");
  });
});

describe("isDue", () => {
  it("waits for the end of quiet hours when a reminder is overdue", () => {
    const overdue = { nextReminderAt: at("2026-06-01T20:00:00Z"), quietHours };
    expect(isDue({ ...overdue, nowAt: at("2026-06-02T02:00:00Z") })).toBe(false);
    expect(isDue({ ...overdue, nowAt: at("2026-06-02T08:00:00Z") })).toBe(true);
  });

  it("does not hold when no reminder is planned", () => {
    expect(isDue({ nextReminderAt: undefined, nowAt: 0 })).toBe(false);
  });
});
