import fc from "fast-check";
import { createButtonId, parseButtonId } from "../../../src/bot/command.ts";
import {
  decodePosition,
  encodePosition,
  isFilterableAction,
  MAX_ACTION_LENGTH,
  MAX_TEXT_LENGTH,
  normalizeFilter,
  type AuditFilter,
} from "../../../src/bot/commands/admin-audit-filter.ts";
import { operations } from "../../../src/store/data-module.ts";
import { snowflake } from "../../arbitraries/roll-call.ts";

const SNOWFLAKE = "1234567890123456789";
const action = fc.stringMatching(/^[a-z][a-z.-]{0,20}$/);
const second = fc.integer({ min: 0, max: 253_402_300_799 });

const filter: fc.Arbitrary<AuditFilter> = fc.record(
  {
    action,
    actorId: fc.oneof(snowflake, fc.constant("system")),
    since: second.map((seconds) => seconds * 1_000),
    until: second.map((seconds) => seconds * 1_000 + 999),
    text: fc.oneof(
      fc.string({ minLength: 1, maxLength: MAX_TEXT_LENGTH }),
      fc.string({ unit: fc.constantFrom("|", ".", "ü", "a"), minLength: 1, maxLength: MAX_TEXT_LENGTH }),
    ),
  },
  { requiredKeys: [] },
);

/** More entries than a server will ever have. */
const sequence = fc.integer({ min: 1, max: 62 ** 7 - 1 });

describe("page position", () => {
  it("comes back whole from a button, which is never longer than Discord allows", () => {
    fc.assert(
      fc.property(filter, sequence, (given, at) => {
        const id = createButtonId("admin-audit", "o", ...encodePosition(given, at));
        expect(id.length).toBeLessThanOrEqual(100);
        expect(decodePosition(parseButtonId(id).values)).toEqual({ filter: given, sequence: at });
      }),
      {
        examples: [
          [
            {
              action: "a".repeat(MAX_ACTION_LENGTH),
              actorId: (2n ** 63n - 1n).toString(),
              since: 32_503_680_000_000,
              until: 32_503_680_000_999,
              text: "|".repeat(MAX_TEXT_LENGTH),
            },
            62 ** 7 - 1,
          ],
        ],
      },
    );
  });

  it.each([
    [[]],
    [[""]],
    [["!"]],
    [["1.2.3.4.5"]],
    [["1", "flag set"]],
    [["1", "", "x".repeat(MAX_TEXT_LENGTH + 1)]],
    [["1.5"]],
    [["zzzzzzzzzzzzz"]],
  ])("is refused when it is %j", (values) => expect(decodePosition(values)).toBeUndefined());

  it("never throws, whatever the button says", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (values) => {
        const position = decodePosition(values);
        if (position)
          expect(
            operations.audit.list.input.safeParse({ guildId: SNOWFLAKE, limit: 8, ...position.filter }).success,
          ).toBe(true);
      }),
    );
  });
});

describe("normalizeFilter", () => {
  it("takes whole seconds, so that no entry of the second is left out", () => {
    expect(normalizeFilter({ since: 1_500, until: 2_500 })).toEqual({ since: 1_000, until: 2_999 });
  });
});

describe("isFilterableAction", () => {
  it("takes actions as the program writes them", () => {
    expect(["event.create", "flag.set", "audit.export", "database.recover"].every(isFilterableAction)).toBe(true);
    expect(["", "Event", "event create", "a|b", "a".repeat(22)].some(isFilterableAction)).toBe(false);
  });
});
