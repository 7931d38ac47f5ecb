import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { DEFINITION_LIST, type NamedDefinition } from "../../src/config/definitions.ts";
import { LiveSettings } from "../../src/config/live-settings.ts";
import { type SettingsReport, SettingsWatcher } from "../../src/config/settings-watcher.ts";
import { loadSettings, type Settings } from "../../src/config/settings.ts";
import { isMusterError } from "../../src/core/errors.ts";
import { SettingFolder, writeVariable } from "../config/setting-folder.ts";
import { anyDefinition, invalidText, validValue } from "../config/setting-values.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const TAG = "Feature: database-reliability, Property 16:";
const RUNS = { numRuns: 100 };

/** Given at the start, so that most values are valid whatever the settings are that rules connect them with. */
const ROOM: Readonly<Record<string, string>> = {
  DISCORD_TOKEN: "token",
  MONITOR_TOKEN: "0123456789abcdef",
  DB_RETRY_DELAY: "1ms",
  DB_MAX_RETRY_DELAY: "10m",
  ALERT_WARNING_RESPONSE: "1ms",
  ALERT_CRITICAL_RESPONSE: "10m",
  ALERT_WARNING_ERROR_RATE: "0%",
  ALERT_CRITICAL_ERROR_RATE: "100%",
};

/** Where a step writes: a variable of `.env`, or one of the setting's keys in the JSON file. */
interface Place {
  readonly file: ".env" | "config/database.json";
  readonly key: string;
}

type Step =
  /** One setting is given another value, or none. */
  | { readonly kind: "set"; readonly definition: NamedDefinition; readonly place: Place; readonly text: string }
  /** A file is deleted. */
  | { readonly kind: "delete"; readonly file: Place["file"] }
  /** One setting is given a value that it refuses; the next step undoes it. */
  | { readonly kind: "break"; readonly definition: NamedDefinition; readonly place: Place; readonly text: string }
  /** A file is broken as a whole; the next step undoes it. */
  | { readonly kind: "garble"; readonly file: Place["file"]; readonly text: string; readonly named: string };

function placeOf(definition: NamedDefinition): fc.Arbitrary<Place> {
  const variables = [definition.name, ...(definition.aliases ?? [])];
  return fc.constantFrom<Place>(
    ...variables.map((key) => ({ file: ".env" as const, key })),
    ...(definition.fileKeys ?? []).map((key) => ({ file: "config/database.json" as const, key })),
  );
}

const setStep: fc.Arbitrary<Step> = anyDefinition.chain((definition) =>
  fc.record({
    kind: fc.constant("set" as const),
    definition: fc.constant(definition),
    place: placeOf(definition),
    text: fc.oneof(
      { weight: 9, arbitrary: validValue(definition).map((value) => definition.kind.format(value)) },
      { weight: 1, arbitrary: fc.constant("") },
    ),
  }),
);
const breakStep: fc.Arbitrary<Step> = anyDefinition.chain((definition) =>
  fc.record({
    kind: fc.constant("break" as const),
    definition: fc.constant(definition),
    place: placeOf(definition),
    text: invalidText(definition),
  }),
);
const garbleStep = fc.constantFrom<Step>(
  { kind: "garble", file: "config/database.json", text: '{"retry":', named: "config/database.json" },
  { kind: "garble", file: "config/database.json", text: "[]", named: "config/database.json" },
  { kind: "garble", file: "config/database.json", text: '{"retry":{"tries":5}}', named: "retry.tries" },
  { kind: "garble", file: ".env", text: "DB_MAX_RETRYS=5", named: "DB_MAX_RETRYS" },
  { kind: "garble", file: ".env", text: "LOG_LEVEL warn", named: "LOG_LEVEL" },
);
const deleteStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("delete" as const),
  file: fc.constantFrom(".env" as const, "config/database.json" as const),
});

const isWritable = (step: Step): boolean => !("text" in step) || writeVariable("NAME", step.text) !== undefined;
const anyStep = fc
  .oneof(
    { weight: 6, arbitrary: setStep },
    { weight: 3, arbitrary: breakStep },
    { weight: 1, arbitrary: garbleStep },
    { weight: 1, arbitrary: deleteStep },
  )
  .filter(isWritable);

const steps = fc.array(fc.record({ step: anyStep, isReplaced: fc.boolean() }), { minLength: 1, maxLength: 5 });
/** Some settings come from the environment, which wins and does not change. */
const environments = fc.subarray([
  ["DB_MAX_RETRIES", "7"],
  ["DB_BACKUP_DIR", "elsewhere"],
  ["MONITOR_PORT", "0"],
  ["LOG_LEVEL", "warn"],
] as const);

type Files = Readonly<Record<Place["file"], Readonly<Record<string, string>> | undefined>>;

