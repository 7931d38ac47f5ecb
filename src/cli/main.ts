import { join } from "node:path";
import { CommanderError, Command } from "commander";
import { isMusterError } from "../core/errors.ts";
import { registerConfigVerb } from "./config.ts";

/** The command line: `npm run muster -- <verb>`. Exit codes: 0 done, 1 failed, 2 wrong usage. */

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const FOLDER = join(import.meta.dirname, "../..");

// Whatever this process creates is for its own user only.
process.umask(0o077);

const program = new Command("muster").description("Looks after the data of a Muster bot").exitOverride();
registerConfigVerb(program, FOLDER);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help that was asked for ends with 0; commander has printed what there is to say.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    console.error(error instanceof Error ? error.message : String(error));
    if (isMusterError(error) && error.hint !== undefined) console.error(error.hint);
    process.exitCode = EXIT_FAILED;
  }
}
