import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSettingsError } from "./problems.ts";
import { loadSettings, type Settings } from "./settings.ts";

/** Undefined when there is no such file; a file that is there and cannot be read is a problem, not an absence. */
function readTextFile(folder: string, name: string): string | undefined {
  try {
    return readFileSync(join(folder, name), "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw createSettingsError([{ name, where: "the file", expected: "a file that can be read", given: String(code) }]);
  }
}

/** The settings from the process's environment, and from `.env` and `config/database.json` in `folder`. Throws CONFIG_INVALID. */
export function loadSettingsFromDisk(folder: string): Settings {
  const envFile = readTextFile(folder, ".env");
  const databaseFile = readTextFile(folder, "config/database.json");
  return loadSettings({
    environment: process.env,
    ...(envFile === undefined ? {} : { envFile }),
    ...(databaseFile === undefined ? {} : { databaseFile }),
  });
}
