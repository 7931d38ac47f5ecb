import { isDeepStrictEqual } from "node:util";
import { describeDefault } from "./definition.ts";
import { DEFINITION_LIST, type NamedDefinition, type SettingName, type SettingValues } from "./definitions.ts";
import { createSettingsError, type Problem, type SourceName } from "./problems.ts";
import { RULES } from "./rules.ts";
import { hasSecret, HIDDEN_VALUE } from "./secrets.ts";
import { describeWhere, type GivenValue, readSources, type SettingSources } from "./sources.ts";

/**
 * Every setting by its variable's name. Durations are milliseconds, sizes bytes, percentages fractions; a text that is
 * not set is `""`, a list that is not set is empty.
 */
export type Settings = SettingValues;

/** Kept beside the settings rather than in them, so that they hold nothing but values. */
const sourcesOf = new WeakMap<Settings, ReadonlyMap<SettingName, SourceName>>();

const MAX_SHOWN_LENGTH = 80;

/** Frozen. Throws CONFIG_INVALID with all problems at once; the values of secrets are never in it. */
export function loadSettings(sources: SettingSources): Settings {
  const { given, problems: sourceProblems } = readSources(sources);
  const secrets = [...listGivenSecrets(given), ...(sources.secrets ?? [])];
  const problems: Problem[] = [...sourceProblems];
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const definition of DEFINITION_LIST) {
    const value = given.get(definition.name);
    const result = definition.kind.schema.safeParse(value?.text ?? chooseDefault(definition, given));
    if (result.success) {
      values[definition.name] = Object.freeze(result.data);
    } else {
      problems.push({
        name: definition.name,
        where: value ? describeWhere(value, definition.name) : "default",
        expected: definition.kind.expected,
        given: describeGiven(definition, value?.text ?? "", secrets),
      });
    }
  }
  problems.push(...findBrokenRules(values, given, secrets));
  if (problems.length > 0) throw createSettingsError(problems);

  const settings = Object.freeze(values) as Settings;
  sourcesOf.set(settings, new Map([...given].map(([name, value]) => [name, value.source])));
  return settings;
}

function chooseDefault(definition: NamedDefinition, given: ReadonlyMap<SettingName, GivenValue>): string {
  const isReplaced = DEFINITION_LIST.some(({ name, replaces }) => replaces === definition.name && given.has(name));
  if (isReplaced) return "";
  if (typeof definition.default === "string") return definition.default;
  return definition.default.from(given.get("NODE_ENV")?.text.toLowerCase() ?? "");
}

function listGivenSecrets(given: ReadonlyMap<SettingName, GivenValue>): readonly string[] {
  return DEFINITION_LIST.filter(({ isSecret }) => isSecret).flatMap(({ name }) => given.get(name)?.text ?? []);
}

/** Shows a value, but no secret: not in its own variable, nor pasted into another by mistake. */
function describeGiven({ isSecret }: NamedDefinition, text: string, secrets: readonly string[]): string {
  if (isSecret) return text === "" ? "nothing" : HIDDEN_VALUE;
  if (hasSecret(text, secrets)) return HIDDEN_VALUE;
  return JSON.stringify(text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text);
}

function requireDefinition(name: SettingName): NamedDefinition {
  return DEFINITION_LIST.find((definition) => definition.name === name)!;
}

/** Rules of which every setting is valid by itself, and which are broken all the same. */
function findBrokenRules(
  values: Partial<Record<SettingName, unknown>>,
  given: ReadonlyMap<SettingName, GivenValue>,
  secrets: readonly string[],
): readonly Problem[] {
  const write = (name: SettingName): string => requireDefinition(name).kind.format(values[name]);
  const show = (text: string): string => (hasSecret(text, secrets) ? HIDDEN_VALUE : text);
  return RULES.filter(({ name, others, isKept }) => {
    return [name, ...others].every((each) => each in values) && !isKept(values as Settings);
  }).map(({ name, expected }) => {
    const value = given.get(name);
    return {
      name,
      where: value ? describeWhere(value, name) : "default",
      expected: expected((other) => `${other}=${show(write(other))}`),
      given: describeGiven(requireDefinition(name), write(name), secrets),
    };
  });
}

export interface SettingDescription {
  readonly name: SettingName;
  /** As people write it; a secret is "set" or "not set". */
  readonly value: string;
  /** "program" where the settings were not loaded but put together by the program. */
  readonly source: SourceName | "default" | "program";
  readonly default: string;
  readonly applies: "live" | "restart";
}

/** The settings as a list for people, in the order of the documentation. */
export function describeSettings(settings: Settings): readonly SettingDescription[] {
  const sources = sourcesOf.get(settings);
  return DEFINITION_LIST.map((definition) => {
    const text = definition.kind.format(settings[definition.name]);
    return {
      name: definition.name,
      value: definition.isSecret ? (text === "" ? "not set" : "set") : text,
      source: sources ? (sources.get(definition.name) ?? "default") : "program",
      default: describeDefault(definition),
      applies: definition.applies,
    };
  });
}

export interface SettingsChange {
  /** Changed, and can be applied while the bot runs. */
  readonly live: readonly SettingName[];
  /** Changed, and counts from the next start on. */
  readonly restart: readonly SettingName[];
}

export function compareSettings(before: Settings, after: Settings): SettingsChange {
  const changed = DEFINITION_LIST.filter(({ name }) => !isDeepStrictEqual(before[name], after[name]));
  const namesThatApply = (when: "live" | "restart"): readonly SettingName[] =>
    changed.filter(({ applies }) => applies === when).map(({ name }) => name);
  return { live: namesThatApply("live"), restart: namesThatApply("restart") };
}

/** What counts while the bot runs: the live settings as written now, the others as they are in effect. Frozen. */
export function takeOverLive(inEffect: Settings, written: Settings): Settings {
  const choose = ({ applies }: NamedDefinition): Settings => (applies === "live" ? written : inEffect);
  const entries = DEFINITION_LIST.map((definition) => [definition.name, choose(definition)[definition.name]]);
  const settings = Object.freeze(Object.fromEntries(entries)) as Settings;
  const sources = DEFINITION_LIST.flatMap((definition) => {
    const source = sourcesOf.get(choose(definition))?.get(definition.name);
    return source === undefined ? [] : [[definition.name, source] as const];
  });
  if (sourcesOf.has(inEffect) && sourcesOf.has(written)) sourcesOf.set(settings, new Map(sources));
  return settings;
}
