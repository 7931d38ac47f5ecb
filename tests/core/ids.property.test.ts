import fc from "fast-check";
import { createId, createIdSequence, createReference, idTime, idTimePrefix } from "../../src/core/ids.ts";

const moment = fc.integer({ min: 0, max: 253_402_300_799_999 });

describe("ids", () => {
  it("sort by the time they were made at", () => {
    fc.assert(
      fc.property(moment, moment, (first, second) => {
        fc.pre(first < second);
        expect(createId(first) < createId(second)).toBe(true);
        expect(createId(first) < idTimePrefix(second)).toBe(true);
        expect(createId(second) > idTimePrefix(second)).toBe(true);
        expect(idTime(createId(first))).toBe(first);
      }),
    );
  });

  it("have the shape of a ULID, and references that of eight letters", () => {
    expect(createId(Date.now())).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(createReference()).toMatch(/^[0-9A-HJKMNP-TV-Z]{8}$/);
    // The example of the specification.
    expect(idTimePrefix(1_469_918_176_385)).toBe("01ARYZ6S41");
  });

  it("of a sequence are unique and sorted while time does not go back", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3 }), { minLength: 2, maxLength: 200 }), (steps) => {
        let now = 1_750_000_000_000;
        const next = createIdSequence(() => now);
        const ids = steps.map((step) => {
          now += step;
          return next();
        });
        expect(ids.toSorted()).toEqual(ids);
        expect(new Set(ids).size).toBe(ids.length);
        for (const id of ids) expect(id).toHaveLength(26);
      }),
    );
  });

  it("of two sequences at the same instant differ, and stay unique when the clock is set back", () => {
    let now = 1_750_000_000_000;
    const [one, other] = [createIdSequence(() => now), createIdSequence(() => now)];
    const ids = Array.from({ length: 2_000 }, (_, index) => {
      now -= index % 2;
      return index % 3 === 0 ? other() : one();
    });
    expect(new Set(ids).size).toBe(ids.length);
  });
});
