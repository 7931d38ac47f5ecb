import {
  formatQuietHours,
  isQuiet,
  parseQuietHours,
  quietEndAt,
  type QuietHours,
} from "../../src/roll-call/quiet-hours.ts";

function quiet(text: string, timeZone = "Europe/Berlin"): QuietHours {
  return parseQuietHours(text, timeZone)!;
}

function endOf(text: string, at: string, timeZone?: string): string {
  return new Date(quietEndAt(quiet(text, timeZone), Date.parse(at))).toISOString();
}

describe("parseQuietHours", () => {
  it("reads two times of day", () => {
    expect(quiet("22:00-08:00")).toEqual({ startMinute: 1320, endMinute: 480, timeZone: "Europe/Berlin" });
    expect(quiet(" 0:30 – 7:05 ")).toEqual({ startMinute: 30, endMinute: 425, timeZone: "Europe/Berlin" });
    expect(quiet("22:00-24:00").endMinute).toBe(0);
    expect(formatQuietHours(quiet("9:05-24:00"))).toBe("09:05-00:00");
  });

  it.each([
    "",
    "22-8",
    "22:00",
    "22:00-22:00",
    "00:00-24:00",
    "24:00-08:00",
    "22:60-08:00",
    "22:00-25:00",
    "a22:00-08:00",
  ])("refuses %j", (text) => expect(parseQuietHours(text, "UTC")).toBeUndefined());

  it.each(["Mars/Olympus", "", "+02:00"])("refuses the zone %j", (zone) => {
    expect(parseQuietHours("22:00-08:00", zone)).toBeUndefined();
  });
});

describe("isQuiet", () => {
  it("holds from the start minute to before the end minute", () => {
    const hours = quiet("22:00-08:00", "UTC");
    const isQuietAt = (time: string) => isQuiet(hours, Date.parse(`2026-06-01T${time}Z`));
    expect(["21:59:59.999", "22:00", "23:59", "00:00", "07:59:59.999", "08:00"].map(isQuietAt)).toEqual([
      false,
      true,
      true,
      true,
      true,
      false,
    ]);
  });
});

describe("quietEndAt", () => {
  it("returns for hours without a length, too", () => {
    expect(quietEndAt({ startMinute: 60, endMinute: 60, timeZone: "UTC" }, 3_600_000)).toBe(3_600_000);
  });

  it("is the moment itself outside quiet hours", () => {
    expect(endOf("22:00-08:00", "2026-06-01T12:00:00Z")).toBe("2026-06-01T12:00:00.000Z");
  });

  it("is the end by the zone's clocks, with seconds set to zero", () => {
    expect(endOf("22:00-08:00", "2026-06-01T21:34:56.789Z")).toBe("2026-06-02T06:00:00.000Z");
    expect(endOf("13:00-14:30", "2026-06-01T07:30:00Z", "Asia/Kathmandu")).toBe("2026-06-01T08:45:00.000Z");
  });

  it("stays at the same wall-clock time through a change of clocks", () => {
    expect(endOf("22:00-08:00", "2026-03-28T22:00:00Z")).toBe("2026-03-29T06:00:00.000Z");
    expect(endOf("22:00-08:00", "2026-10-24T22:00:00Z")).toBe("2026-10-25T07:00:00.000Z");
  });

  it("is the moment of the change when clocks skip the end", () => {
    expect(endOf("22:00-02:30", "2026-03-28T22:00:00Z")).toBe("2026-03-29T01:00:00.000Z");
  });

  it("comes twice when clocks show the end twice", () => {
    expect(endOf("22:00-02:30", "2026-10-24T22:00:00Z")).toBe("2026-10-25T00:30:00.000Z");
    expect(endOf("22:00-02:30", "2026-10-25T01:10:00Z")).toBe("2026-10-25T01:30:00.000Z");
  });

  it("is the next midnight's jump in a zone that has no midnight on that day", () => {
    expect(endOf("22:00-00:00", "2026-03-08T04:30:00Z", "America/Havana")).toBe("2026-03-08T05:00:00.000Z");
  });
});
