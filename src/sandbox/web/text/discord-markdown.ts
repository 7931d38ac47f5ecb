/**
 * Discord's dialect of Markdown, as a tree. Blocks (code, headings, quotes, lists) are found line by line; within a line
 * the first rule that fits at a place wins, and what fits no rule is text. Nothing is ever HTML.
 */
export type MarkdownNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "break" }
  | {
      readonly kind: "bold" | "italic" | "underline" | "strike" | "spoiler" | "quote" | "small";
      readonly children: readonly MarkdownNode[];
    }
  | { readonly kind: "heading"; readonly level: 1 | 2 | 3; readonly children: readonly MarkdownNode[] }
  | { readonly kind: "list"; readonly start: number | undefined; readonly items: readonly (readonly MarkdownNode[])[] }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "codeBlock"; readonly text: string }
  | { readonly kind: "link"; readonly url: string; readonly children: readonly MarkdownNode[] }
  | { readonly kind: "user" | "role" | "channel"; readonly id: string }
  | { readonly kind: "everyone"; readonly text: string }
  | { readonly kind: "command"; readonly name: string }
  | { readonly kind: "emoji"; readonly name: string }
  | { readonly kind: "timestamp"; readonly seconds: number; readonly style: string };

/** Deeper than anybody nests; a text of nothing but asterisks must not exhaust the stack. */
const MAX_DEPTH = 12;

type Rule = readonly [pattern: RegExp, build: (match: RegExpExecArray, depth: number) => MarkdownNode];

const style =
  (kind: "bold" | "italic" | "underline" | "strike" | "spoiler") =>
  (match: RegExpExecArray, depth: number): MarkdownNode => ({
    kind,
    children: parseInline(match[1]!, depth + 1),
  });

const link = (match: RegExpExecArray): MarkdownNode => ({
  kind: "link",
  url: match[1]!,
  children: [{ kind: "text", text: match[1]! }],
});

/**
 * Each pattern is sticky: it is tried at one place only. None of them can take a character in two ways, as the time for a
 * text that fits nowhere would double with each.
 */
