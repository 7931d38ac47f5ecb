import fc from "fast-check";
import { splitMentions, type MentionMessage } from "../../src/roll-call/mentions.ts";
import { truncate } from "../../src/roll-call/truncate.ts";
import { anyCharacter } from "../arbitraries/character.ts";
import { snowflake } from "../arbitraries/roll-call.ts";

const line = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  // Beyond what a message holds.
  fc.string({ unit: anyCharacter, maxLength: 50 }).map((text) => text.repeat(50)),
  fc.constant("@everyone <@100000000000000001>"),
);
const input = fc.record(
  {
    userIds: fc.array(snowflake, { maxLength: 300, size: "max" }),
    firstLine: line,
    continuationLine: line,
    maxLength: fc.integer({ min: 23, max: 2000 }),
    maxMentions: fc.integer({ min: 1, max: 100 }),
  },
  { requiredKeys: ["userIds", "firstLine"] },
);

describe("mentions", () => {
  it("reach every user exactly once, in order, within the limits, in no empty message", () => {
    fc.assert(
      fc.property(input, (given) => {
        const { maxLength = 2000, maxMentions = 100 } = given;
        const messages = splitMentions(given);
        expect(messages.flatMap(({ userIds }) => userIds)).toEqual([...new Set(given.userIds)]);
        // Looked at together: there are hundreds where few fit into one.
        const mentioned = messages.map(({ content }) => [...content.matchAll(/<@!?(\d+)>/g)].map(([, id]) => id));
        expect(mentioned).toEqual(messages.map(({ userIds }) => userIds));
        const isWithin = ({ content, userIds }: MentionMessage): boolean =>
          content.length <= maxLength && userIds.length <= maxMentions && userIds.length > 0;
        expect(messages.filter((message) => !isWithin(message))).toEqual([]);
        expect(messages.filter(({ content }) => /@everyone|@here/i.test(content))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("fill each message before the next one is begun", () => {
    fc.assert(
      fc.property(input, (given) => {
        const { maxLength = 2000, maxMentions = 100 } = given;
        const messages = splitMentions(given);
        const isFull = ({ content, userIds }: MentionMessage, index: number): boolean => {
          const nextMention = ` <@${messages[index + 1]!.userIds[0]}>`;
          return userIds.length === maxMentions || content.length + nextMention.length > maxLength;
        };
        expect(messages.slice(0, -1).every(isFull)).toBe(true);
      }),
    );
  });
});

describe("truncate", () => {
  it("keeps whole characters within the limit, as many as fit", () => {
    const text = fc.string({
      unit: fc.oneof(fc.string({ unit: "grapheme", maxLength: 1 }), fc.constant("👩‍💻")),
      maxLength: 40,
    });
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 60 }), (given, maxLength) => {
        const short = truncate(given, maxLength);
        expect(short.length).toBeLessThanOrEqual(maxLength);
        if (given.length <= maxLength) {
          expect(short).toBe(given);
          return;
        }
        if (maxLength === 0) return;
        const kept = short.slice(0, -1);
        expect(short.endsWith("…") && given.startsWith(kept)).toBe(true);
        const segments = [...new Intl.Segmenter("en").segment(given)];
        expect([0, ...segments.map(({ index, segment }) => index + segment.length)]).toContain(kept.length);
        const next = segments.find(({ index }) => index === kept.length)!.segment;
        expect(kept.length + next.length).toBeGreaterThan(maxLength - 1);
      }),
      { numRuns: 300 },
    );
  });
});
