import { constants, setPriority } from "node:os";
import { createSnapshot } from "../backup/create-snapshot.ts";
import { exchangeDatabase } from "../backup/exchange-database.ts";
import { executeRestore } from "../backup/execute-restore.ts";
import { inspectArchive } from "../backup/inspect-archive.ts";
import { pruneArchive } from "../backup/prune-archive.ts";
import { pruneSnapshots } from "../backup/prune-snapshots.ts";
import { drillRestore } from "../backup/restore-drill.ts";
import { planRestoreFrom } from "../backup/restore-sources.ts";
import { salvage } from "../backup/salvage.ts";
import { sealSegments } from "../backup/seal-segments.ts";
import { verifySnapshot } from "../backup/verify-snapshot.ts";
import { testMigrations } from "../schema/test-migrations.ts";
import { toWireError, type WireError } from "../sqlite/thread-protocol.ts";
import { checkIntegrity } from "./integrity-check.ts";
import type { MaintenanceJob, MaintenanceJobs, MaintenanceKind } from "./maintenance-job.ts";
import type { MaintenanceProgress, ReportProgress } from "./maintenance-progress.ts";

/**
 * The maintenance process: started for one job, which it gets as its only message, and gone with its answer. It is a
 * process because closing a handle on the database inside the bot's would drop SQLite's locks there, and because a heavy
 * job must not share the bot's heap, nor take its turn.
 */

export type MaintenanceMessage =
  | { readonly message: "progress"; readonly progress: MaintenanceProgress }
  | { readonly message: "done"; readonly result: unknown }
  | { readonly message: "failed"; readonly error: WireError };

/** One table of jobs: a new one is an entry here and in `MaintenanceJobs`. */
const JOBS: {
  readonly [Kind in MaintenanceKind]: (
    job: MaintenanceJobs[Kind]["job"],
    report: ReportProgress,
  ) => Promise<MaintenanceJobs[Kind]["result"]> | MaintenanceJobs[Kind]["result"];
} = {
  "integrity-check": checkIntegrity,
  "create-snapshot": createSnapshot,
  "verify-snapshot": verifySnapshot,
  "prune-snapshots": pruneSnapshots,
  "plan-restore": planRestoreFrom,
  restore: executeRestore,
  "restore-drill": drillRestore,
  "exchange-database": exchangeDatabase,
  salvage,
  "inspect-archive": inspectArchive,
  "test-migrations": testMigrations,
  "seal-segments": sealSegments,
  "prune-archive": pruneArchive,
};

function send(message: MaintenanceMessage): Promise<void> {
  // Without a parent there is nobody to tell, and nothing left to do.
  return new Promise((resolve) => (process.connected ? process.send!(message, () => resolve()) : resolve()));
}

/** The kind and the job belong together; as one value they would be any kind with any job. */
function perform<Kind extends MaintenanceKind>(
  kind: Kind,
  job: MaintenanceJobs[Kind]["job"],
  report: ReportProgress,
): Promise<MaintenanceJobs[Kind]["result"]> | MaintenanceJobs[Kind]["result"] {
  return JOBS[kind](job, report);
}

async function run(job: MaintenanceJob): Promise<void> {
  try {
    const result = await perform(job.kind, job, (progress) => void send({ message: "progress", progress }));
    await send({ message: "done", result });
  } catch (error) {
    await send({ message: "failed", error: toWireError(error) });
  }
  // Done: from here on that the channel ends is in order, and it was all that kept the process alive.
  process.removeAllListeners("disconnect");
  if (process.connected) process.disconnect();
}

/** The disk and the processor belong to the bot first. */
function lowerPriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // A system that does not allow it: the job runs all the same, at the priority it has.
  }
}

lowerPriority();
// A terminal sends Ctrl-C to the whole group: the bot decides when its maintenance ends.
process.on("SIGINT", () => undefined);
// A job whose bot was killed ends where it can be ended: another bot may have the database by now.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.once("message", (job) => void run(job as MaintenanceJob));
