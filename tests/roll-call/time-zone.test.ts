import { findOffsetChange, getOffsetMs, isTimeZone, listMomentsAt } from "../../src/roll-call/time-zone.ts";

const MINUTE_MS = 60_000;

function momentsAt(timeZone: string, wallTime: string): string[] {
  return listMomentsAt(timeZone, Date.parse(`${wallTime}Z`)).map((at) => new Date(at).toISOString().slice(0, 16));
}

describe("time zones", () => {
  it("are known by name only", () => {
    expect(["UTC", "Europe/Berlin", "america/new_york"].filter(isTimeZone)).toHaveLength(3);
    expect(["", "+02:00", "Europe/Atlantis", "hello world"].filter(isTimeZone)).toEqual([]);
  });

  it("have offsets that change on their days", () => {
    const at = Date.parse("2026-06-01T00:00:00.500Z");
    expect(getOffsetMs("Europe/Berlin", at)).toBe(120 * MINUTE_MS);
    expect(getOffsetMs("Asia/Kathmandu", at)).toBe(345 * MINUTE_MS);
    expect(getOffsetMs("America/St_Johns", at)).toBe(-150 * MINUTE_MS);
    expect(findOffsetChange("Europe/Berlin", Date.parse("2026-03-28"), Date.parse("2026-03-30"))).toBe(
      Date.parse("2026-03-29T01:00:00Z"),
    );
    expect(findOffsetChange("Europe/Berlin", Date.parse("2026-06-01"), Date.parse("2026-06-02"))).toBeUndefined();
  });

  it("show a time once, twice where clocks are put back, and read a skipped one with the offset before", () => {
    expect(momentsAt("Europe/Berlin", "2026-06-01T12:00")).toEqual(["2026-06-01T10:00"]);
    expect(momentsAt("Europe/Berlin", "2026-10-25T02:30")).toEqual(["2026-10-25T00:30", "2026-10-25T01:30"]);
    expect(momentsAt("Europe/Berlin", "2026-03-29T02:30")).toEqual(["2026-03-29T01:30"]);
    expect(momentsAt("Australia/Lord_Howe", "2026-10-04T02:15")).toEqual(["2026-10-03T15:45"]);
    expect(momentsAt("America/Havana", "2026-03-08T00:30")).toEqual(["2026-03-08T05:30"]);
  });
});
