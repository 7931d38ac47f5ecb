import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSettingsError, type Problem } from "./problems.ts";
import { loadSettings, type Settings } from "./settings.ts";
import type { SettingSources } from "./sources.ts";

export const ENV_FILE = ".env";
export const DATABASE_FILE = "config/database.json";

/** What is in the files of a folder: plain data, so that two readings can be compared. */
export interface SettingFiles {
  /** The text of `.env`; absent = no such file. */
  readonly envFile?: string;
  /** The text of `config/database.json`; absent = no such file. */
  readonly databaseFile?: string;
  /** Files that are there and cannot be read. */
  readonly problems: readonly Problem[];
}

export interface LoadOptions {
  /** Default: the process's own. */
  readonly environment?: SettingSources["environment"];
  /** Texts that no message may show, beside the secrets in the files. */
  readonly secrets?: readonly string[];
}

interface FileReading {
  readonly text?: string;
  readonly problem?: Problem;
}

function takeText(text: string): FileReading {
  return { text: text.replace(/^\uFEFF/, "") };
}

/** A file that is there and cannot be read is a problem, not an absence. */
function takeFailure(name: string, error: unknown): FileReading {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return {};
  return { problem: { name, where: "the file", expected: "a file that can be read", given: String(code) } };
}

function combine(env: FileReading, database: FileReading): SettingFiles {
  return {
    ...(env.text === undefined ? {} : { envFile: env.text }),
    ...(database.text === undefined ? {} : { databaseFile: database.text }),
    problems: [env.problem, database.problem].filter((problem) => problem !== undefined),
  };
}

/** Reads without holding up the main thread, which a file on a slow mount would. */
export async function readSettingFiles(folder: string): Promise<SettingFiles> {
  const read = (name: string): Promise<FileReading> =>
    readFile(join(folder, name), "utf8").then(takeText, (error: unknown) => takeFailure(name, error));
  return combine(...(await Promise.all([read(ENV_FILE), read(DATABASE_FILE)])));
}

function readSettingFilesSync(folder: string): SettingFiles {
  const read = (name: string): FileReading => {
    try {
      return takeText(readFileSync(join(folder, name), "utf8"));
    } catch (error) {
      return takeFailure(name, error);
    }
  };
  return combine(read(ENV_FILE), read(DATABASE_FILE));
}

/** The settings from the environment and the files' texts. Throws CONFIG_INVALID. */
export function loadSettingsFromFiles(files: SettingFiles, options: LoadOptions = {}): Settings {
  const { problems, ...texts } = files;
  if (problems.length > 0) throw createSettingsError(problems);
  return loadSettings({ environment: options.environment ?? process.env, secrets: options.secrets ?? [], ...texts });
}

/** The settings from the process's environment, and from `.env` and `config/database.json` in `folder`. Throws CONFIG_INVALID. */
export function loadSettingsFromDisk(folder: string): Settings {
  return loadSettingsFromFiles(readSettingFilesSync(folder));
}
