import fc from "fast-check";
import { parseCron } from "../../src/config/cron.ts";
import { DEFINITIONS, type NamedDefinition } from "../../src/config/definitions.ts";
import { compareSettings, loadSettings } from "../../src/config/settings.ts";
import { isMusterError } from "../../src/core/errors.ts";
import { anyDefinition, invalidText, validValue } from "./setting-values.ts";

const RUNS = { numRuns: 150 };

/** Settings that rules connect with others are given room, so that each value can be tried by itself. */
const ROOM = {
  DISCORD_TOKEN: "token",
  MONITOR_TOKEN: "0123456789abcdef",
  DB_MAX_RETRY_DELAY: "10m",
  DB_RETRY_DELAY: "1ms",
  ALERT_WARNING_RESPONSE: "1ms",
  ALERT_CRITICAL_RESPONSE: "10m",
  ALERT_WARNING_ERROR_RATE: "0%",
  ALERT_CRITICAL_ERROR_RATE: "100%",
};

function isAtEdgeOfRule({ name }: NamedDefinition, value: unknown): boolean {
  const edges: Record<string, unknown> = {
    ALERT_WARNING_RESPONSE: 600_000,
    ALERT_CRITICAL_RESPONSE: 1,
    ALERT_WARNING_ERROR_RATE: 1,
    ALERT_CRITICAL_ERROR_RATE: 0,
  };
  return edges[name] === value;
}

const definitionWithValue = anyDefinition
  .chain((definition) => fc.record({ definition: fc.constant(definition), value: validValue(definition) }))
  .filter(({ definition, value }) => !isAtEdgeOfRule(definition, value));

const definitionWithInvalidText = anyDefinition.chain((definition) =>
  fc.record({ definition: fc.constant(definition), text: invalidText(definition) }),
);

function failToLoad(environment: Record<string, string>): string {
  try {
    loadSettings({ environment });
  } catch (error) {
    if (isMusterError(error, "CONFIG_INVALID")) return error.message;
    throw error;
  }
  throw new Error("the settings were accepted");
}

describe("settings", () => {
  it("read every valid value back from its text, from each source", () => {
    fc.assert(
      fc.property(definitionWithValue, ({ definition, value }) => {
        const text = definition.kind.format(value);
        expect(loadSettings({ environment: { ...ROOM, [definition.name]: text } })[definition.name]).toEqual(value);
        const [fileKey] = definition.fileKeys ?? [];
        if (fileKey === undefined) return;
        const [group = "", key = ""] = fileKey.split(".");
        const databaseFile = JSON.stringify({ [group]: { [key]: text } });
        const { [definition.name as "DB_RETRY_DELAY"]: _, ...environment } = ROOM;
        expect(loadSettings({ environment, databaseFile })[definition.name]).toEqual(value);
      }),
      RUNS,
    );
  });

  it("refuse every invalid value and name its variable, and show it unless it is secret", () => {
    fc.assert(
      fc.property(definitionWithInvalidText, ({ definition, text }) => {
        const message = failToLoad({ ...ROOM, [definition.name]: text });
        const given = definition.isSecret ? "a value that is not shown" : JSON.stringify(text.trim());
        expect(message.split("\n").slice(1)).toEqual([
          `- ${definition.name} (environment): expected ${definition.kind.expected}, given ${given}`,
        ]);
      }),
      RUNS,
    );
  });

  it("name all of any number of invalid values at once", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(definitionWithInvalidText, { minLength: 1, selector: (each) => each.definition }),
        (bad) => {
          const message = failToLoad(Object.fromEntries(bad.map(({ definition, text }) => [definition.name, text])));
          for (const { definition } of bad) expect(message).toContain(`- ${definition.name} (environment): expected `);
        },
      ),
    );
  });

  it("differ in exactly the one that changed", () => {
    fc.assert(
      fc.property(definitionWithValue, ({ definition, value }) => {
        const { [definition.name as "DB_RETRY_DELAY"]: _, ...environment } = ROOM;
        fc.pre(Object.keys(environment).length === Object.keys(ROOM).length && definition.replaces === undefined);
        const before = loadSettings({ environment: { ...ROOM, LOG_LEVEL: "info" } });
        const text = definition.kind.format(value);
        const after = loadSettings({ environment: { ...ROOM, LOG_LEVEL: "info", [definition.name]: text } });
        const isChanged = definition.kind.format(before[definition.name]) !== text && text !== "";
        const other = definition.applies === "live" ? "restart" : "live";
        expect(compareSettings(before, after)[definition.applies]).toEqual(isChanged ? [definition.name] : []);
        expect(compareSettings(before, after)[other]).toEqual([]);
      }),
      RUNS,
    );
  });
});

describe("the table of settings", () => {
  it.each(Object.entries(DEFINITIONS))(
    "has for %s a default that is valid and written in its shortest form",
    (_, entry) => {
      const { kind }: Pick<NamedDefinition, "kind"> = entry;
      const text = typeof entry.default === "string" ? entry.default : entry.default.from("production");
      expect(kind.format(kind.schema.parse(text))).toBe(text);
    },
  );
});

describe("a cron expression", () => {
  it.each([
    ["0 */6 * * *", "0 */6 * * *"],
    [" 5  4 * JAN Mon-Fri ", "5 4 * jan mon-fri"],
    ["0 0 29 2 *", "0 0 29 2 *"],
    ["0 0 31 2 mon", "0 0 31 2 mon"],
    ["0,30 8-18/2 1,15 * *", "0,30 8-18/2 1,15 * *"],
  ])("%j is read as %j", (text, normal) => expect(parseCron(text)).toBe(normal));

  it.each([
    "",
    "* * * *",
    "0 0 30 2 *",
    "0 0 31 4,6 *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 7",
    "5/10 * * * *",
    "1--3 * * * *",
    "*/99 * * * *",
  ])("%j is refused", (text) => expect(parseCron(text)).toBeUndefined());
});