const RULES: readonly Rule[] = [
  [/\\([^\p{L}\p{N}\s])/uy, (match) => ({ kind: "text", text: match[1]! })],
  [/(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/y, (match) => ({ kind: "code", text: match[2]!.replace(/^ (.*) $/s, "$1") })],
  [/<@!?(\d+)>/y, (match) => ({ kind: "user", id: match[1]! })],
  [/<@&(\d+)>/y, (match) => ({ kind: "role", id: match[1]! })],
  [/<#(\d+)>/y, (match) => ({ kind: "channel", id: match[1]! })],
  [/<\/([^:>]+):\d+>/y, (match) => ({ kind: "command", name: match[1]! })],
  [/<a?:(\w{2,32}):\d+>/y, (match) => ({ kind: "emoji", name: match[1]! })],
  [
    /<t:(-?\d{1,13})(?::([tTdDfFRsS]))?>/y,
    (match) => ({ kind: "timestamp", seconds: Number(match[1]), style: match[2] ?? "f" }),
  ],
  [/@(?:everyone|here)\b/y, (match) => ({ kind: "everyone", text: match[0] })],
  [
    /\[((?:\\.|[^\]\\])+)\]\(<?(https?:\/\/[^\s)>]+)>?(?: "[^"]*")?\)/y,
    (match, depth) => ({ kind: "link", url: match[2]!, children: parseInline(match[1]!, depth + 1) }),
  ],
  [/<(https?:\/\/[^\s>]+)>/y, link],
  [/(https?:\/\/[^\s<]*[^\s<.,:;"')\]*_~|])/y, link],
  [/\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/y, style("bold")],
  [/__((?:\\[\s\S]|[^\\])+?)__(?!_)/y, style("underline")],
  [/~~((?:\\[\s\S]|[^\\])+?)~~/y, style("strike")],
  [/\|\|((?:\\[\s\S]|[^\\])+?)\|\|/y, style("spoiler")],
  [/\*((?=\S)(?:\\.|\*\*|[^*\\])+?)(?<!\s)\*(?!\*)/y, style("italic")],
  [/_((?:\\.|__|[^_\\])+?)_(?![\p{L}\p{N}_])/uy, style("italic")],
];
/** Where a rule may begin; everything before it is text. */
const SPECIAL = /[\\`<@[*_~|]|https?:/g;

const CODE_BLOCK = /```(?:[\w+.#-]+\n)?\n*([\s\S]*?)\n*```/g;
const LIST_ITEM = /^( *)(?:[-*]|(\d{1,9})\.) +(\S.*)$/;

export function parseMarkdown(text: string, depth = 0): MarkdownNode[] {
  const nodes: MarkdownNode[] = [];
  let place = 0;
  for (const match of text.matchAll(CODE_BLOCK)) {
    if (match[1] === "") continue;
    nodes.push(...parseBlocks(text.slice(place, match.index).replace(/\n$/, ""), depth));
    nodes.push({ kind: "codeBlock", text: match[1]! });
    place = match.index + match[0].length;
    if (text[place] === "\n") place++;
  }
  return [...nodes, ...parseBlocks(text.slice(place), depth)];
}

/** The text without any marks, for places that show one line. */
export function toPlainText(text: string): string {
  return text.replace(/```(?:[\w+.#-]+\n)?|\*\*|__|~~|\|\||^#{1,3} |^-# |^>{1,3} |`/gm, "");
}

function parseBlocks(text: string, depth: number): MarkdownNode[] {
  if (text === "") return [];
  const lines = text.split("\n");
  const nodes: MarkdownNode[] = [];
  let plain: string[] = [];
  const flush = (): void => {
    if (plain.length > 0) nodes.push(...parseInline(plain.join("\n"), depth));
    plain = [];
  };
  for (let index = 0; index < lines.length;) {
    const block = depth < MAX_DEPTH ? readBlock(lines, index, depth) : undefined;
    if (block) {
      flush();
      nodes.push(block.node);
      index += block.lineCount;
    } else {
      plain.push(lines[index]!);
      index++;
    }
  }
  flush();
  return nodes;
}

interface Block {
  readonly node: MarkdownNode;
  readonly lineCount: number;
}

function readBlock(lines: readonly string[], index: number, depth: number): Block | undefined {
  const line = lines[index]!;
  const heading = /^(#{1,3}) +(\S.*)$/.exec(line);
  if (heading) {
    const level = heading[1]!.length as 1 | 2 | 3;
    return { node: { kind: "heading", level, children: parseInline(heading[2]!, depth + 1) }, lineCount: 1 };
  }
  const small = /^-# +(\S.*)$/.exec(line);
  if (small) return { node: { kind: "small", children: parseInline(small[1]!, depth + 1) }, lineCount: 1 };
  if (line.startsWith(">>> ")) {
    const rest = lines.slice(index);
    return {
      node: { kind: "quote", children: parseBlocks(rest.join("\n").slice(4), depth + 1) },
      lineCount: rest.length,
    };
  }
  if (line.startsWith("> ")) return readQuote(lines, index, depth);
  return LIST_ITEM.test(line) ? readList(lines, index, depth) : undefined;
}

function readQuote(lines: readonly string[], index: number, depth: number): Block {
  const quoted = takeWhile(lines, index, (line) => line.startsWith("> "));
  const text = quoted.map((line) => line.slice(2)).join("\n");
  return { node: { kind: "quote", children: parseBlocks(text, depth + 1) }, lineCount: quoted.length };
}

/** Lines that are indented deeper belong to the item before them, as a list of its own. */
function readList(lines: readonly string[], index: number, depth: number): Block {
  const taken = takeWhile(lines, index, (line) => LIST_ITEM.test(line));
  const [, firstIndent = "", firstNumber] = LIST_ITEM.exec(taken[0]!)!;
  const items: { text: string; nested: string[] }[] = [];
  let lineCount = 0;
  for (const line of taken) {
    const [, indent = "", number, text = ""] = LIST_ITEM.exec(line)!;
    const isNested = indent.length > firstIndent.length && items.length > 0;
    if (!isNested && (number === undefined) !== (firstNumber === undefined)) break;
    if (isNested) items.at(-1)!.nested.push(line.slice(firstIndent.length + 1).replace(/^ /, ""));
    else items.push({ text, nested: [] });
    lineCount++;
  }
  const start = firstNumber === undefined ? undefined : Number(firstNumber);
  const children = items.map(({ text, nested }) => [
    ...parseInline(text, depth + 1),
    ...parseBlocks(nested.join("\n"), depth + 1),
  ]);
  return { node: { kind: "list", start, items: children }, lineCount };
}

function takeWhile(lines: readonly string[], index: number, test: (line: string) => boolean): string[] {
  const end = lines.findIndex((line, at) => at >= index && !test(line));
  return lines.slice(index, end < 0 ? undefined : end);
}

function parseInline(text: string, depth: number): MarkdownNode[] {
  const nodes: MarkdownNode[] = [];
  let place = 0;
  let textStart = 0;
  const flush = (end: number): void => pushText(nodes, text.slice(textStart, end));
  while (place < text.length && depth < MAX_DEPTH) {
    SPECIAL.lastIndex = place;
    const special = SPECIAL.exec(text);
    if (!special) break;
    place = special.index;
    const found = matchRule(text, place);
    if (!found) {
      place++;
      continue;
    }
    flush(place);
    nodes.push(found.build(found.match, depth));
    place += found.match[0].length;
    textStart = place;
  }
  flush(text.length);
  return nodes;
}

function matchRule(text: string, place: number): { match: RegExpExecArray; build: Rule[1] } | undefined {
  const isInWord = place > 0 && /[\p{L}\p{N}_]/u.test(text[place - 1]!);
  for (const [pattern, build] of RULES) {
    pattern.lastIndex = place;
    const match = pattern.exec(text);
    // snake_case_names are not italic.
    if (match && !(isInWord && text[place] === "_")) return { match, build };
  }
  return undefined;
}

function pushText(nodes: MarkdownNode[], text: string): void {
  text.split("\n").forEach((line, index) => {
    if (index > 0) nodes.push({ kind: "break" });
    if (line === "") return;
    const last = nodes.at(-1);
    if (last?.kind === "text") nodes[nodes.length - 1] = { kind: "text", text: last.text + line };
    else nodes.push({ kind: "text", text: line });
  });
}
