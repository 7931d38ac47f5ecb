import * as fc from "fast-check";
import { parseMarkdown, type MarkdownNode } from "../../../src/sandbox/web/text/discord-markdown.ts";

const text = (value: string): MarkdownNode => ({ kind: "text", text: value });

function flatten(nodes: readonly MarkdownNode[]): string {
  return nodes
    .map((node) => {
      if ("children" in node) return flatten(node.children);
      if (node.kind === "list") return node.items.map(flatten).join("");
      return "text" in node ? node.text : "";
    })
    .join("");
}

describe("Discord's markdown", () => {
  it.each([
    ["**b**", "bold"],
    ["*i*", "italic"],
    ["_i_", "italic"],
    ["__u__", "underline"],
    ["~~s~~", "strike"],
    ["||s||", "spoiler"],
  ])("reads %s as %s", (source, kind) => {
    expect(parseMarkdown(source)).toEqual([{ kind, children: [text(source.replace(/[^a-z]/g, ""))] }]);
  });

  it("nests styles", () => {
    expect(parseMarkdown("***x***")).toEqual([{ kind: "bold", children: [{ kind: "italic", children: [text("x")] }] }]);
    expect(parseMarkdown("__**a** b__")).toEqual([
      { kind: "underline", children: [{ kind: "bold", children: [text("a")] }, text(" b")] },
    ]);
  });

  it("leaves alone what only looks like a mark", () => {
    for (const source of ["2 * 3 * 4", "snake_case_name", "a ** b", "<@abc>", "\\", "* ", "#no-heading", "-no list"]) {
      expect(flatten(parseMarkdown(source))).toBe(source);
      expect(parseMarkdown(source).every(({ kind }) => kind === "text")).toBe(true);
    }
  });

  it("takes a backslash as saying that the next sign is plain", () => {
    const read = parseMarkdown("\\*a\\*");
    expect(flatten(read)).toBe("*a*");
    expect(read.every(({ kind }) => kind === "text")).toBe(true);
  });

  it("shows code as it is, with nothing in it read", () => {
    expect(parseMarkdown("`**a**` b")).toEqual([{ kind: "code", text: "**a**" }, text(" b")]);
    expect(parseMarkdown("``a ` b``")).toEqual([{ kind: "code", text: "a ` b" }]);
    expect(parseMarkdown("x\n```js\nlet *a* = 1;\n```\ny")).toEqual([
      text("x"),
      { kind: "codeBlock", text: "let *a* = 1;" },
      text("y"),
    ]);
  });

  it("reads mentions, commands, emoji and timestamps", () => {
    expect(parseMarkdown("<@1><@!2><@&3><#4></event create:5><:yes:6><t:7><t:-8:R>@everyone")).toEqual([
      { kind: "user", id: "1" },
      { kind: "user", id: "2" },
      { kind: "role", id: "3" },
      { kind: "channel", id: "4" },
      { kind: "command", name: "event create" },
      { kind: "emoji", name: "yes" },
      { kind: "timestamp", seconds: 7, style: "f" },
      { kind: "timestamp", seconds: -8, style: "R" },
      { kind: "everyone", text: "@everyone" },
    ]);
  });

  it("links http and https only, without what ends the sentence", () => {
    const url = "https://example.org/a?b=c";
    expect(parseMarkdown(`see ${url}.`)).toEqual([
      text("see "),
      { kind: "link", url, children: [text(url)] },
      text("."),
    ]);
    expect(parseMarkdown(`[**here**](${url})`)).toEqual([
      { kind: "link", url, children: [{ kind: "bold", children: [text("here")] }] },
    ]);
    expect(parseMarkdown("[x](javascript:alert(1))").some(({ kind }) => kind === "link")).toBe(false);
  });

  it("finds headings, quotes, lists and small print at the start of lines", () => {
    expect(parseMarkdown("# A\n-# b\n> c\n> d\ne").map(({ kind }) => kind)).toEqual([
      "heading",
      "small",
      "quote",
      "text",
    ]);
    expect(parseMarkdown(">>> a\nb")).toEqual([{ kind: "quote", children: [text("a"), { kind: "break" }, text("b")] }]);
    expect(parseMarkdown("- a\n  - b\n- c")).toEqual([
      {
        kind: "list",
        start: undefined,
        items: [[text("a"), { kind: "list", start: undefined, items: [[text("b")]] }], [text("c")]],
      },
    ]);
    expect(parseMarkdown("3. a\n4. b")).toEqual([{ kind: "list", start: 3, items: [[text("a")], [text("b")]] }]);
  });

  it("reads any text, in little time, and loses no letter of it", () => {
    const marks = fc.constantFrom(
      "*",
      "_",
      "~",
      "|",
      "`",
      ">",
      "<",
      "@",
      "#",
      "-",
      "[",
      "]",
      "(",
      ")",
      "\\",
      "\n",
      " ",
    );
    const anything = fc.array(fc.oneof(marks, fc.constantFrom("a", "b", "1", "http://x")), { maxLength: 200 });
    fc.assert(
      fc.property(anything, (parts) => {
        const source = parts.join("");
        const letters = (value: string): string => value.replace(/[^ab]/g, "");
        const read = parseMarkdown(source);
        // A word behind the fence of a code block is its language, and the target of a link is not shown.
        if (!source.includes("```") && !source.includes("](")) {
          expect(letters(flatten(read))).toBe(letters(source));
        }
      }),
      { numRuns: 200 },
    );
    const startedAt = performance.now();
    for (const sign of ["*", "_", "**\\", "__\\a", "`", "||", "[", "<", "**a ", "> "])
      parseMarkdown(sign.repeat(2_000));
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