function put(files: Files, { file, key }: Place, text: string): Files {
  return { ...files, [file]: { ...files[file], [key]: text } };
}

function renderJson(entries: Readonly<Record<string, string>>): string {
  const groups: Record<string, Record<string, string>> = {};
  for (const [name, text] of Object.entries(entries)) {
    const [group = "", key = ""] = name.split(".");
    (groups[group] ??= {})[key] = text;
  }
  return JSON.stringify(groups, undefined, 2);
}

/** What each file is to say; undefined = no such file. */
function render(files: Files): Record<Place["file"], string | undefined> {
  const [env, json] = [files[".env"], files["config/database.json"]];
  return {
    ".env":
      env &&
      `${Object.entries(env)
        .map(([name, text]) => writeVariable(name, text)!)
        .join("\n")}\n`,
    "config/database.json": json && renderJson(json),
  };
}

/** A bot's settings over a folder, and beside them what the law says that they must be. */
class HotReload {
  readonly folder = new SettingFolder();
  readonly environment: Readonly<Record<string, string>>;
  readonly settings: LiveSettings;
  readonly watcher: SettingsWatcher;
  readonly reports: SettingsReport[] = [];
  readonly faults: unknown[] = [];
  readonly initial: Settings;
  /** What the files say without what is broken in them. */
  files: Files = { ".env": ROOM, "config/database.json": undefined };
  /** What they say. */
  texts: ReturnType<typeof render> | undefined;
  /** The newest valid settings of the sources. */
  written: Settings;

  constructor(environment: Readonly<Record<string, string>>) {
    this.environment = environment;
    this.initial = this.written = this.load(render(this.files))!;
    this.settings = new LiveSettings(this.initial, (error) => void this.faults.push(error));
    this.watcher = new SettingsWatcher({
      folder: this.folder.path,
      settings: this.settings,
      clock: new ManualClock(),
      environment,
      onReport: (report) => void this.reports.push(report),
      onError: (error) => void this.faults.push(error),
    });
    this.save(render(this.files), false);
  }

  load(texts: Record<Place["file"], string | undefined>): Settings | undefined {
    const [envFile = "", databaseFile = "{}"] = [texts[".env"], texts["config/database.json"]];
    try {
      return loadSettings({ environment: this.environment, envFile, databaseFile });
    } catch (error) {
      if (isMusterError(error, "CONFIG_INVALID")) return undefined;
      throw error;
    }
  }

  save(texts: Record<Place["file"], string | undefined>, isReplaced: boolean): void {
    for (const file of [".env", "config/database.json"] as const) {
      const text = texts[file];
      if (text === undefined) this.folder.delete(file);
      else if (isReplaced) this.folder.replace(file, text);
      else this.folder.write(file, text);
    }
  }

  /** Live values as written, the others as at the start, and what differs is named as waiting. */
  expectInEffect(): void {
    const { current, pendingRestart } = this.settings;
    const waiting: string[] = [];
    const expected: Record<string, unknown> = {};
    for (const { name, applies, kind } of DEFINITION_LIST) {
      expected[name] = (applies === "live" ? this.written : this.initial)[name];
      const isOther = kind.format(this.initial[name]) !== kind.format(this.written[name]);
      if (applies === "restart" && isOther) waiting.push(name);
    }
    expect(current).toEqual(expected);
    expect(Object.isFrozen(current)).toBe(true);
    expect(pendingRestart.map(({ name }) => name)).toEqual(waiting);
    expect(this.faults).toEqual([]);
  }
}

/** The files after a step, and whether the good ones are the same. */
function takeStep(files: Files, step: Step): { readonly good: Files; readonly texts: ReturnType<typeof render> } {
  if (step.kind === "garble") return { good: files, texts: { ...render(files), [step.file]: step.text } };
  if (step.kind === "break") return { good: files, texts: render(put(files, step.place, step.text)) };
  const good = step.kind === "set" ? put(files, step.place, step.text) : { ...files, [step.file]: undefined };
  return { good, texts: render(good) };
}

/** Whether a stronger source gives the setting, so that the one at this place does not count. */
function isOverridden(
  { environment, files }: HotReload,
  { name, aliases = [] }: NamedDefinition,
  place: Place,
): boolean {
  if (name in environment) return true;
  const env = files[".env"] ?? {};
  return place.file !== ".env" && [name, ...aliases].some((variable) => env[variable]);
}

