import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSettingsFromDisk } from "../../src/config/load-settings.ts";
import { loadSettings } from "../../src/config/settings.ts";

const CONFLICT = /DB_BACKUP_INTERVAL_HOURS .*remove DB_BACKUP_INTERVAL_HOURS, or DB_BACKUP_SCHEDULE/;

describe("precedence", () => {
  const databaseFile = '{"retry":{"max_retries":1}}';
  const envFile = "DB_MAX_RETRIES=2";

  it("is environment, .env, config/database.json, default", () => {
    const environment = { DB_MAX_RETRIES: "3" };
    expect(loadSettings({ environment, envFile, databaseFile }).DB_MAX_RETRIES).toBe(3);
    expect(loadSettings({ environment: {}, envFile, databaseFile }).DB_MAX_RETRIES).toBe(2);
    expect(loadSettings({ environment: {}, databaseFile }).DB_MAX_RETRIES).toBe(1);
    expect(loadSettings({ environment: {} }).DB_MAX_RETRIES).toBe(5);
  });

  it("holds for an alias in a stronger source", () => {
    const envFile = "DATABASE_PATH=from-file.db";
    expect(loadSettings({ environment: { DB_PATH: "alias.db" }, envFile }).DATABASE_PATH).toBe("alias.db");
  });
});

describe("two names of one setting", () => {
  it("may both be given with one value, and not with two", () => {
    expect(loadSettings({ environment: { DB_PATH: "a.db", DATABASE_PATH: "a.db" } }).DATABASE_PATH).toBe("a.db");
    expect(() => loadSettings({ environment: { DB_PATH: "a.db", DATABASE_PATH: "b.db" } })).toThrow(
      "DB_PATH (environment): expected nothing, because DATABASE_PATH gives the same setting another value: remove DB_PATH",
    );
    const groups = { connection_pool: { health_check_interval: "1s" }, monitoring: { health_check_interval: "2s" } };
    expect(() => loadSettings({ environment: {}, databaseFile: JSON.stringify(groups) })).toThrow(
      "remove connection_pool.health_check_interval",
    );
  });
});

describe("the interval of backups in hours", () => {
  it("counts instead of the schedule", () => {
    const settings = loadSettings({ environment: { DB_BACKUP_INTERVAL_HOURS: "1.5" } });
    expect(settings).toMatchObject({ DB_BACKUP_INTERVAL_HOURS: 1.5, DB_BACKUP_SCHEDULE: "" });
  });

  it("cannot be given beside a schedule in the same source", () => {
    const both = { DB_BACKUP_INTERVAL_HOURS: "6", DB_BACKUP_SCHEDULE: "0 0 * * *" };
    expect(() => loadSettings({ environment: both })).toThrow(CONFLICT);
    const envFile = "DB_BACKUP_INTERVAL_HOURS=6\nDB_BACKUP_SCHEDULE=0 0 * * *";
    expect(() => loadSettings({ environment: {}, envFile })).toThrow(CONFLICT);
  });

  it("gives way to a schedule of a stronger source, and takes the place of one of a weaker", () => {
    const databaseFile = '{"backup":{"interval_hours":4}}';
    expect(loadSettings({ environment: { DB_BACKUP_SCHEDULE: "0 0 * * *" }, databaseFile })).toMatchObject({
      DB_BACKUP_INTERVAL_HOURS: undefined,
      DB_BACKUP_SCHEDULE: "0 0 * * *",
    });
    const envFile = "DB_BACKUP_SCHEDULE=0 0 * * *";
    expect(loadSettings({ environment: { DB_BACKUP_INTERVAL_HOURS: "4" }, envFile })).toMatchObject({
      DB_BACKUP_INTERVAL_HOURS: 4,
      DB_BACKUP_SCHEDULE: "",
    });
  });
});

