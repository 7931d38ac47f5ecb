import type { MaintenanceJobs, MaintenanceKind } from "./maintenance-job.ts";
import type { ReportProgress } from "./maintenance-progress.ts";

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
  vacuum: async () => (await import("./vacuum.ts")).vacuum,
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
  "scrub-pages": async () => (await import("../backup/scrub-pages.ts")).scrubPages,
  "repair-pages": async () => (await import("../backup/repair-pages.ts")).repairPages,
  "prune-archive": async () => (await import("../backup/prune-archive.ts")).pruneArchive,
};

/**
 * Does a job where it is called. The kind and the job belong together; as one value they would be any kind with any job.
 */
export async function performJob<Kind extends MaintenanceKind>(
  kind: Kind,
  job: MaintenanceJobs[Kind]["job"],
  report: ReportProgress,
): Promise<MaintenanceJobs[Kind]["result"]> {
  return (await JOBS[kind]())(job, report);
}
