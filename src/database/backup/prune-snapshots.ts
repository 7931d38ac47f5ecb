import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { toWriteError } from "./backup-errors.ts";
import { planRetention, type RetentionPlan, type RetentionPolicy } from "./retention.ts";
import { isVerified, listSnapshots } from "./snapshot-catalogue.ts";
import { removeSnapshotFiles } from "./snapshot-files.ts";

export interface PruneSnapshotsJob {
  readonly kind: "prune-snapshots";
  readonly backupFolder: string;
  readonly policy: RetentionPolicy;
  /** Kept whatever the policy says: what a restore reads, what is being shown. */
  readonly protectedIds?: readonly string[];
  /** Says what would be removed, and removes nothing. */
  readonly isDryRun?: boolean;
}

export interface PruneSnapshotsResult extends RetentionPlan {
  /** Bytes of what was, or would be, removed. */
  readonly freedBytes: number;
}

/** Removes what the policy does not keep. What cannot be read as a snapshot is left alone. Throws BACKUP_FAILED. */
export async function pruneSnapshots(job: PruneSnapshotsJob, report: ReportProgress): Promise<PruneSnapshotsResult> {
  const { snapshots } = await listSnapshots(job.backupFolder);
  const facts = snapshots.map(({ manifest }) => ({
    ...{ id: manifest.id, createdAt: manifest.createdAt, archive: manifest.archive },
    isVerified: isVerified(manifest),
  }));
  const plan = planRetention(facts, job.policy, job.protectedIds);
  const doomed = snapshots.filter(({ manifest }) => plan.remove.includes(manifest.id));
  const freedBytes = doomed.reduce((sum, { manifest }) => sum + manifest.storedBytes, 0);
  if (job.isDryRun) return { ...plan, freedBytes };
  try {
    // The oldest first: whenever it is interrupted, what is left is what would have been kept, and more.
    for (const [index, { manifest, dataPath }] of doomed.reverse().entries()) {
      report({ step: "remove", share: index / doomed.length });
      await removeSnapshotFiles(manifest, dataPath);
    }
  } catch (error) {
    throw toWriteError(error, "remove old backups");
  }
  return { ...plan, freedBytes };
}
