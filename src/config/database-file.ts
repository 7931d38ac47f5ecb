import { DEFINITION_LIST } from "./definitions.ts";
import { expectKnown, type Problem } from "./problems.ts";

/** The values of config/database.json as text by `group.key`, and what is wrong with the file. */
export interface DatabaseFileReading {
  readonly entries: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
}

const FILE = "config/database.json";
const KNOWN_KEYS: readonly string[] = DEFINITION_LIST.flatMap((definition) => definition.fileKeys ?? []);
const KNOWN_GROUPS: readonly string[] = [...new Set(KNOWN_KEYS.map((key) => key.slice(0, key.indexOf("."))))];

const JSON_TOKENS = {
  space: /[ \t\r\n]*/y,
  string: /"(?:[^"\\\p{Cc}]|\x7f|[\x80-\x9f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy,
  scalar: /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y,
} as const;

/**
 * The offset of the first token that breaks JSON's grammar. `JSON.parse` does not always tell the place, and where it
 * does not, it quotes the text, which may hold what must not be shown.
 */
function findJsonFault(text: string): number {
  let offset = 0;
  const take = (token: keyof typeof JSON_TOKENS): boolean => {
    const pattern = JSON_TOKENS[token];
    pattern.lastIndex = offset;
    if (!pattern.test(text)) return false;
    offset = pattern.lastIndex;
    return true;
  };
  const takeMark = (mark: string): boolean => {
    take("space");
    if (text[offset] !== mark) return false;
    offset++;
    take("space");
    return true;
  };
  const takeMember = (): boolean => take("string") && takeMark(":") && takeValue();
  const takeList = (end: string, takeItem: () => boolean): boolean => {
    if (takeMark(end)) return true;
    do if (!takeItem()) return false;
    while (takeMark(","));
    return takeMark(end);
  };
  const takeValue = (): boolean => {
    if (takeMark("{")) return takeList("}", takeMember);
    if (takeMark("[")) return takeList("]", takeValue);
    return take("string") || take("scalar");
  };
  take("space");
  if (takeValue()) take("space");
  return offset;
}

function describePlace(text: string): string {
  const before = text.slice(0, findJsonFault(text)).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads each `group.key`; null and "" count as not given. */
function readGroup(group: string, values: Readonly<Record<string, unknown>>): DatabaseFileReading {
  const entries = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [key, value] of Object.entries(values)) {
    const name = `${group}.${key}`;
    if (!KNOWN_KEYS.includes(name)) {
      problems.push({ name, where: FILE, expected: expectKnown("key", name, KNOWN_KEYS) });
    } else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      entries.set(name, String(value));
    } else if (value !== null) {
      problems.push({ name, where: FILE, expected: "a text, a number, true or false", given: "a list or an object" });
    }
  }
  return { entries, problems };
}

export function readDatabaseFile(text: string): DatabaseFileReading {
  const refuse = (expected: string): DatabaseFileReading => {
    return { entries: new Map(), problems: [{ name: FILE, where: "the file", expected }] };
  };
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return refuse(`valid JSON, which it is not at ${describePlace(text)}`);
  }
  if (!isGroup(content)) return refuse("an object of groups");

  const entries = new Map<string, string>();
  const problems: Problem[] = [];
  for (const [group, values] of Object.entries(content)) {
    if (!KNOWN_GROUPS.includes(group)) {
      problems.push({ name: group, where: FILE, expected: expectKnown("group", group, KNOWN_GROUPS) });
    } else if (!isGroup(values)) {
      problems.push({ name: group, where: FILE, expected: "an object of keys and values" });
    } else {
      const reading = readGroup(group, values);
      for (const [name, value] of reading.entries) entries.set(name, value);
      problems.push(...reading.problems);
    }
  }
  return { entries, problems };
}