describe(".env", () => {
  const load = (envFile: string) => loadSettings({ environment: {}, envFile });

  it("is read with quotes, comments and export", () => {
    const settings = load("# mine\nexport LOG_DIR=\"my logs\" # here\nDB_INTEGRITY_SCHEDULE='0 5 * * *'\n");
    expect(settings).toMatchObject({ LOG_DIR: "my logs", DB_INTEGRITY_SCHEDULE: "0 5 * * *" });
  });

  it("has no unknown variable that begins like ours", () => {
    expect(() => load("DB_MAX_RETRYS=3")).toThrow(
      "DB_MAX_RETRYS (.env): expected a known variable; did you mean DB_MAX_RETRIES?",
    );
    expect(() => load("db_max_retries=3")).toThrow("did you mean DB_MAX_RETRIES?");
    expect(() => load("LOG_OF_SOMETHING_ELSE_ALTOGETHER=3")).toThrow(/expected a known variable$/);
  });

  it("may have variables of other programs, and so may the environment", () => {
    load("EDITOR=vi\nDATABASE_URL=elsewhere");
    loadSettings({ environment: { LOG_FORMAT: "json", DB_HOST: "elsewhere" } });
  });

  it("has no line of ours without its sign of equality", () => {
    expect(() => load("DB_MAX_RETRIES 3")).toThrow("DB_MAX_RETRIES (.env): expected a line of the form");
  });
});

describe("config/database.json", () => {
  const load = (databaseFile: string) => loadSettings({ environment: {}, databaseFile });

  it.each([
    ["", "line 1, column 1"],
    ["{", "line 1, column 2"],
    ['{\n  "retry": {\n    "max_retries": 5,\n  }\n}', "line 4, column 3"],
    ['{"retry": {"max_retries": 05}}', "line 1, column 28"],
    ['{"retry": {"max_retries": true false}}', "line 1, column 32"],
    ["{\n  retry: {}\n}", "line 2, column 3"],
    ['{"retry": {}} more', "line 1, column 15"],
    ['{"retry": ["a", "b]}', "line 1, column 17"],
  ])("that is not JSON is refused with the place: %j", (text, place) => {
    expect(() => load(text)).toThrow(`valid JSON, which it is not at ${place}`);
  });

  it.each([
    ["[]", "config/database.json (the file): expected an object of groups"],
    ['{"retrys":{}}', "retrys (config/database.json): expected a known group; did you mean retry?"],
    ['{"retry":5}', "retry (config/database.json): expected an object of keys and values"],
    [
      '{"retry":{"max_retry":5}}',
      "retry.max_retry (config/database.json): expected a known key; did you mean retry.max_",
    ],
    ['{"backup":{"compress":["zstd"]}}', "backup.compress (config/database.json): expected a text, a number"],
    ['{"connection_pool":{"connection_timeout":30000}}', "expected a duration from 100ms to 5m"],
  ])("is refused where it is not what it should be: %s", (text, message) => {
    expect(() => load(text)).toThrow(message);
  });
});

describe("the folder", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "muster-settings-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("may be without any file", () => {
    expect(loadSettingsFromDisk(folder).DB_MAX_RETRIES).toBe(5);
  });

  it("gives .env and config/database.json, also with a byte order mark", () => {
    writeFileSync(join(folder, ".env"), "\uFEFFDB_MAX_RETRIES=4\n");
    mkdirSync(join(folder, "config"));
    writeFileSync(join(folder, "config", "database.json"), '\uFEFF{"retry":{"max_retries":3,"base_delay":"1s"}}');
    expect(loadSettingsFromDisk(folder)).toMatchObject({ DB_MAX_RETRIES: 4, DB_RETRY_DELAY: 1000 });
  });

  it("is refused when a file is there and cannot be read", () => {
    mkdirSync(join(folder, ".env"));
    expect(() => loadSettingsFromDisk(folder)).toThrow(
      ".env (the file): expected a file that can be read, given EISDIR",
    );
  });
});
