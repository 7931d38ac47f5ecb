import { constants, setPriority } from "node:os";
import { toWireError, type WireError } from "../sqlite/thread-protocol.ts";
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

type Perform<Kind extends MaintenanceKind> = (
  job: MaintenanceJobs[Kind]["job"],
  report: ReportProgress,
) => Promise<MaintenanceJobs[Kind]["result"]> | MaintenanceJobs[Kind]["result"];

/**
 * One table of jobs: a new one is an entry here and in `MaintenanceJobs`. Each is loaded when it is to be done: most of
 * what a short job takes is the start of its process.
 */
const JOBS: { readonly [Kind in MaintenanceKind]: () => Promise<Perform<Kind>> } = {
  "integrity-check": async () => (await import("./integrity-check.ts")).checkIntegrity,
  "create-snapshot": async () => (await import("../backup/create-snapshot.ts")).createSnapshot,
  "verify-snapshot": async () => (await import("../backup/verify-snapshot.ts")).verifySnapshot,
  "prune-snapshots": async () => (await import("../backup/prune-snapshots.ts")).pruneSnapshots,
  "plan-restore": async () => (await import("../backup/restore-sources.ts")).planRestoreFrom,
  restore: async () => (await import("../backup/execute-restore.ts")).executeRestore,
  "restore-drill": async () => (await import("../backup/restore-drill.ts")).drillRestore,
  "exchange-database": async () => (await import("../backup/exchange-database.ts")).exchangeDatabase,
  salvage: async () => (await import("../backup/salvage.ts")).salvage,
  "inspect-archive": async () => (await import("../backup/inspect-archive.ts")).inspectArchive,
  "test-migrations": async () => (await import("../schema/test-migrations.ts")).testMigrations,
  "seal-segments": async () => (await import("../backup/seal-segments.ts")).sealSegments,
  "prune-archive": async () => (await import("../backup/prune-archive.ts")).pruneArchive,
};

function send(message: MaintenanceMessage): Promise<void> {
  // Without a parent there is nobody to tell, and nothing left to do.
  return new Promise((resolve) => (process.connected ? process.send!(message, () => resolve()) : resolve()));
}

/** The kind and the job belong together; as one value they would be any kind with any job. */
async function perform<Kind extends MaintenanceKind>(
  kind: Kind,
  job: MaintenanceJobs[Kind]["job"],
  report: ReportProgress,
): Promise<MaintenanceJobs[Kind]["result"]> {
  return (await JOBS[kind]())(job, report);
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
