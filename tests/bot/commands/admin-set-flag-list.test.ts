import fc from "fast-check";
import { createFlagListEmbed } from "../../../src/bot/commands/admin-set-flag-list.ts";
import { countEmbedLength, EMBED_LIMITS } from "../../../src/bot/events/embed-limits.ts";
import { FLAG_NAMES } from "../../../src/bot/flags/flag-table.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import { FLAG_SUBJECT_TYPES, type FlagRecord } from "../../../src/store/flags.ts";
import { snowflake } from "../../arbitraries/roll-call.ts";

const ROLE = "100000000000000001";
const MEMBER = "100000000000000002";

describe("list of flags", () => {
  it("explains every flag of the table when none is set", () => {
    const { description, fields } = createFlagListEmbed([], english);
    expect(description).toContain("`/admin-set-flag set`");
    for (const name of FLAG_NAMES) expect(description).toContain(`**${name}** (`);
    expect(fields).toBeUndefined();
  });

  it("groups what is set by flag, with whom it holds for, and then names the defaults of the others", () => {
    const records: FlagRecord[] = [
      { name: "alert-channel", subjectType: "server", subjectId: "", value: ROLE },
      { name: "excused", subjectType: "member", subjectId: MEMBER, value: "yes" },
      { name: "excused", subjectType: "role", subjectId: ROLE, value: "yes" },
      { name: "from-the-future", subjectType: "server", subjectId: "", value: "*" },
    ];
    const fields = createFlagListEmbed(records, english).fields!;
    expect(fields.slice(0, 3)).toEqual([
      { name: "alert-channel", value: `the server: <#${ROLE}>` },
      { name: "excused", value: `<@${MEMBER}>: yes\n<@&${ROLE}>: yes` },
      { name: "from-the-future", value: "the server: \\*" },
    ]);
    expect(fields.at(-1)!.value.split("\n")).toContain("timezone: UTC");
    expect(fields.at(-1)!.value).not.toContain("excused");
  });

  it("stays within Discord's limits, however many are set", () => {
    const record = fc.record({
      name: fc.oneof(fc.constantFrom(...FLAG_NAMES), fc.stringMatching(/^[a-z]{1,32}$/)),
      subjectType: fc.constantFrom(...FLAG_SUBJECT_TYPES),
      subjectId: snowflake,
      value: fc.oneof(fc.string({ minLength: 1, maxLength: 500 }), fc.constant("*".repeat(500))),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 200 }), (records) => {
        const embed = createFlagListEmbed(records, english);
        expect(countEmbedLength(embed)).toBeLessThanOrEqual(EMBED_LIMITS.total);
        expect((embed.fields ?? []).length).toBeLessThanOrEqual(EMBED_LIMITS.fields);
        for (const { value } of embed.fields ?? []) {
          expect(value.length).toBeGreaterThan(0);
          expect(value.length).toBeLessThanOrEqual(EMBED_LIMITS.fieldValue);
        }
      }),
    );
  });
});
