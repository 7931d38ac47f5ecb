import fc from "fast-check";
import { formatCsvLine } from "../../src/core/csv.ts";
import { parseCsv } from "../bot/commands/parse-csv.ts";

describe("formatCsvLine", () => {
  it("quotes what would end a cell or a line, and doubles quotes", () => {
    expect(formatCsvLine(['say "hi"', "a,b", "two\nlines", "plain", 7])).toBe(
      '"say ""hi""","a,b","two\nlines",plain,7\r\n',
    );
  });

  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1", "\uFEFF=1", "\u0000=1"])(
    "makes %j harmless for spreadsheets",
    (text) => expect(parseCsv(formatCsvLine([text]))).toEqual([[`'${text}`]]),
  );

  it("brings every text through unchanged but for that apostrophe", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string({ unit: "grapheme" }), { minLength: 2, maxLength: 5 })), (rows) => {
        const read = parseCsv(rows.map(formatCsvLine).join(""));
        expect(read.length).toBe(rows.length);
        for (const [index, row] of rows.entries()) {
          expect(read[index]).toEqual(row.map((text) => (read[index]!.includes(`'${text}`) ? `'${text}` : text)));
        }
      }),
    );
  });

  it("leaves harmless text without one", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9{"'#]/), (text) => {
        expect(parseCsv(formatCsvLine([text, "x"]))).toEqual([[text, "x"]]);
      }),
    );
  });

  it("writes no cell that a spreadsheet would run", () => {
    const dangerous = fc
      .tuple(fc.constantFrom("", " ", "\t", "\n", "\u00A0"), fc.constantFrom("=", "+", "-", "@"), fc.string())
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(dangerous, (text) => {
        expect(parseCsv(formatCsvLine([text]))[0]![0]).toBe(`'${text}`);
      }),
    );
  });
});
