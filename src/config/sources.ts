import { parse } from "dotenv";
import { readDatabaseFile } from "./database-file.ts";
import { DEFINITION_LIST, type NamedDefinition, type SettingName } from "./definitions.ts";
import { expectKnown, type Problem, SOURCE_NAMES, type SourceName } from "./problems.ts";

export interface SettingSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of `.env`. */
  readonly envFile?: string;
  /** The text of `config/database.json`. */
  readonly databaseFile?: string;
  /** Texts that no message may show, beside the secrets that the sources give: those of before a change. */
  readonly secrets?: readonly string[];
}

export interface GivenValue {
  /** Trimmed, never empty. */
  readonly text: string;
  readonly source: SourceName;
  /** The variable, alias or key of the file that gave it. */
  readonly writtenAs: string;
}

export interface SourcesReading {
  /** For each setting the value of its strongest source. */
  readonly given: ReadonlyMap<SettingName, GivenValue>;
  readonly problems: readonly Problem[];
}

/** Variables in `.env` that begin like ours are ours: an unknown one is a typo that would be ignored in silence. */
const OWN_PREFIX = /^(DB|DISCORD|MONITOR|ALERT|SANDBOX|REMINDER|LEGACY|LOG)_/i;

function listVariables(definition: NamedDefinition): readonly string[] {
  return [definition.name, ...(definition.aliases ?? [])];
}

const KNOWN_VARIABLES: readonly string[] = DEFINITION_LIST.flatMap(listVariables);

function keepGiven(values: Iterable<readonly [string, string | undefined]>): Map<string, string> {
  const entries = new Map<string, string>();
  for (const [name, value] of values) if (value?.trim()) entries.set(name, value.trim());
  return entries;
}

export function describeWhere({ source, writtenAs }: GivenValue, name: string): string {
  return writtenAs === name ? source : `${writtenAs} in ${source}`;
}

/** Finds each setting in one source under the names it may have there. */
function collectGiven(
  source: SourceName,
  entries: ReadonlyMap<string, string>,
  listNames: (definition: NamedDefinition) => readonly string[],
): SourcesReading {
  const given = new Map<SettingName, GivenValue>();
  const problems: Problem[] = [];
  for (const definition of DEFINITION_LIST) {
    const [first, ...others] = listNames(definition).filter((name) => entries.has(name));
    if (first === undefined) continue;
    given.set(definition.name, { text: entries.get(first)!, source, writtenAs: first });
    for (const other of others.filter((name) => entries.get(name) !== entries.get(first))) {
      const expected = `nothing, because ${first} gives the same setting another value: remove ${other}`;
      problems.push({ name: other, where: source, expected });
    }
  }
  for (const { name, replaces } of DEFINITION_LIST) {
    if (replaces === undefined || !given.has(name) || !given.has(replaces)) continue;
    const expected = `nothing, because ${replaces} is given too: remove ${name}, or ${replaces} if ${name} shall count`;
    problems.push({ name, where: describeWhere(given.get(name)!, name), expected });
  }
  return { given, problems };
}

function readEnvFile(text: string): SourcesReading {
  const variables = parse(text);
  const reading = collectGiven(".env", keepGiven(Object.entries(variables)), listVariables);
  const problems = [...reading.problems];
  for (const name of Object.keys(variables)) {
    if (!OWN_PREFIX.test(name) || KNOWN_VARIABLES.includes(name)) continue;
    problems.push({ name, where: ".env", expected: expectKnown("variable", name, KNOWN_VARIABLES) });
  }
  // dotenv passes over a line such as `DB_MAX_RETRIES 5` without a word.
  for (const [, name] of text.matchAll(/^[ \t]*(?:export[ \t]+)?(\w+)\b(?![ \t]*[=:])/gm)) {
    if (!KNOWN_VARIABLES.includes(name!) || name! in variables) continue;
    problems.push({ name: name!, where: ".env", expected: `a line of the form ${name}=value` });
  }
  return { given: reading.given, problems };
}

function readFile(text: string): SourcesReading {
  const { entries, problems } = readDatabaseFile(text);
  const reading = collectGiven("config/database.json", keepGiven(entries), ({ fileKeys }) => fileKeys ?? []);
  return { given: reading.given, problems: [...problems, ...reading.problems] };
}

/** Of a setting and the one that replaces it, only that of the stronger source counts. */
function dropReplaced(given: Map<SettingName, GivenValue>): void {
  for (const { name, replaces } of DEFINITION_LIST) {
    const [own, other] = [given.get(name), replaces && given.get(replaces)];
    if (!own || !other || !replaces) continue;
    given.delete(SOURCE_NAMES.indexOf(own.source) < SOURCE_NAMES.indexOf(other.source) ? replaces : name);
  }
}

/** What the three sources give: the environment wins over `.env`, which wins over the file. */
export function readSources(sources: SettingSources): SourcesReading {
  const readings = [
    readFile(sources.databaseFile ?? "{}"),
    readEnvFile(sources.envFile ?? ""),
    collectGiven("environment", keepGiven(Object.entries(sources.environment)), listVariables),
  ];
  const given = new Map(readings.flatMap((reading) => [...reading.given]));
  dropReplaced(given);
  return { given, problems: readings.toReversed().flatMap((reading) => reading.problems) };
}
