import {
  emojiKey,
  formatEmoji,
  isSameEmoji,
  matchEventEmoji,
  parseEmoji,
  parseEmojiList,
  toReactionIdentifier,
} from "../../src/roll-call/emoji.ts";
import { UNICODE_EMOJI } from "../arbitraries/roll-call.ts";

const ID = "100000000000000001";

function keysOf(text: string): readonly string[] | string {
  const result = parseEmojiList(text);
  return result.ok ? result.emoji.map(({ key }) => key) : result.problem.kind;
}

describe("emoji keys", () => {
  it.each(UNICODE_EMOJI)("are the same for %s with and without variation selectors", (emoji) => {
    expect(emojiKey({ id: null, name: emoji })).toBe(emoji);
    expect(emojiKey({ id: null, name: emoji.replaceAll("\uFE0F", "") })).toBe(emoji);
    expect(parseEmoji(emoji.replaceAll("\uFE0F", ""))).toEqual({ kind: "unicode", key: emoji });
  });

  it("drop a variation selector where Unicode has none", () => {
    expect(emojiKey({ id: null, name: "👍\uFE0F" })).toBe("👍");
    expect(emojiKey({ id: null, name: "✌\uFE0F🏻" })).toBe("✌🏻");
  });

  it("keep what tells emoji apart: skin tones and sequences", () => {
    expect(isSameEmoji("👍", "👍🏽")).toBe(false);
    expect(isSameEmoji("🏴", "🏴‍☠️")).toBe(false);
  });

  it("of custom emoji are the same after a rename, and when Discord does not say that it is animated", () => {
    expect(emojiKey({ id: ID, name: "yes" })).toBe(`yes:${ID}`);
    const animated = { id: ID, name: "yes", animated: true };
    expect(emojiKey(animated)).toBe(`yes:${ID}`);
    expect(isSameEmoji(`a:yes:${ID}`, `sure:${ID}`)).toBe(true);
    expect(isSameEmoji(`yes:${ID}`, "yes:100000000000000002")).toBe(false);
    expect(matchEventEmoji(`sure:${ID}`, ["✅", `a:yes:${ID}`])).toBe(`a:yes:${ID}`);
    expect(matchEventEmoji("❓", ["✅"])).toBe("❓");
  });

  it("of a custom emoji that was deleted still have its id", () => {
    expect(isSameEmoji(emojiKey({ id: ID, name: null }), `yes:${ID}`)).toBe(true);
  });

  it("are choice unknown when Discord names no emoji", () => {
    expect(emojiKey({ id: null, name: null })).toBe("");
  });

  it("become message text and reaction identifiers", () => {
    expect(formatEmoji(`a:yes:${ID}`)).toBe(`<a:yes:${ID}>`);
    expect(formatEmoji(`yes:${ID}`)).toBe(`<:yes:${ID}>`);
    expect(formatEmoji("❤")).toBe("❤️");
    expect(toReactionIdentifier(`a:yes:${ID}`)).toBe(`yes:${ID}`);
    expect(toReactionIdentifier("#️⃣")).toBe("%23%EF%B8%8F%E2%83%A3");
  });
});

describe("parseEmojiList", () => {
  it("reads emoji with and without spaces between them", () => {
    const keys = ["✅", "❌", `yes:${ID}`, "🇩🇪", "🇫🇷", "a:no:100000000000000002"];
    expect(keysOf(`✅ ❌ <:yes:${ID}> 🇩🇪 🇫🇷 <a:no:100000000000000002>`)).toEqual(keys);
    expect(keysOf(`✅❌<:yes:${ID}>🇩🇪🇫🇷<a:no:100000000000000002>`)).toEqual(keys);
  });

  it.each(["hello", "✅x", "1", ":white_check_mark:", `<:y:${ID}>`, "<:yes:123>", "🇽🇽", "✅,❌", "\u200D", "<@1>"])(
    "refuses %s",
    (token) => {
      expect(parseEmojiList(`❓ ${token}`)).toEqual({ ok: false, problem: { kind: "not-an-emoji", token } });
    },
  );

  it("refuses the same emoji twice, however it is written", () => {
    expect(parseEmojiList("❤ ✅ ❤️")).toEqual({ ok: false, problem: { kind: "duplicate", token: "❤️" } });
    expect(keysOf(`<:yes:${ID}> <:other:${ID}>`)).toBe("duplicate");
  });

  it("takes 1 to 20 emoji", () => {
    const animals = [..."🐶🐱🐭🐹🐰🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧🐦🐤🦆🦅"];
    expect(keysOf(animals.slice(0, 20).join(""))).toHaveLength(20);
    expect(keysOf(animals.join(" "))).toBe("too-many");
    expect(keysOf("  ")).toBe("empty");
  });
});
