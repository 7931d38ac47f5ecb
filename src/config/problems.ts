import { MusterError } from "../core/errors.ts";

/** Where a value comes from, the strongest first. */
export const SOURCE_NAMES = ["environment", ".env", "config/database.json"] as const;
export type SourceName = (typeof SOURCE_NAMES)[number];

/** One thing that is wrong with the settings. */
export interface Problem {
  /** The variable, or the key of config/database.json. */
  readonly name: string;
  /** The source, and the other name under which the value is written there, if it is. */
  readonly where: string;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** As it may be shown; undefined where showing it says nothing or would tell a secret. */
  readonly given?: string;
}

export function createSettingsError(problems: readonly Problem[]): MusterError {
  const lines = problems.map(({ name, where, expected, given }) => {
    return `- ${name} (${where}): expected ${expected}${given === undefined ? "" : `, given ${given}`}`;
  });
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new MusterError("CONFIG_INVALID", `loading the settings: ${count}\n${lines.join("\n")}`, {
    hint: "Correct what is listed; docs/configuration.md describes every setting.",
    details: { problems },
  });
}

/** What a CONFIG_INVALID lists: plain data without secrets. */
export function listProblems(error: MusterError): readonly Problem[] {
  return (error.details?.problems ?? []) as readonly Problem[];
}

/** Levenshtein's distance: how many letters differ, are missing or are too many. */
function countEdits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = row[column - 1]! + (letter === to[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[column]! + 1, next[column - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}

/** Names longer than any of ours are no slip of the pen, and comparing them would take time. */
const MAX_NAME_LENGTH = 60;

/** What an unknown name should have been: `a known …` or, where one is close, with the question whether it was meant. */
export function expectKnown(what: string, name: string, known: readonly string[]): string {
  let closest: { readonly name: string; readonly edits: number } | undefined;
  for (const candidate of name.length > MAX_NAME_LENGTH ? [] : known) {
    const edits = countEdits(name.toLowerCase(), candidate.toLowerCase());
    if (edits <= Math.max(2, candidate.length / 3) && edits < (closest?.edits ?? Infinity)) {
      closest = { name: candidate, edits };
    }
  }
  return `a known ${what}${closest ? `; did you mean ${closest.name}?` : ""}`;
}
