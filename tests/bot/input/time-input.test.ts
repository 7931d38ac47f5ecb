import fc from "fast-check";
import { parseMoment, parsePastMoment } from "../../../src/bot/input/time-input.ts";
import { listMomentsAt, toWallMs } from "../../../src/roll-call/time-zone.ts";
import { minuteAt, timeZone } from "../../arbitraries/roll-call.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** A Saturday, 12:30 in Berlin, the day before its clocks are put back. */
const NOW = "2026-10-24T10:30:00Z";

function read(text: string, now = NOW, zone = "Europe/Berlin"): string {
  const result = parseMoment(text, { nowAt: Date.parse(now), timeZone: zone });
  return result.ok ? new Date(result.at).toISOString().replace(":00.000Z", "Z") : result.problem;
}

describe("parseMoment", () => {
  it.each([
    ["tomorrow 8pm", "2026-10-25T19:00Z"],
    ["8pm tomorrow", "2026-10-25T19:00Z"],
    ["in 3 days", "2026-10-27T11:30Z"],
    ["3d", "2026-10-27T11:30Z"],
    ["in two weeks", "2026-11-07T11:30Z"],
    ["in 24 hours", "2026-10-25T10:30Z"],
    ["in 36 hours", "2026-10-25T22:30Z"],
    ["in 1 day 2 hours", "2026-10-25T12:30Z"],
    ["in two hours", "2026-10-24T12:30Z"],
    ["half an hour from now", "2026-10-24T11:00Z"],
    ["1h30m", "2026-10-24T12:00Z"],
    ["2026-12-24 18:00", "2026-12-24T17:00Z"],
    ["2026-12-24T18:00", "2026-12-24T17:00Z"],
    ["2026-12-24T18:00:00Z", "2026-12-24T18:00Z"],
    ["2026-12-24T18:00:00+05:30", "2026-12-24T12:30Z"],
    ["24.12.2026 18:00", "2026-12-24T17:00Z"],
    ["dec 24 6pm", "2026-12-24T17:00Z"],
    ["tomorrow 8pm EST", "2026-10-26T01:00Z"],
    ["<t:1800000000:R>", "2027-01-15T08:00Z"],
    ["<t:1800000000>", "2027-01-15T08:00Z"],
    ["  tomorrow \n 8pm ", "2026-10-25T19:00Z"],
  ])("reads %j", (text, expected) => expect(read(text)).toBe(expected));

  it.each([
    ["1pm", "2026-10-24T11:00Z"],
    ["at 9am", "2026-10-25T08:00Z"],
    ["saturday 20:00", "2026-10-24T18:00Z"],
    ["saturday 9:00", "2026-10-31T08:00Z"],
    ["friday 18:00", "2026-10-30T17:00Z"],
    ["on friday at 5pm", "2026-10-30T16:00Z"],
    ["march 5", "2027-03-05T11:00Z"],
    ["noon", "2026-10-25T11:00Z"],
  ])("takes the next %j", (text, expected) => expect(read(text)).toBe(expected));

  it.each([
    "",
    "soon",
    "5",
    "0",
    "2026",
    "25:00",
    "2026-02-30",
    "tomorrow 8pm please",
    "maybe tomorrow",
    "5pm to 8pm",
    "monday or tuesday",
    "<t:abc>",
    "<t:1800000000:R> x",
    "constructor",
    "tomorrow ".repeat(20),
  ])("does not understand %j", (text) => expect(read(text)).toBe("not-understood"));

  it.each(["yesterday", "last friday", "3 days ago", "2 hours ago", "now", "today 8am", "2026-10-24 12:30", "<t:5>"])(
    "refuses %j as past",
    (text) => expect(read(text)).toBe("in-the-past"),
  );

  it("refuses what is more than two years ahead", () => {
    expect(read("2028-10-24 12:00")).toBe("2028-10-24T10:00Z");
    expect(read("2028-10-26 12:00")).toBe("too-far");
    expect(read("<t:9999999999999>")).toBe("too-far");
  });

  it("reads a time that clocks show twice as the first, or the second when the first is over", () => {
    expect(read("2026-10-25 02:30")).toBe("2026-10-25T00:30Z");
    expect(read("02:30", "2026-10-25T00:45:00Z")).toBe("2026-10-25T01:30Z");
  });

  it("reads a time that clocks skip as if they had not been put forward yet", () => {
    expect(read("2027-03-28 02:30")).toBe("2027-03-28T01:30Z");
    expect(read("tomorrow 2:30am", "2026-03-07T12:00:00Z", "America/New_York")).toBe("2026-03-08T07:30Z");
  });

  it("knows which day it is in the zone", () => {
    expect(read("tomorrow 8am", "2026-06-01T22:30:00Z", "Pacific/Auckland")).toBe("2026-06-02T20:00Z");
    expect(read("tomorrow 8am", "2026-06-02T03:30:00Z", "America/New_York")).toBe("2026-06-02T12:00Z");
    expect(read("tomorrow 8am", "2026-06-01T20:30:00Z", "Asia/Kathmandu")).toBe("2026-06-03T02:15Z");
  });

  it("reads every wall-clock time to come in any zone", () => {
    fc.assert(
      fc.property(timeZone, minuteAt, fc.integer({ min: 1, max: 500_000 }), (zone, nowAt, minutes) => {
        const at = nowAt + minutes * MINUTE_MS;
        const written = new Date(toWallMs(zone, at)).toISOString().slice(0, 16).replace("T", " ");
        const [first, second] = listMomentsAt(zone, toWallMs(zone, at));
        const expected = first > nowAt ? first : second;
        expect(parseMoment(written, { nowAt, timeZone: zone })).toEqual({ ok: true, at: expected });
      }),
    );
  });

  it("keeps the time of day over days, and elapsed time over hours, through every change of clocks", () => {
    fc.assert(
      fc.property(timeZone, minuteAt, fc.integer({ min: 1, max: 400 }), (zone, nowAt, amount) => {
        const context = { nowAt, timeZone: zone };
        expect(parseMoment(`in ${amount} hours`, context)).toEqual({ ok: true, at: nowAt + amount * 3_600_000 });
        const [first, second] = listMomentsAt(zone, toWallMs(zone, nowAt) + amount * DAY_MS);
        const days = parseMoment(`in ${amount} days`, context);
        expect([first, second]).toContain(days.ok && days.at);
      }),
    );
  });

  it("says the same on machines in every zone", () => {
    const texts = [
      "tomorrow 8pm",
      "in 3 days",
      "in 36 hours",
      "saturday 9:00",
      "sunday 02:30",
      "8am",
      "noon",
      "march 5",
    ];
    const moments = ["2026-03-28T10:30Z", "2026-10-24T10:30Z", "2026-10-24T22:30Z", "2026-11-01T03:30Z"];
    const readAll = (): string[] =>
      moments.flatMap((now) =>
        ["Europe/Berlin", "America/New_York"].flatMap((timeZone) =>
          texts.map((text) => JSON.stringify(parseMoment(text, { nowAt: Date.parse(now), timeZone }))),
        ),
      );
    const zone = process.env["TZ"];
    try {
      const readings = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"].map((TZ) => {
        process.env["TZ"] = TZ;
        return { offset: new Date(0).getTimezoneOffset(), read: readAll() };
      });
      // The machine's clocks did change with it.
      expect(readings.map(({ offset }) => offset)).toEqual([0, -60, 300, -330, -720]);
      for (const { read } of readings) expect(read).toEqual(readings[0]!.read);
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });

  it("never throws, whatever the text", () => {
    const word = fc.constantFrom(
      "in",
      "next",
      "friday",
      "8pm",
      "3",
      "days",
      "2026",
      "-",
      ":",
      "<t:",
      ">",
      "march",
      "an",
      "hour",
      "\n",
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join(" ")),
    );
    fc.assert(
      fc.property(text, (given) => {
        const nowAt = Date.parse(NOW);
        const result = parseMoment(given, { nowAt, timeZone: "Europe/Berlin" });
        if (result.ok) expect(result.at).toBeGreaterThan(nowAt);
      }),
      { numRuns: 300 },
    );
  });
});

