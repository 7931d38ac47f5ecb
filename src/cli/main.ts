import { join } from "node:path";
import { CommanderError, Command } from "commander";
import { registerAuditVerb } from "./audit.ts";
import { registerBackupVerb } from "./backup.ts";
import { registerCheckVerb } from "./check.ts";
import { registerConfigVerb } from "./config.ts";
import { registerMigrateVerb } from "./migrate.ts";
import { registerRestoreVerb } from "./restore.ts";
import { EXIT_FAILED, EXIT_USAGE, printError, printJsonError } from "./verb.ts";

/** The command line: `npm run muster -- <verb>`. Exit codes: 0 done, 1 failed, 2 wrong usage. */

const FOLDER = join(import.meta.dirname, "../..");

// Whatever this process creates is for its own user only.
process.umask(0o077);

const program = new Command("muster").description("Looks after the data of a Muster bot").exitOverride();
for (const register of [
  registerBackupVerb,
  registerRestoreVerb,
  registerMigrateVerb,
  registerCheckVerb,
  registerAuditVerb,
  registerConfigVerb,
]) {
  register(program, FOLDER);
}

try {
  await program.parseAsync();
} catch (error) {
  // Also of a verb that was not understood: whoever asked for JSON reads nothing else.
  const isJson = process.argv.includes("--json");
  if (!(error instanceof CommanderError)) {
    printError(error, { json: isJson });
    process.exitCode = EXIT_FAILED;
  } else if (error.exitCode !== 0) {
    // Commander has printed what there is to say to people.
    if (isJson) printJsonError({ code: "USAGE", message: error.message, hint: undefined });
    process.exitCode = EXIT_USAGE;
  }
}
