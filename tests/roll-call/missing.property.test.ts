import fc from "fast-check";
import { createEventCard } from "../../src/roll-call/card.ts";
import { isAnswer, listExpected, listMissing, summarizeAnswers } from "../../src/roll-call/missing.ts";
import { expectedInput, smallId, unicodeEmoji } from "../arbitraries/roll-call.ts";

const answer = fc.record({ userId: smallId, emoji: fc.oneof(unicodeEmoji, fc.constant("")) });
const eventEmoji = fc.uniqueArray(unicodeEmoji, { maxLength: 4 });

describe("who is missing", () => {
  it("is expected exactly when no rule excludes them, and the order is the members'", () => {
    fc.assert(
      fc.property(expectedInput, (input) => {
        const expected = new Set(listExpected(input));
        const isExcluded = input.members.map(
          (member) =>
            member.isBot ||
            !member.canSeeChannel ||
            (input.audienceRoleId !== undefined && !member.roleIds.includes(input.audienceRoleId)) ||
            input.excused.memberIds.has(member.id) ||
            member.roleIds.some((id) => input.excused.roleIds.has(id)),
        );
        expect([...expected]).toEqual(input.members.filter((_, index) => !isExcluded[index]).map(({ id }) => id));
      }),
    );
  });

  it("and who has answered make up those who are expected, whatever was answered", () => {
    fc.assert(
      fc.property(expectedInput, eventEmoji, fc.array(answer, { maxLength: 30 }), (input, emoji, answers) => {
        const { answeredIds } = summarizeAnswers({ emoji, answers });
        const expectedIds = listExpected(input);
        const missing = listMissing({ ...input, answeredIds });
        expect(missing.filter((id) => answeredIds.has(id))).toEqual([]);
        expect(expectedIds.filter((id) => answeredIds.has(id) || missing.includes(id))).toEqual(expectedIds);

        const event = { emoji, state: "open", nextReminderAt: undefined } as const;
        const card = createEventCard({ event, answers, expectedIds });
        expect(card.missingIds).toEqual(missing);
        expect(card.answeredCount + card.missingCount).toBe(card.expectedCount);
        expect(card.answeredCount + card.unexpectedCount).toBe(answeredIds.size);
      }),
    );
  });

  it("depends on answers that count only, each under one emoji or unknown", () => {
    fc.assert(
      fc.property(eventEmoji, fc.array(answer, { maxLength: 30 }), (emoji, answers) => {
        const { byEmoji, unknownIds, answeredIds } = summarizeAnswers({ emoji, answers });
        const counting = answers.filter((given) => isAnswer(given.emoji, emoji));
        expect(answeredIds).toEqual(new Set(counting.map(({ userId }) => userId)));
        const chosen = [...byEmoji.values()].flat();
        expect(new Set([...chosen, ...unknownIds])).toEqual(answeredIds);
        expect(unknownIds.filter((id) => chosen.includes(id))).toEqual([]);
        if (emoji.length > 0) expect([...byEmoji.keys()]).toEqual(emoji);
        for (const [key, userIds] of byEmoji) {
          expect(new Set(userIds)).toEqual(new Set(answers.filter((a) => a.emoji === key).map((a) => a.userId)));
          expect(new Set(userIds).size).toBe(userIds.length);
        }
      }),
    );
  });
});
