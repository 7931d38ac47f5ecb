import { existsSync } from "node:fs";
import { join } from "node:path";
import { Option, type Command } from "commander";
import { MusterError } from "../core/errors.ts";
import { COMPARE_LIMIT_BYTES } from "../database/backup/archive-findings.ts";
import { exchangeDatabase } from "../database/backup/exchange-database.ts";
import { removeRestoreLeftovers } from "../database/backup/execute-restore.ts";
import type { RestoreTarget } from "../database/backup/restore-facts.ts";
import type { RestorePlanSummary } from "../database/backup/restore-sources.ts";
import { describeExchange, type RestoreOutcome } from "../database/backup/restorer.ts";
import type { InstanceLock } from "../database/sqlite/instance-lock.ts";
import { quarantineFolderAt, takeUpReplacement } from "../database/sqlite/replacement.ts";
import { recordOffline } from "../store/offline-audit.ts";
import { askForYes, canAsk } from "./confirmation.ts";
import { withDataTools, type DataTools } from "./data-tools.ts";
import { formatExactly } from "./format-moment.ts";
import { withProgress } from "./progress-bar.ts";
import { describeOutcome, describePlan } from "./restore-words.ts";
import { printResult, type OutputOptions, type VerbResult } from "./verb.ts";
import type { Workplace } from "./workplace.ts";

/**
 * `restore`: puts the database together beside the present one, verifies it, and only then exchanges the two, all under
 * the instance lock. Until the exchange, which nothing can interrupt half-way, whatever ends it leaves things as they
 * were. It also works when the data folder is gone.
 */

interface RestoreOptions extends OutputOptions {
  readonly at?: string;
  readonly backup?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export function registerRestoreVerb(program: Command, place: Workplace): void {
  program
    .command("restore")
    .description("bring the database back: the newest state, a moment, or a backup; the bot must not run")
    .addOption(new Option("--at <time>", 'a moment: "2026-11-20T14:05:09Z", "today 14:05", "2 hours ago"'))
    .addOption(new Option("--backup <id>", "that backup as it is").conflicts("at"))
    .option("--dry-run", "only show what would be restored; also while the bot runs")
    .option("--force", "do not ask")
    .option("--json", "print JSON")
    .action(async ({ json = false, force = false, dryRun = false, ...options }: RestoreOptions, command: Command) => {
      const target = await readTarget(options, command);
      if (!dryRun && !force && !canAsk()) {
        command.error("error: there is no terminal to ask on: look with --dry-run first, then give --force");
      }
      const result = await withDataTools(
        place,
        (tools) => (dryRun ? showPlan(tools, target) : restore(tools, target, { isForced: force, isJson: json })),
        "restore the database: stopped, and everything is as it was",
      );
      printResult(result, { json });
    });
}

async function readTarget({ at, backup }: RestoreOptions, command: Command): Promise<RestoreTarget> {
  if (backup !== undefined) return { kind: "snapshot", id: backup };
  if (at === undefined) return { kind: "newest" };
  // Most of what the verb would load, and for this alone.
  const { parseInstant } = await import("./moment-words.ts");
  const nowAt = Date.now();
  const instant = parseInstant(at, nowAt);
  if (instant === undefined) {
    command.error(`error: "${at}" is not understood as a moment: write "2026-11-20T14:05:09Z" or "today 14:05"`);
  } else if (instant > nowAt) {
    command.error(`error: "${at}" is ${formatExactly(instant)}, and that is yet to come`);
  }
  return { kind: "instant", at: instant };
}

interface FoundPlan {
  readonly plan: RestorePlanSummary;
  /** What of the present database is in no backup, in words. */
  readonly unarchived: string | undefined;
}

/** `isAlone`: no bot runs on the data, so nobody else completes the archive from the log that it has left. */
async function planRestore(tools: DataTools, target: RestoreTarget, isAlone: boolean): Promise<FoundPlan> {
  const unarchived = isAlone ? await tools.backups.completeArchive(COMPARE_LIMIT_BYTES) : undefined;
  const plan = await tools.backups.planRestore(target);
  if (unarchived === undefined) return { plan, unarchived };
  return { plan: { ...plan, warnings: [unarchived, ...plan.warnings] }, unarchived };
}

async function showPlan(tools: DataTools, target: RestoreTarget): Promise<VerbResult> {
  const lock = tryLock(tools);
  try {
    const { plan } = await planRestore(tools, target, lock !== undefined);
    return { data: { plan }, lines: [...describePlan(plan), "Nothing was changed (--dry-run)."] };
  } finally {
    lock?.release();
  }
}

/** Undefined while a bot runs, and where there is no database: no folder is to be made for a look. */
function tryLock(tools: DataTools): InstanceLock | undefined {
  if (!existsSync(tools.databasePath)) return undefined;
  try {
    return tools.lock("look at the database");
  } catch {
    // Nor while the disk takes no lock: what the backups have can be shown all the same.
    return undefined;
  }
}

async function restore(
  tools: DataTools,
  target: RestoreTarget,
  { isForced, isJson }: { readonly isForced: boolean; readonly isJson: boolean },
): Promise<VerbResult> {
  const lock = tools.lock("restore the database");
  try {
    const { plan, unarchived } = await planRestore(tools, target, true);
    // Whoever is asked has to see it; stdout belongs to the result.
    const planLines = describePlan(plan);
    if (!isJson) console.log(planLines.join("\n"));
    else if (!isForced) console.error(planLines.join("\n"));
    if (!isForced && !(await askForYes('Type "yes" to restore:', tools.signal))) {
      throw new MusterError("CONFLICT", "restore the database: it was not confirmed, so nothing was changed");
    }
    const outcome = await execute(tools, target);
    await audit(tools, outcome);
    return { data: { plan, outcome }, lines: ["", ...describeOutcome(outcome, unarchived)] };
  } finally {
    lock.release();
  }
}

async function execute({ backups, databasePath, clock }: DataTools, target: RestoreTarget): Promise<RestoreOutcome> {
  // What a crash left unfinished first: it may be the last copy of the database, and would be overwritten.
  takeUpReplacement(databasePath, quarantineFolderAt(databasePath, clock.now()));
  try {
    const result = await withProgress("restore", (onProgress) => backups.prepareRestore(target, onProgress));
    const quarantineFolder = quarantineFolderAt(databasePath, clock.now());
    const job = { kind: "exchange-database", databasePath, quarantineFolder, isPrepared: true } as const;
    return describeExchange(result, databasePath, exchangeDatabase(job));
  } catch (error) {
    // Also what was complete in the very moment in which it was stopped.
    await removeRestoreLeftovers(databasePath);
    throw error;
  }
}

/** The restore is done: that it could not be recorded is to be said, and is no failure of it. */
async function audit({ dataFolder, clock, logger }: DataTools, outcome: RestoreOutcome): Promise<void> {
  const { snapshotId, reachedAt, appliedFrameCount } = outcome;
  const details = { reachedAt, appliedFrameCount, by: "command line" };
  try {
    await recordOffline(
      { action: "backup.restore", target: snapshotId, details },
      { fallbackPath: join(dataFolder, "audit-fallback.ndjson"), clock, logger },
    );
  } catch (error) {
    logger.error("the restore could not be recorded for the audit log", { error });
  }
}
