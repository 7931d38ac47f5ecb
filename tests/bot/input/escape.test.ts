import fc from "fast-check";
import { escapeInline, truncate } from "../../../src/bot/input/escape.ts";
import { anyCharacter } from "../../arbitraries/character.ts";

describe("escapeInline", () => {
  it.each([
    ["**bold** _it_ ~~no~~ `code` ||s||", "\\*\\*bold\\*\\* \\_it\\_ \\~\\~no\\~\\~ \\`code\\` \\|\\|s\\|\\|"],
    ["back\\slash", "back\\\\slash"],
    ["[text](https://evil.example)", "\\[text\\](https://evil.example%29"],
    ["one\ntwo\r\n\tthree\u2028four\u0000five", "one two three four five"],
    ["# title", "\\# title"],
    ["-# small", "\\-# small"],
    ["> quote", "\\> quote"],
    ["- item", "\\- item"],
    ["* item", "\\* item"],
    ["1. item", "1\\. item"],
    ["3.5 hours > 2", "3.5 hours > 2"],
    ["a\u202Eb", "ab"],
    ["  Friday raid, 20:00 (all) ✅ ", "Friday raid, 20:00 (all) ✅"],
  ])("turns %j into %j", (text, expected) => expect(escapeInline(text)).toBe(expected));

  it.each(["@everyone", "@here", "@EVERYONE", "@\u202Eeveryone", "https://a.example/@everyone"])(
    "breaks %j",
    (text) => {
      expect(escapeInline(text)).not.toMatch(/@(everyone|here)/i);
    },
  );

  it.each(["<@1>", "<@!1>", "<@&1>", "<#1>", "</ping:1>", "<id:customize>"])("breaks %s", (text) => {
    expect(escapeInline(text)).toBe(`<\u200B${text.slice(1)}`);
  });

  it("leaves links, custom emoji and timestamps whole", () => {
    for (const whole of ["https://a.example/b_c_d?e=f#g", "<:my_yes:100000000000000001>", "<t:1700000000:R>"]) {
      expect(escapeInline(`see ${whole} _`)).toBe(`see ${whole} \\_`);
    }
  });

  it("lets a link not end the formatting or the masked link around it", () => {
    expect(escapeInline("https://a.example](https://evil.example)**")).not.toMatch(/[[\]()*]/);
  });

  it("leaves no mention, no line break and no markdown in any text", () => {
    const piece = fc.constantFrom(
      ..."\\*_~`|[]()<>@#&!:/-+. \n\u2028\u202E\u200B",
      ..."everyone,here,https://a.b/,id:,t:1,1000000000000000001,<:ab:,x,1.,😀,\uD83D".split(","),
    );
    const text = fc.oneof(
      fc.array(piece).map((pieces) => pieces.join("")),
      fc.string({ unit: anyCharacter }),
    );
    fc.assert(
      fc.property(text, (given) => {
        const safe = escapeInline(given);
        expect(safe).not.toMatch(/@(everyone|here)|<[@#/]|<id:/i);
        expect(safe).not.toMatch(/[\n\r\u2028\u2029\u0085\u202A-\u202E\u2066-\u2069]/);
        expect(safe).not.toMatch(/^(?:[#>+-]|\d+[.)](?:\s|$))/);
        expect(safe.isWellFormed()).toBe(true);
        // Without escaped characters, whole links and emoji, nothing is left that formats.
        const rest = safe.replace(/https?:\/\/[^\s<>]+|<a?:\w{2,32}:\d{17,20}>|\\(?:[^\w\s]|_)/g, "");
        expect(rest).not.toMatch(/[\\*_~`|[\]]/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("truncate", () => {
  it("keeps surrogate pairs and sequences whole and ends with an ellipsis", () => {
    expect(truncate("hello", 5)).toBe("hello");
    expect(truncate("hello!", 5)).toBe("hell…");
    expect(truncate("ab👩‍💻cd", 6)).toBe("ab…");
    expect(truncate("a😀😀", 4)).toBe("a😀…");
    expect(truncate("ab", 1)).toBe("…");
    expect(truncate("ab", 0)).toBe("");
  });
});
