import { createEventCard } from "../../src/roll-call/card.ts";
import { isAnswer, listExpected, listMissing, summarizeAnswers } from "../../src/roll-call/missing.ts";

const AUDIENCE = "100000000000000100";
const EXCUSED = "100000000000000200";
const nobodyExcused = { memberIds: new Set<string>(), roleIds: new Set<string>() };

function member(id: string, overrides: { isBot?: boolean; roleIds?: string[]; canSeeChannel?: boolean } = {}) {
  return { id, isBot: false, roleIds: [AUDIENCE], canSeeChannel: true, ...overrides };
}

describe("listExpected", () => {
  it("expects the audience role's members in member order", () => {
    const members = [member("3"), member("1", { roleIds: [] }), member("2")];
    expect(listExpected({ members, audienceRoleId: AUDIENCE, excused: nobodyExcused })).toEqual(["3", "2"]);
    expect(listExpected({ members, audienceRoleId: undefined, excused: nobodyExcused })).toEqual(["3", "1", "2"]);
  });

  it("never expects bots, those who cannot see the channel, or the excused", () => {
    const members = [
      member("1", { isBot: true }),
      member("2", { canSeeChannel: false }),
      member("3"),
      member("4", { roleIds: [AUDIENCE, EXCUSED] }),
      member("5"),
    ];
    const excused = { memberIds: new Set(["3"]), roleIds: new Set([EXCUSED]) };
    expect(listExpected({ members, audienceRoleId: AUDIENCE, excused })).toEqual(["5"]);
  });
});

describe("answers", () => {
  it("leave the rest missing", () => {
    const input = { members: [member("1"), member("2")], audienceRoleId: undefined, excused: nobodyExcused };
    expect(listMissing({ ...input, answeredIds: new Set(["1", "9"]) })).toEqual(["2"]);
  });

  it("count when the emoji is in the set, when there is no set, and when the choice is unknown", () => {
    expect(isAnswer("✅", ["✅", "❌"])).toBe(true);
    expect(isAnswer("❓", ["✅", "❌"])).toBe(false);
    expect(isAnswer("❓", [])).toBe(true);
    expect(isAnswer("", ["✅"])).toBe(true);
    expect(isAnswer("new_name:100000000000000001", ["a:old_name:100000000000000001"])).toBe(true);
  });

  it("are sorted by the event's emoji, under the event's own keys", () => {
    const summary = summarizeAnswers({
      emoji: ["✅", "a:no:100000000000000001", "❓"],
      answers: [
        { userId: "1", emoji: "renamed:100000000000000001" },
        { userId: "2", emoji: "✅" },
        { userId: "1", emoji: "a:no:100000000000000001" },
        { userId: "3", emoji: "🎉" },
        { userId: "4", emoji: "" },
        { userId: "2", emoji: "" },
      ],
    });
    expect([...summary.byEmoji]).toEqual([
      ["✅", ["2"]],
      ["a:no:100000000000000001", ["1"]],
      ["❓", []],
    ]);
    expect(summary.unknownIds).toEqual(["4"]);
    expect([...summary.answeredIds]).toEqual(["1", "2", "4"]);
  });

  it("are sorted by the emoji that were used when any counts", () => {
    const answers = [
      { userId: "1", emoji: "🎉" },
      { userId: "2", emoji: "✅" },
      { userId: "3", emoji: "🎉" },
    ];
    expect([...summarizeAnswers({ emoji: [], answers }).byEmoji]).toEqual([
      ["🎉", ["1", "3"]],
      ["✅", ["2"]],
    ]);
  });
});

describe("createEventCard", () => {
  const event = { emoji: ["✅", "❌"], state: "open", nextReminderAt: 1000 } as const;

  it("counts answers, the missing, and those who were not expected", () => {
    const answers = [
      { userId: "1", emoji: "✅" },
      { userId: "2", emoji: "" },
      { userId: "9", emoji: "✅" },
    ];
    expect(createEventCard({ event, answers, expectedIds: ["1", "2", "3"] })).toEqual({
      answeredCount: 2,
      expectedCount: 3,
      missingCount: 1,
      missingIds: ["3"],
      perEmoji: [
        { emoji: "✅", count: 2, userIds: ["1", "9"] },
        { emoji: "❌", count: 0, userIds: [] },
      ],
      unknownCount: 1,
      unknownIds: ["2"],
      unexpectedCount: 1,
      isComplete: false,
      nextReminderAt: 1000,
    });
  });

  it("announces no reminder when nobody is missing, or the event is not open", () => {
    const answers = [{ userId: "1", emoji: "✅" }];
    expect(createEventCard({ event, answers, expectedIds: ["1"] })).toMatchObject({
      isComplete: true,
      nextReminderAt: undefined,
    });
    const paused = { ...event, state: "paused" } as const;
    expect(createEventCard({ event: paused, answers: [], expectedIds: ["1"] }).nextReminderAt).toBeUndefined();
  });

  it("is not complete when nobody is expected", () => {
    expect(createEventCard({ event, answers: [], expectedIds: [] }).isComplete).toBe(false);
  });
});
