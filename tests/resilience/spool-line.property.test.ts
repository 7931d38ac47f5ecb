import fc from "fast-check";
import { decodeLine, encodeLine, splitLines } from "../../src/resilience/spool-line.ts";

const records = fc.array(fc.record({ kind: fc.constant("saved"), value: fc.jsonValue() }), {
  minLength: 1,
  maxLength: 8,
});

/** As it comes back: JSON knows no -0. */
function throughJson<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

function recordsIn(content: Buffer): unknown[] {
  return splitLines(content).sound.map(({ record }) => record);
}

describe("the lines of a spool file", () => {
  it("are JSON each, and come back as they were", () => {
    fc.assert(
      fc.property(records, (records) => {
        const content = Buffer.concat(records.map((record) => encodeLine(record)));
        const { sound, damaged, tornBytes } = splitLines(content);
        expect(sound.map(({ record }) => record)).toMatchObject(throughJson(records));
        expect({ damaged, tornBytes }).toEqual({ damaged: [], tornBytes: 0 });
        const lines = content.toString().trimEnd().split("\n");
        expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject(throughJson(records));
      }),
      { numRuns: 200 },
    );
  });

  it("lose at most the last one when the file ends anywhere, and say how much was torn", () => {
    fc.assert(
      fc.property(records, fc.nat(), (records, seed) => {
        const lines = records.map((record) => encodeLine(record));
        const content = Buffer.concat(lines);
        const end = seed % (content.length + 1);
        let start = 0;
        // The newline is not needed for a line to be whole.
        const whole = lines.filter((line) => (start += line.length) - 1 <= end);
        const { sound, damaged, tornBytes } = splitLines(content.subarray(0, end));
        expect(sound.map(({ line }) => `${line.toString()}\n`)).toEqual(whole.map(String));
        const wholeBytes = Buffer.concat(whole).length;
        expect({ damaged, tornBytes }).toEqual({ damaged: [], tornBytes: Math.max(0, end - wholeBytes) });
      }),
      { numRuns: 200 },
    );
  });

  it("never come back changed when bits of a byte flip, and take at most the neighbour along", () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.integer({ min: 1, max: 255 }), (records, seed, bits) => {
        const lines = records.map((record) => encodeLine(record));
        const content = Buffer.concat(lines);
        const at = seed % content.length;
        const before = lines.map((line) => decodeLine(line.subarray(0, -1)));
        content[at]! ^= bits;
        const { sound, damaged, tornBytes } = splitLines(content);
        const after = sound.map(({ record }) => JSON.stringify(record));
        let end = 0;
        const index = lines.findIndex((line) => (end += line.length) > at);
        const isNewline = at === end - 1;
        const isLastNewline = isNewline && index === lines.length - 1;
        const lost = isLastNewline ? [] : isNewline ? [index, index + 1] : [index];
        expect(after).toEqual(before.filter((_, i) => !lost.includes(i)).map((record) => JSON.stringify(record)));
        expect(damaged.length > 0 || tornBytes > 0).toBe(lost.length > 0);
      }),
      { numRuns: 300 },
    );
  });

  it("are told from lines of something else", () => {
    for (const text of ["", "{}", "null", '{"crc32":"00000000","a":1}', '{"crc32":"00000000",', "x".repeat(100)]) {
      expect(recordsIn(Buffer.from(`${text}\n`))).toEqual([]);
      expect(splitLines(Buffer.from(`${text}\n`)).damaged.map(String)).toEqual([text]);
    }
  });
});
