import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export type SettingFileName = ".env" | "config/database.json";

/** A folder of its own with the settings' files in it. */
export class SettingFolder {
  readonly path = mkdtempSync(join(tmpdir(), "muster-settings-"));

  write(name: SettingFileName, text: string): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), text);
  }

  /** Saves as editors do: another file beside, and then in the place of the first. */
  replace(name: SettingFileName, text: string): void {
    const target = join(this.path, name);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(`${target}.swp`, text);
    renameSync(`${target}.swp`, target);
  }

  delete(name: SettingFileName): void {
    rmSync(join(this.path, name), { force: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A variable in a quotation that its value does not end; undefined when `.env` has no way to write it. */
export function writeVariable(name: string, text: string): string | undefined {
  const quote = ["'", "`"].find((mark) => !text.includes(mark));
  return quote === undefined || text.endsWith("\\") ? undefined : `${name}=${quote}${text}${quote}`;
}