async function runStep(reload: HotReload, step: Step, isReplaced: boolean): Promise<void> {
  const { good, texts } = takeStep(reload.files, step);
  const next = reload.load(texts);
  const before = reload.settings.current;
  reload.save(texts, isReplaced);
  const told = reload.reports.length;
  const report = await reload.watcher.check();
  if (next) {
    expect(["applied", "corrected", "unchanged"]).toContain(report.kind);
    expectNamed(report, reload.written, next);
    reload.written = next;
    reload.files = good;
  } else {
    expect(report.kind).toBe("rejected");
    expect(reload.settings.current).toBe(before);
  }
  reload.expectInEffect();
  if (step.kind === "break" && !isOverridden(reload, step.definition, step.place)) expectRefusal(report, step);
  if (step.kind === "garble") expect(JSON.stringify(report)).toContain(step.named);
  expect((await reload.watcher.check()).kind).toBe(next ? "unchanged" : "rejected");
  const isNews = report.kind !== "unchanged" && !isDeepStrictEqual(texts, reload.texts);
  expect(reload.reports.slice(told)).toEqual(isNews ? [report] : []);
  reload.texts = texts;
}

/** Every changed setting is in the report, under what became of it. */
function expectNamed(report: SettingsReport, before: Settings, after: Settings): void {
  const isOther = ({ name, kind }: NamedDefinition): boolean => kind.format(before[name]) !== kind.format(after[name]);
  const changed = DEFINITION_LIST.filter(isOther);
  if (report.kind !== "applied") {
    expect(changed).toEqual([]);
    return;
  }
  const namesThatApply = (when: string): string[] =>
    changed.filter(({ applies }) => applies === when).map(({ name }) => name);
  expect(report.live).toEqual(namesThatApply("live"));
  expect([...report.restart, ...report.withdrawn].sort()).toEqual(namesThatApply("restart").sort());
  expect(report.changes.map(({ name }) => name)).toEqual(changed.map(({ name }) => name));
}

/** The variable, what was expected, and the value unless it is secret. */
function expectRefusal(report: SettingsReport, { definition, place, text }: Extract<Step, { kind: "break" }>): void {
  if (report.kind !== "rejected") throw new Error(`the settings were ${report.kind}`);
  const isOtherNameGiven = report.problems.some(({ expected }) => expected.startsWith("nothing, because"));
  if (isOtherNameGiven) return;
  const given = definition.isSecret ? "a value that is not shown" : JSON.stringify(text.trim());
  const where = place.key === definition.name ? ".env" : `${place.key} in ${place.file}`;
  expect(report.error.message).toContain(
    `- ${definition.name} (${where}): expected ${definition.kind.expected}, given ${given}`,
  );
  expect(report.problems).toContainEqual({ name: definition.name, where, expected: definition.kind.expected, given });
}

async function runSteps(
  environment: Readonly<Record<string, string>>,
  all: readonly { readonly step: Step; readonly isReplaced: boolean }[],
): Promise<void> {
  const reload = new HotReload(environment);
  for (const { step, isReplaced } of all) await runStep(reload, step, isReplaced);
  reload.folder.remove();
}

describe("hot reload", () => {
  it(`${TAG} any valid configuration change applies or is named as waiting for a restart; any invalid one changes nothing`, async () => {
    await fc.assert(
      fc.asyncProperty(environments, steps, (environment, all) => runSteps(Object.fromEntries(environment), all)),
      RUNS,
    );
  });

  it(`${TAG} any invalid value of any setting changes nothing, and its variable, expectation and value are named`, async () => {
    await fc.assert(
      fc.asyncProperty(
        breakStep.filter(isWritable),
        setStep.filter(isWritable),
        fc.boolean(),
        (bad, good, isReplaced) =>
          runSteps({}, [
            { step: bad, isReplaced },
            { step: good, isReplaced },
          ]),
      ),
      RUNS,
    );
  });

  it(`${TAG} a valid value of any setting is in effect at once where it is live, and waits where it is not`, async () => {
    for (const definition of DEFINITION_LIST) {
      const reload = new HotReload({});
      const [value] = fc.sample(
        validValue(definition).filter((each) => {
          const text = definition.kind.format(each);
          const line = writeVariable(definition.name, text);
          const files = put(reload.files, { file: ".env", key: definition.name }, text);
          const isOther = text !== definition.kind.format(reload.initial[definition.name]);
          return line !== undefined && text !== "" && isOther && reload.load(render(files)) !== undefined;
        }),
        1,
      );
      const text = definition.kind.format(value);
      await runStep(reload, { kind: "set", definition, place: { file: ".env", key: definition.name }, text }, true);
      const { current, pendingRestart } = reload.settings;
      const inEffect = definition.applies === "live" ? value : reload.initial[definition.name];
      expect([definition.name, current[definition.name]]).toEqual([definition.name, inEffect]);
      expect(pendingRestart.map(({ name }) => name)).toEqual(definition.applies === "live" ? [] : [definition.name]);
      reload.folder.remove();
    }
  });
});
