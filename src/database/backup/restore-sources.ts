import { join } from "node:path";
import { readArchive } from "./archive-catalogue.ts";
import { ARCHIVE_FOLDER } from "./archive-index.ts";
import type { RestoreFacts, RestoreRoute, RestoreTarget } from "./restore-facts.ts";
import { listRestorable, momentsOf, planRestore, type RestorableSpan } from "./restore-plan.ts";
import { getSnapshot, listSnapshots } from "./snapshot-catalogue.ts";

/** The job that plans a restore, in the maintenance process: an index of the archive may be large. */
export interface PlanRestoreJob {
  readonly kind: "plan-restore";
  readonly backupFolder: string;
  readonly target: RestoreTarget;
}

/** One way to the target. Plain and small: it is shown, and sent from process to process. */
export interface RouteSummary {
  readonly snapshotId: string;
  readonly snapshotCreatedAt: number;
  /** undefined = the snapshot alone. */
  readonly archive:
    { readonly generation: string; readonly firstSegment: number; readonly lastSegment: number } | undefined;
  readonly reachesAt: number;
  readonly readBytes: number;
  /** What is needed on the database's disk. */
  readonly databaseBytes: number;
}

export interface RestorePlanSummary extends RouteSummary {
  readonly target: RestoreTarget;
  /** What is tried when a piece of the plan turns out to be damaged, the best first. */
  readonly alternatives: readonly RouteSummary[];
  readonly warnings: readonly string[];
  readonly restorable: readonly RestorableSpan[];
}

/** Enough to see that there is more than one way. */
const SHOWN_ALTERNATIVES = 5;

/** Throws as `planRestore`. */
export async function planRestoreFrom({ backupFolder, target }: PlanRestoreJob): Promise<RestorePlanSummary> {
  const facts = await readRestoreFacts(backupFolder, target);
  const { route, alternatives, warnings } = planRestore(facts, target);
  return {
    ...{ target, ...summarize(route), warnings },
    alternatives: alternatives.slice(0, SHOWN_ALTERNATIVES).map(summarize),
    restorable: listRestorable(facts),
  };
}

/** Throws BACKUP_DAMAGED when the snapshot asked for is there and cannot be read. */
export async function readRestoreFacts(backupFolder: string, target: RestoreTarget): Promise<RestoreFacts> {
  const { snapshots: found, problems } = await listSnapshots(backupFolder);
  if (target.kind === "snapshot" && problems.some(({ id }) => id === target.id)) {
    await getSnapshot(backupFolder, target.id);
  }
  const snapshots = found.map(({ manifest }) => manifest);
  const generations = await readArchive(join(backupFolder, ARCHIVE_FOLDER), momentsOf(target, snapshots));
  return { snapshots, generations };
}

function summarize({ snapshot, archive, reachesAt, readBytes, databaseBytes }: RestoreRoute): RouteSummary {
  return {
    ...{ snapshotId: snapshot.id, snapshotCreatedAt: snapshot.createdAt, reachesAt, readBytes, databaseBytes },
    archive: archive && {
      generation: archive.generation,
      firstSegment: archive.segments[0]!.number,
      lastSegment: archive.segments.at(-1)!.number,
    },
  };
}
