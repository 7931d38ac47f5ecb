import type { IntegrityCheckJob, IntegrityReport } from "./integrity-check.ts";

/** Everything that the maintenance process can be asked to do: plain data in, plain data out. */
export interface MaintenanceJobs {
  readonly "integrity-check": { readonly job: IntegrityCheckJob; readonly result: IntegrityReport };
}

export type MaintenanceKind = keyof MaintenanceJobs;
export type MaintenanceJob = MaintenanceJobs[MaintenanceKind]["job"];
export type MaintenanceResult<Job extends MaintenanceJob> = MaintenanceJobs[Job["kind"]]["result"];
