import { splitMentions } from "../../src/roll-call/mentions.ts";

const users = (count: number) => Array.from({ length: count }, (_, index) => String(10n ** 18n + BigInt(index)));

describe("splitMentions", () => {
  it("puts everyone into one message when they fit", () => {
    const [first, second] = users(2);
    expect(splitMentions({ userIds: [first!, second!], firstLine: "Still missing:" })).toEqual([
      { content: `Still missing:\n<@${first}> <@${second}>`, userIds: [first, second] },
    ]);
  });

  it("goes on in further messages under the continuation line", () => {
    const messages = splitMentions({ userIds: users(250), firstLine: "First", continuationLine: "More" });
    expect(messages.map(({ userIds }) => userIds.length)).toEqual([86, 86, 78]);
    expect(messages.map(({ content }) => content.split("\n")[0])).toEqual(["First", "More", "More"]);
  });

  it("mentions at most 100 users in a message of short ids", () => {
    const messages = splitMentions({ userIds: users(150).map((id) => id.slice(-3)), firstLine: "" });
    expect(messages.map(({ userIds }) => userIds.length)).toEqual([100, 50]);
  });

  it("sends nothing without users", () => {
    expect(splitMentions({ userIds: [], firstLine: "Still missing:" })).toEqual([]);
  });

  it("breaks mentions in its lines and keeps links", () => {
    const firstLine = "@everyone @here <@100000000000000001> <@&100000000000000002> https://discord.com/channels/1/2/3";
    const [message] = splitMentions({ userIds: users(1), firstLine });
    expect(message!.content).not.toMatch(/@everyone|@here|<@1000000000000000(01|02)|<@&/);
    expect(message!.content).toContain("https://discord.com/channels/1/2/3\n<@");
  });

  it("shortens a line that leaves no room", () => {
    const [message] = splitMentions({ userIds: users(1), firstLine: "😀".repeat(1500) });
    expect(message!.content.length).toBeLessThanOrEqual(2000);
    expect(message!.content).toMatch(/^(😀)+…\n<@\d+>$/u);
  });

  it("refuses limits in which no mention fits", () => {
    expect(() => splitMentions({ userIds: users(1), firstLine: "", maxLength: 10 })).toThrow("none fits");
    expect(() => splitMentions({ userIds: users(1), firstLine: "", maxMentions: 0 })).toThrow("none fits");
  });
});
