import type { APIEmbed } from "discord.js";
import fc from "fast-check";
import {
  CARD_BESIDE_DETAILS,
  POSTED_CARD,
  renderCard,
  renderPreparation,
  type CardContent,
} from "../../../src/bot/events/card-embed.ts";
import { countEmbedLength, EMBED_LIMITS, escapeWithin, joinWithin } from "../../../src/bot/events/embed-limits.ts";
import { english } from "../../../src/bot/texts/texts.ts";
import { createEventCard } from "../../../src/roll-call/card.ts";
import { snowflake, unicodeEmoji } from "../../arbitraries/roll-call.ts";

/** What people type, and what takes the most room once it is escaped. */
const typed = (maxLength: number): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.string({ unit: "grapheme", maxLength }),
      fc.string({ unit: fc.constantFrom("*", "_", "\\", "|", "<@", "@everyone"), maxLength }),
      fc.constant(`https://example.org/${"[]()".repeat(300)}`),
    )
    .map((text) => text.slice(0, maxLength));

const customEmoji = fc.bigInt({ min: 10n ** 18n, max: 10n ** 19n - 1n }).map((id) => `a:${"e".repeat(32)}:${id}`);
const emojiKey = fc.oneof(unicodeEmoji, customEmoji);
const moment = fc.integer({ min: 0, max: 253_402_300_799_999 });
const emblem = fc.option(
  fc.constantFrom("🇦🇹", "<a:emblem_of_a_far_away_state:1234567890123456789>", "https://example.org/a.png"),
  {
    nil: undefined,
  },
);

const card = fc.record({
  title: typed(99).map((text) => `T${text}`),
  description: typed(1_000),
  state: fc.constantFrom("open" as const, "paused" as const, "closed" as const),
  reactions: fc.uniqueArray(emojiKey, { maxLength: 20 }),
  others: fc.uniqueArray(emojiKey, { minLength: 1, maxLength: 30 }),
  answerCount: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant(1_000)),
  firstId: snowflake,
  isUnknown: fc.boolean(),
  isAdopted: fc.boolean(),
  hasRole: fc.boolean(),
  expectedCount: fc.constantFrom<number[]>(0, 3, 1_000),
  closesAt: fc.option(moment, { nil: undefined }),
  nextReminderAt: fc.option(moment, { nil: undefined }),
  serverEmblem: emblem,
  audienceEmblem: emblem,
  flags: fc.record({ areRemindersOn: fc.boolean(), isAudienceComplete: fc.boolean() }),
});
type DrawnCard = typeof card extends fc.Arbitrary<infer Drawn> ? Drawn : never;

function createContent(drawn: DrawnCard): CardContent {
  const { title, description, state, reactions, nextReminderAt, closesAt, firstId } = drawn;
  const memberId = (index: number): string => String((BigInt(firstId) + BigInt(index)) % 2n ** 63n).padStart(19, "1");
  const used = reactions.length > 0 ? reactions : drawn.others;
  const answers = Array.from({ length: drawn.answerCount }, (_, index) => ({
    userId: memberId(index),
    emoji: drawn.isUnknown && index % 7 === 0 ? "" : used[index % used.length]!,
  }));
  const event = {
    ...{ id: "01ARZ3NDEKTSV4RRFFQ69G5FAV", guildId: firstId, channelId: firstId, messageId: memberId(1) },
    ...{ cardMessageId: memberId(drawn.isAdopted ? 2 : 1), creatorId: firstId, title, description, state, reactions },
    ...{ intervalMs: 60_000, createdAt: 0, ...(drawn.hasRole && { audienceRoleId: firstId }) },
    ...(closesAt !== undefined && { closesAt }),
    ...(nextReminderAt !== undefined && { nextReminderAt }),
    ...(state === "closed" && { closedAt: 1 }),
  };
  const expectedIds = Array.from({ length: drawn.expectedCount }, (_, index) => memberId(index * 2));
  const eventCard = createEventCard({ event: { emoji: reactions, state, nextReminderAt }, answers, expectedIds });
  const { serverEmblem, audienceEmblem, flags } = drawn;
  const emblemOf = (): string => "<a:emblem_of_a_far_away_state:1234567890123456789>";
  return { event, card: eventCard, ...flags, serverEmblem, audienceEmblem, emblemOf };
}

