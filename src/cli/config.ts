import type { Command } from "commander";
import { loadSettingsFromDisk } from "../config/load-settings.ts";
import { describeSettings } from "../config/settings.ts";
import type { Workplace } from "./workplace.ts";

/** `config check`: whether the settings are valid, and what is in effect from where. Secrets show only whether they are set. */
export function registerConfigVerb(program: Command, place: Workplace): void {
  const config = program.command("config").description("settings");
  config
    .command("check")
    .description("check all settings, and list what is in effect and where it comes from")
    .option("--json", "print JSON")
    .action(({ json = false }: { json?: boolean }) => {
      const settings = describeSettings(loadSettingsFromDisk(place.folder));
      if (json) {
        console.log(JSON.stringify(settings, undefined, 2));
        return;
      }
      const width = Math.max(...settings.map(({ name }) => name.length));
      for (const { name, value, source, applies } of settings) {
        console.log(
          `${name.padEnd(width)}  ${value}  (${source}, ${applies === "live" ? "applies live" : "at restart"})`,
        );
      }
    });
}
