import type { CreateSnapshotJob, CreateSnapshotResult } from "../backup/create-snapshot.ts";
import type { ExchangeDatabaseJob, ExchangeDatabaseResult } from "../backup/exchange-database.ts";
import type { RestoreJob, RestoreResult } from "../backup/execute-restore.ts";
import type { ArchiveFindings, InspectArchiveJob } from "../backup/inspect-archive.ts";
import type { PruneArchiveJob, PruneArchiveResult } from "../backup/prune-archive.ts";
import type { PruneSnapshotsJob, PruneSnapshotsResult } from "../backup/prune-snapshots.ts";
import type { RepairPagesJob, RepairPagesResult } from "../backup/repair-pages.ts";
import type { RestoreDrillJob, RestoreDrillResult } from "../backup/restore-drill.ts";
import type { PlanRestoreJob, RestorePlanSummary } from "../backup/restore-sources.ts";
import type { SalvageJob, SalvageResult } from "../backup/salvage.ts";
import type { ScrubPagesJob, ScrubPagesResult } from "../backup/scrub-pages.ts";
import type { SealSegmentsJob, SealSegmentsResult } from "../backup/seal-segments.ts";
import type { VerifySnapshotJob, VerifySnapshotResult } from "../backup/verify-snapshot.ts";
import type { MigrationTestResult, TestMigrationsJob } from "../schema/test-migrations.ts";
import type { IntegrityCheckJob, IntegrityReport } from "./integrity-check.ts";
import type { VacuumJob, VacuumResult } from "./vacuum.ts";

/** Everything that the maintenance process can be asked to do: plain data in, plain data out. */
export interface MaintenanceJobs {
  readonly "integrity-check": { readonly job: IntegrityCheckJob; readonly result: IntegrityReport };
  readonly vacuum: { readonly job: VacuumJob; readonly result: VacuumResult };
  readonly "create-snapshot": { readonly job: CreateSnapshotJob; readonly result: CreateSnapshotResult };
  readonly "verify-snapshot": { readonly job: VerifySnapshotJob; readonly result: VerifySnapshotResult };
  readonly "prune-snapshots": { readonly job: PruneSnapshotsJob; readonly result: PruneSnapshotsResult };
  readonly "plan-restore": { readonly job: PlanRestoreJob; readonly result: RestorePlanSummary };
  readonly restore: { readonly job: RestoreJob; readonly result: RestoreResult };
  readonly "restore-drill": { readonly job: RestoreDrillJob; readonly result: RestoreDrillResult };
  readonly "exchange-database": { readonly job: ExchangeDatabaseJob; readonly result: ExchangeDatabaseResult };
  readonly salvage: { readonly job: SalvageJob; readonly result: SalvageResult };
  readonly "inspect-archive": { readonly job: InspectArchiveJob; readonly result: ArchiveFindings };
  readonly "test-migrations": { readonly job: TestMigrationsJob; readonly result: MigrationTestResult };
  readonly "seal-segments": { readonly job: SealSegmentsJob; readonly result: SealSegmentsResult };
  readonly "scrub-pages": { readonly job: ScrubPagesJob; readonly result: ScrubPagesResult };
  readonly "repair-pages": { readonly job: RepairPagesJob; readonly result: RepairPagesResult };
  readonly "prune-archive": { readonly job: PruneArchiveJob; readonly result: PruneArchiveResult };
}

export type MaintenanceKind = keyof MaintenanceJobs;
export type MaintenanceJob = MaintenanceJobs[MaintenanceKind]["job"];
export type MaintenanceResult<Job extends MaintenanceJob> = MaintenanceJobs[Job["kind"]]["result"];
