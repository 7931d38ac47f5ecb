import fc from "fast-check";
import {
  emojiIdentity,
  emojiKey,
  formatEmoji,
  isSameEmoji,
  parseEmoji,
  parseEmojiList,
  readEmojiKey,
  toReactionIdentifier,
} from "../../src/roll-call/emoji.ts";
import { anyCharacter } from "../arbitraries/character.ts";
import { customEmoji, emojiTexts, unicodeEmoji } from "../arbitraries/roll-call.ts";

/** Every emoji of one character, and every flag, that this Unicode version knows. */
const SINGLES = Array.from({ length: 0x20000 }, (_, codePoint) => String.fromCodePoint(codePoint))
  .filter((character) => /^\p{Emoji}$/u.test(character))
  .flatMap((character) => [character, `${character}\uFE0F`, `${character}\u{1F3FD}`, `${character}\uFE0F\u20E3`])
  .filter((text) => /^\p{RGI_Emoji}$/v.test(text));

describe("emoji", () => {
  it("of one character, with tone or keycap, are their own keys", () => {
    expect(SINGLES.length).toBeGreaterThan(1400);
    expect(SINGLES.filter((emoji) => emojiKey({ id: null, name: emoji }) !== emoji)).toEqual([]);
  });

  it("have the same key wherever variation selectors are put in or left out", () => {
    fc.assert(
      fc.property(
        fc.oneof(unicodeEmoji, fc.constantFrom(...SINGLES)),
        fc.infiniteStream(fc.boolean()),
        (emoji, isPut) => {
          const written = [...emoji.replaceAll("\uFE0F", "")]
            .map((character) => (isPut.next().value ? `${character}\uFE0F` : character))
            .join("");
          expect(emojiKey({ id: null, name: written })).toBe(emoji);
        },
      ),
    );
  });

  it("come back from their key, their message text and their reaction identifier", () => {
    const typed = fc.oneof(
      unicodeEmoji,
      customEmoji.map((e) => `<${e.isAnimated ? "a" : ""}:${e.name}:${e.id}>`),
    );
    fc.assert(
      fc.property(typed, (text) => {
        const emoji = parseEmoji(text)!;
        expect(formatEmoji(emoji.key)).toBe(text);
        expect(readEmojiKey(emoji.key)).toEqual(emoji);
        expect(isSameEmoji(decodeURIComponent(toReactionIdentifier(emoji.key)), emoji.key)).toBe(true);
      }),
    );
  });

  it("of a list are read in order, with any white space between them or none", () => {
    const gap = fc.constantFrom("", " ", "  ", "\n");
    fc.assert(
      fc.property(emojiTexts, fc.infiniteStream(gap), (texts, gaps) => {
        fc.pre(new Set(texts.map((text) => emojiIdentity(parseEmoji(text)!.key))).size === texts.length);
        // Letters and flags are made of the same characters: without a space they run into one another.
        const isLetter = (emoji: string | undefined) => /^\p{Regional_Indicator}+$/u.test(emoji ?? "");
        const text = texts
          .map((emoji, index) => emoji + (isLetter(emoji) && isLetter(texts[index + 1]) ? " " : gaps.next().value))
          .join("");
        const result = parseEmojiList(text);
        expect(result.ok && result.emoji.map(({ key }) => formatEmoji(key))).toEqual(texts);
      }),
    );
  });

  it("lists never throw, and what they accept is unique and within the limit", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: anyCharacter })), (text) => {
        const result = parseEmojiList(text);
        if (!result.ok) return;
        expect(new Set(result.emoji.map(({ key }) => emojiIdentity(key))).size).toBe(result.emoji.length);
        expect(result.emoji.length).toBeLessThanOrEqual(20);
      }),
    );
  });
});
