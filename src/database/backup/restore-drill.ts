import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createFolder } from "../../core/durable-file.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { executeRestore, type RestoreResult } from "./execute-restore.ts";
import { openReadOnly } from "./snapshot-check.ts";

/**
 * The job that restores the newest state, in earnest but in a folder of its own, and looks whether a write that was
 * acknowledged before it began is in it. Nothing else proves that backups can be restored.
 */
export interface RestoreDrillJob {
  readonly kind: "restore-drill";
  readonly backupFolder: string;
  readonly key?: string;
  /** Id of a write that was acknowledged and archived. */
  readonly markId: string;
}

export interface RestoreDrillResult extends Pick<RestoreResult, "snapshotId" | "reachedAt" | "skipped" | "warnings"> {
  /** The write is there. */
  readonly isComplete: boolean;
  readonly durationMs: number;
}

const FOLDER = "drill";

/** Throws as `executeRestore`. Leaves nothing behind. */
export async function drillRestore(job: RestoreDrillJob, report: ReportProgress): Promise<RestoreDrillResult> {
  const { backupFolder, markId, key } = job;
  const startedAt = performance.now();
  const folder = join(backupFolder, FOLDER);
  try {
    // What an interrupted one has left.
    await rm(folder, { recursive: true, force: true });
    await createFolder(folder);
    const { path, snapshotId, reachedAt, skipped, warnings } = await executeRestore(
      {
        ...{ kind: "restore", databasePath: join(folder, "muster.db"), backupFolder, target: { kind: "newest" } },
        ...{ isOffer: true, ...(key === undefined ? {} : { key }) },
      },
      report,
    );
    const isComplete = hasWrite(path, markId);
    const durationMs = Math.round(performance.now() - startedAt);
    return { snapshotId, reachedAt, skipped, warnings, isComplete, durationMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function hasWrite(path: string, id: string): boolean {
  const database = openReadOnly(path);
  try {
    return database.prepare("SELECT 1 FROM applied_operation WHERE id = ?").get(id) !== undefined;
  } finally {
    database.close();
  }
}