describe("parsePastMoment", () => {
  const context = { nowAt: Date.parse(NOW), timeZone: "Europe/Berlin" };
  const readPast = (text: string, edge: "start" | "end"): string => {
    const result = parsePastMoment(text, context, edge);
    return result.ok ? new Date(result.at).toISOString().replace(":00.000Z", "Z") : result.problem;
  };

  it.each([
    ["2h", "2026-10-24T08:30Z"],
    ["2 hours ago", "2026-10-24T08:30Z"],
    ["90 minutes ago", "2026-10-24T09:00Z"],
    ["3 days", "2026-10-21T10:30Z"],
    ["3d ago", "2026-10-21T10:30Z"],
    ["last week", "2026-10-17T10:30Z"],
    ["now", "2026-10-24T10:30Z"],
    ["8am", "2026-10-24T06:00Z"],
    ["8pm", "2026-10-23T18:00Z"],
    ["noon", "2026-10-24T10:00Z"],
    ["friday 18:00", "2026-10-23T16:00Z"],
    ["sunday 18:00", "2026-10-18T16:00Z"],
    ["2026-03-05 18:00", "2026-03-05T17:00Z"],
    ["<t:1700000000:R>", "2023-11-14T22:13:20.000Z"],
  ])("reads %j as what has been, at either edge", (text, expected) => {
    expect(readPast(text, "start")).toBe(expected);
    expect(readPast(text, "end")).toBe(expected);
  });

  it.each([
    ["yesterday", "2026-10-22T22:00Z", "2026-10-23T21:59:59.999Z"],
    ["today", "2026-10-23T22:00Z", "2026-10-24T21:59:59.999Z"],
    ["2026-10-01", "2026-09-30T22:00Z", "2026-10-01T21:59:59.999Z"],
    ["since 2026-10-01", "2026-09-30T22:00Z", "2026-10-01T21:59:59.999Z"],
    ["march 5", "2026-03-04T23:00Z", "2026-03-05T22:59:59.999Z"],
    ["friday", "2026-10-22T22:00Z", "2026-10-23T21:59:59.999Z"],
    ["monday", "2026-10-18T22:00Z", "2026-10-19T21:59:59.999Z"],
  ])("reads %j as a whole day", (text, start, end) => {
    expect(readPast(text, "start")).toBe(start);
    expect(readPast(text, "end")).toBe(end);
  });

  it("knows that a day on which clocks are put back has 25 hours", () => {
    const nextDay = { ...context, nowAt: Date.parse("2026-10-26T10:00Z") };
    const [start, end] = (["start", "end"] as const).map((edge) => parsePastMoment("yesterday", nextDay, edge));
    expect(start?.ok && end?.ok && end.at - start.at + 1).toBe(25 * 3_600_000);
  });

  it.each(["", "soon", "5", "tomorrow 8pm please", "<t:abc>"])("does not understand %j", (text) =>
    expect(readPast(text, "start")).toBe("not-understood"),
  );

  it("refuses what is before 1970 or more than two years ahead", () => {
    expect(readPast("<t:-5>", "start")).toBe("too-far");
    expect(readPast("2028-10-26 12:00", "start")).toBe("too-far");
  });
});
