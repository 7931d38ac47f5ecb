import { Command, CommanderError } from "commander";
import { EXIT_FAILED, EXIT_USAGE, printError, printJsonError } from "./verb.ts";
import type { Workplace } from "./workplace.ts";

type RegisterVerb = (program: Command, place: Workplace) => void;

/** Each verb with what it needs, which is most of what a start of the command line costs. */
const VERBS: Readonly<Record<string, () => Promise<RegisterVerb>>> = {
  backup: async () => (await import("./backup.ts")).registerBackupVerb,
  restore: async () => (await import("./restore.ts")).registerRestoreVerb,
  migrate: async () => (await import("./migrate.ts")).registerMigrateVerb,
  check: async () => (await import("./check.ts")).registerCheckVerb,
  audit: async () => (await import("./audit.ts")).registerAuditVerb,
  status: async () => (await import("./status.ts")).registerStatusVerb,
  config: async () => (await import("./config.ts")).registerConfigVerb,
};

/**
 * Runs the command line with the arguments after the program's own name; resolves to the exit code when it is not that of
 * success, or of what the verb itself has set.
 */
export async function runCommandLine(args: readonly string[], place: Workplace): Promise<number | undefined> {
  const program = new Command("muster").description("Looks after the data of a Muster bot").exitOverride();
  for (const load of loadersFor(args)) (await load())(program, place);
  try {
    await program.parseAsync(args, { from: "user" });
    return undefined;
  } catch (error) {
    return tellFailure(error, args.includes("--json"));
  }
}

/** Only the verb that is asked for; all of them for the overview, and for what is none. */
function loadersFor([name = ""]: readonly string[]): readonly (() => Promise<RegisterVerb>)[] {
  return Object.hasOwn(VERBS, name) ? [VERBS[name]!] : Object.values(VERBS);
}

/** Also of a verb that was not understood: whoever asked for JSON reads nothing else. */
function tellFailure(error: unknown, isJson: boolean): number | undefined {
  if (!(error instanceof CommanderError)) {
    printError(error, { json: isJson });
    return EXIT_FAILED;
  }
  if (error.exitCode === 0) return undefined;
  // Commander has printed what there is to say to people.
  if (isJson) printJsonError({ code: "USAGE", message: error.message, hint: undefined });
  return EXIT_USAGE;
}