/** Everything as long as it gets. */
const LONGEST: DrawnCard = {
  ...{ title: "T".padEnd(100, "*"), description: "*".repeat(1_000), state: "paused", others: ["✅"] },
  reactions: Array.from({ length: 20 }, (_, index) => `a:${"e".repeat(32)}:${10n ** 19n + BigInt(index)}`),
  ...{ answerCount: 5_000, firstId: "9223372036854770000", isUnknown: true, isAdopted: true, hasRole: true },
  ...{ expectedCount: 5_000, closesAt: 253_402_300_799_999, nextReminderAt: 253_402_300_799_999 },
  ...{ serverEmblem: "<a:emblem_of_a_far_away_state:1234567890123456789>", audienceEmblem: "🇦🇹" },
  flags: { areRemindersOn: true, isAudienceComplete: false },
};

function expectWithinLimits(embed: APIEmbed): void {
  const fields = embed.fields ?? [];
  expect(embed.title!.length).toBeGreaterThan(0);
  expect(embed.title!.length).toBeLessThanOrEqual(EMBED_LIMITS.title);
  expect(embed.description?.length ?? 0).toBeLessThanOrEqual(EMBED_LIMITS.description);
  expect(fields.length).toBeLessThanOrEqual(EMBED_LIMITS.fields);
  for (const { name, value } of fields) {
    expect(name.trim().length).toBeGreaterThan(0);
    expect(name.length).toBeLessThanOrEqual(EMBED_LIMITS.fieldName);
    expect(value.trim().length).toBeGreaterThan(0);
    expect(value.length).toBeLessThanOrEqual(EMBED_LIMITS.fieldValue);
  }
}

describe("an event card", () => {
  it("stays within Discord's limits, whatever was typed and however many answered", () => {
    fc.assert(
      fc.property(card, (drawn) => {
        const content = createContent(drawn);
        const embed = renderCard(content, english);
        expectWithinLimits(embed);
        expect(countEmbedLength(embed)).toBeLessThanOrEqual(EMBED_LIMITS.total);
        expectWithinLimits(renderPreparation(content.event, english));
      }),
      { numRuns: 100, examples: [[LONGEST], [{ ...LONGEST, state: "closed" }]] },
    );
  });

  it("leaves room for who is missing and the last reminders in one message", () => {
    fc.assert(
      fc.property(card, (drawn) => {
        const content = createContent(drawn);
        const embed = renderCard(content, english, CARD_BESIDE_DETAILS);
        expectWithinLimits(embed);
        expect(countEmbedLength(embed)).toBeLessThanOrEqual(CARD_BESIDE_DETAILS.maxLength);
      }),
      { numRuns: 100, examples: [[LONGEST], [{ ...LONGEST, state: "closed" }]] },
    );
  });
});

describe("an event card on which everything is as long as it gets", () => {
  it.each([POSTED_CARD, CARD_BESIDE_DETAILS])("still counts the answers whose names it leaves out", (size) => {
    const { fields = [] } = renderCard(createContent(LONGEST), english, size);
    const answers = fields.filter(({ name }) => name.startsWith("<a:"));
    expect(answers).toHaveLength(20);
    for (const { value } of answers) expect(value).toMatch(/… and \d+ more$/);
  });
});

describe("a text within a length", () => {
  it("is the whole escaped text whenever that fits", () => {
    fc.assert(
      fc.property(typed(100), fc.integer({ min: 0, max: 400 }), (text, maxLength) => {
        const escaped = escapeWithin(text, maxLength);
        expect(escaped.length).toBeLessThanOrEqual(maxLength);
        if (escapeWithin(text, 1_000).length <= maxLength && text.length <= maxLength) {
          expect(escaped).toBe(escapeWithin(text, 1_000));
        }
      }),
    );
  });
});

describe("a list within a length", () => {
  const options = { separator: " ", format: (item: string) => item, more: (count: number) => `+${count}` };

  it("shows the beginning and counts exactly what it leaves out", () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { maxLength: 40 }),
        fc.integer({ min: 4, max: 200 }),
        fc.integer({ min: 0, max: 40 }),
        (items, maxLength, maxCount) => {
          const text = joinWithin(items, { ...options, maxLength, maxCount });
          expect(text.length).toBeLessThanOrEqual(maxLength);
          const shown = text.split(" ").filter((word) => word !== "" && !word.startsWith("+"));
          expect(shown).toEqual(items.slice(0, shown.length));
          expect(shown.length).toBeLessThanOrEqual(maxCount);
          const leftOut = items.length - shown.length;
          expect(text.endsWith(leftOut === 0 ? "" : `+${leftOut}`)).toBe(true);
        },
      ),
    );
  });
});
