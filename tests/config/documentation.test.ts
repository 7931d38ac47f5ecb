import { readFileSync } from "node:fs";
import { describeDefault } from "../../src/config/definition.ts";
import { DEFINITION_LIST } from "../../src/config/definitions.ts";
import { renderConfigurationDoc, renderDatabaseFileExample, renderEnvExample } from "../../src/config/documentation.ts";
import { loadSettings } from "../../src/config/settings.ts";

const UPDATE = "bring it up to date: node src/config/write-documentation.ts";

describe("documents made from the table of settings", () => {
  it.each([
    [".env.example", renderEnvExample],
    ["docs/configuration.md", renderConfigurationDoc],
  ])("%s is what the table says", (path, render) => {
    const text = readFileSync(path, "utf8");
    if (text !== render()) throw new Error(`${path} is not what src/config/definitions.ts says; ${UPDATE}`);
  });

  it("change no setting when every comment mark of .env.example is taken away", () => {
    const envFile = renderEnvExample().replace(/^# (?=[A-Z_]+=)/gm, "");
    const settings = loadSettings({ environment: {}, envFile });
    expect(settings).toEqual(loadSettings({ environment: {} }));
    for (const { name } of DEFINITION_LIST) expect(envFile).toMatch(new RegExp(`^${name}=`, "m"));
  });

  it("have an example of config/database.json with every key and the defaults", () => {
    const settings = loadSettings({ environment: {}, databaseFile: renderDatabaseFileExample() });
    expect(settings).toEqual({
      ...loadSettings({ environment: {} }),
      DB_BACKUP_INTERVAL_HOURS: 6,
      DB_BACKUP_SCHEDULE: "",
    });
    for (const key of DEFINITION_LIST.flatMap(({ fileKeys }) => fileKeys ?? [])) {
      expect(renderDatabaseFileExample()).toContain(`"${key.split(".")[1]}": `);
    }
  });

  it("name every setting with its default on one line of the reference", () => {
    const lines = renderConfigurationDoc().split("\n");
    for (const definition of DEFINITION_LIST) {
      const line = lines.find((each) => each.startsWith(`| \`${definition.name}\``));
      expect(line).toContain(describeDefault(definition));
      expect(line).toContain(definition.description);
      expect(definition.description).not.toMatch(/[|\n]|\.$/);
    }
  });
});
