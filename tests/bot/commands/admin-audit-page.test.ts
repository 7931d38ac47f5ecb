import type { APIActionRowComponent, APIButtonComponentWithCustomId, APIEmbed } from "discord.js";
import fc from "fast-check";
import { createAuditPage } from "../../../src/bot/commands/admin-audit-page.ts";
import { describeDetails, describeTarget } from "../../../src/bot/commands/admin-audit-words.ts";
import { countEmbedLength, EMBED_LIMITS } from "../../../src/bot/events/embed-limits.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import type { AuditEntry } from "../../../src/store/audit-chain.ts";
import type { AuditPage } from "../../../src/store/audit.ts";

const ACTOR = "100000000000000001";
const ROLE = "100000000000000002";

function createEntry(changes: Partial<Omit<AuditEntry, "details">> & { details?: object | string } = {}): AuditEntry {
  const { details = {}, ...rest } = changes;
  return {
    ...{ guildId: "100000000000000009", sequence: 1, id: "01AAAAAAAAAAAAAAAAAAAAAAAA", at: 1_750_000_000_000 },
    ...{ actorId: ACTOR, action: "event.create", target: "01BBBBBBBBBBBBBBBBBBBBBBBB", outcome: "success" as const },
    ...{ previousHash: "0".repeat(64), hash: "1".repeat(64) },
    ...rest,
    details: typeof details === "string" ? details : JSON.stringify(details),
  };
}

function render(page: Partial<AuditPage>, filter = {}): { embed: APIEmbed; buttons: APIButtonComponentWithCustomId[] } {
  const reply = createAuditPage({ entries: [], hasNewer: false, hasOlder: false, ...page }, filter, english);
  const [row] = reply.components as APIActionRowComponent<APIButtonComponentWithCustomId>[];
  return { embed: reply.embeds![0] as APIEmbed, buttons: row?.components ?? [] };
}

const describeEntry = (entry: AuditEntry): string => render({ entries: [entry] }).embed.description!;

describe("audit page", () => {
  it("says who did what to which event, when", () => {
    expect(describeEntry(createEntry({ details: { title: "Fire *drill*", channelId: ROLE, adopted: false } }))).toBe(
      `<t:1750000000:f> <@${ACTOR}> created the event **Fire \\*drill\\*** (\`01BBBBBBBBBBBBBBBBBBBBBBBB\`)\n` +
        `-# channel: <#${ROLE}> · adopted: no`,
    );
  });

  it("says which flag was set for whom, with its value now and before", () => {
    const details = { value: "✅", previousValue: "<:old:100000000000000005>" };
    const entry = createEntry({ action: "flag.set", target: `emblem role ${ROLE}`, details });
    expect(describeEntry(entry)).toBe(
      `<t:1750000000:f> <@${ACTOR}> set the flag **emblem** for <@&${ROLE}>\n` +
        "-# now: ✅ · before: <:old:100000000000000005>",
    );
  });

  it("shows a channel among flags as a mention", () => {
    const entry = createEntry({ action: "flag.set", target: "alert-channel", details: { value: ROLE } });
    expect(describeDetails(entry, english)).toBe(`now: <#${ROLE}>`);
  });

  it("names the system, what failed, and actions that it does not know by their own name", () => {
    const entry = createEntry({ action: "moon.landing", actorId: "system", target: "", outcome: "failure" });
    expect(describeEntry(entry)).toBe("<t:1750000000:f> **Muster** ⚠️ tried, and it failed: `moon.landing`");
  });

  it("shows moments, durations, roles, answers and what was removed in people's words", () => {
    const details = {
      ...{
        closesAt: 1_750_000_000_000,
        intervalMs: 86_400_000,
        audienceRoleId: ROLE,
        reactions: ["✅", "a:x1:100000000000000005"],
      },
      ...{ description: "", somethingNew: null, nextReminderAt: 5 },
    };
    expect(describeDetails(createEntry({ action: "event.edit", details }), english)).toBe(
      `closes: <t:1750000000:f> · every: 1 day · audience: <@&${ROLE}> · answers: ✅ <a:x1:100000000000000005>` +
        " · description: none · something new: none",
    );
  });

  it("shows lists of anything", () => {
    const details = { kinds: ["a*", 5, null, { toString: {} }] };
    const entry = createEntry({ action: "integrity.checked", details });
    expect(describeDetails(entry, english)).toBe('kinds: a\\*, 5, null, {"toString":{}}');
  });

  it("shows an entry whose details are not readable any more", () => {
    expect(describeTarget(createEntry({ details: "{broken" }), english)).toBe("`01BBBBBBBBBBBBBBBBBBBBBBBB`");
    expect(describeDetails(createEntry({ details: "[1" }), english)).toBe("");
  });

  it("enables only the buttons that lead somewhere", () => {
    const entries = [createEntry({ sequence: 9 }), createEntry({ sequence: 8 })];
    const { buttons, embed } = render({ entries, hasOlder: true });
    expect(buttons.map(({ label, disabled }) => [label, disabled])).toEqual([
      ["Newer", true],
      ["Older", false],
    ]);
    expect(new Set(buttons.map((button) => button.custom_id)).size).toBe(2);
    expect(embed.footer?.text).toBe("Entries 9 to 8");
  });

  it("tells an empty log from a filter that nothing fits, and shows what it was filtered by", () => {
    expect(render({}).embed.description).toBe(english.admin.audit.empty);
    const { embed, buttons } = render({}, { action: "flag.set", actorId: ACTOR, since: 5_000, text: "a*b" });
    expect(embed.description).toBe(
      `-# Only: flag.set · by <@${ACTOR}> · since <t:5:f> · with "a\\*b"\n${english.admin.audit.emptyFiltered}`,
    );
    expect(buttons).toEqual([]);
  });

  it("stays within Discord's limits with eight entries of many details each", () => {
    const details = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`detail${index}`, "*".repeat(100)]));
    const entries = Array.from({ length: 8 }, () => createEntry({ details }));
    expect(render({ entries }).embed.description!.length).toBeLessThanOrEqual(EMBED_LIMITS.description);
  });

  it("stays within Discord's limits, whatever the entries hold", () => {
    const details = fc.oneof(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.constant({ value: "*".repeat(500) }),
      fc.string(),
    );
    const entry = fc
      .record({ details, action: fc.string({ maxLength: 100 }), target: fc.string({ maxLength: 200 }) })
      .map(createEntry);
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 8 }), fc.string({ maxLength: 30 }), (entries, text) => {
        const { embed } = render({ entries }, text === "" ? {} : { text, action: "event.create", actorId: ACTOR });
        expect(embed.description!.length).toBeLessThanOrEqual(EMBED_LIMITS.description);
        expect(countEmbedLength(embed)).toBeLessThanOrEqual(EMBED_LIMITS.total);
        expect(embed.description).not.toContain("@everyone");
      }),
    );
  });
});
