import fc from "fast-check";
import { formatExactly, formatLocal } from "../../src/cli/format-moment.ts";
import { parseInstant } from "../../src/cli/moment-words.ts";

const NOW = new Date(2026, 10, 20, 15, 30).getTime();

describe("parseInstant", () => {
  it.each([
    ["2026-11-20T14:05:09.250Z", Date.UTC(2026, 10, 20, 14, 5, 9, 250)],
    ["2026-11-20 14:05 +02:00", Date.UTC(2026, 10, 20, 12, 5)],
    ["2026-11-20T14:05", new Date(2026, 10, 20, 14, 5).getTime()],
    ["today 14:05", new Date(2026, 10, 20, 14, 5).getTime()],
    ["yesterday at 8pm", new Date(2026, 10, 19, 20, 0).getTime()],
    ["2 hours ago", NOW - 7_200_000],
  ])("reads %j", (text, at) => expect(parseInstant(text, NOW)).toBe(at));

  it.each(["", "soon", "yesterday", "2026-11-20", "2026-02-30T10:00Z", "2026-11-20T25:00Z", "today 14:05 or so", "7"])(
    "does not guess what %j means",
    (text) => expect(parseInstant(text, NOW)).toBeUndefined(),
  );

  it("reads back every moment as it is shown", () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date("9999-12-30"), noInvalidDate: true }), (date) => {
        const at = date.getTime();
        const [, exact] = /\((.*)\)$/.exec(formatExactly(at))!;
        expect(parseInstant(exact!, NOW)).toBe(at);
        const wholeSecond = Math.floor(at / 1_000) * 1_000;
        // An hour that clocks show twice is written the same way.
        expect(formatLocal(parseInstant(formatLocal(wholeSecond), NOW)!)).toBe(formatLocal(wholeSecond));
      }),
    );
  });
});
