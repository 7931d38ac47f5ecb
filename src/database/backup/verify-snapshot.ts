import { access } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurably } from "../../core/durable-file.ts";
import { isMusterError } from "../../core/errors.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { toWriteError } from "./backup-errors.ts";
import { BackupKey } from "./encryption.ts";
import { JobProgress } from "./job-progress.ts";
import { getSnapshot, type Snapshot } from "./snapshot-catalogue.ts";
import { checkCopy } from "./snapshot-check.ts";
import { readFreeBytes, removeTemporary, requireFreeBytes, temporaryPath } from "./snapshot-files.ts";
import { formatManifest, manifestFileNameOf, snapshotFolderOf, type SnapshotManifest } from "./snapshot-manifest.ts";
import { decodeFile } from "./stored-file.ts";

export interface VerifySnapshotJob {
  readonly kind: "verify-snapshot";
  readonly backupFolder: string;
  readonly id: string;
  /** Passphrase of the time when it was made. */
  readonly key?: string | undefined;
}

export type VerifySnapshotResult =
  | { readonly outcome: "sound"; readonly manifest: SnapshotManifest; readonly durationMs: number }
  | {
      readonly outcome: "unusable";
      readonly id: string;
      readonly code: "BACKUP_DAMAGED" | "BACKUP_KEY_WRONG";
      /** What is wrong, in plain words. */
      readonly findings: readonly string[];
      readonly durationMs: number;
    };

type Verdict = { readonly findings: readonly string[]; readonly code: "BACKUP_DAMAGED" | "BACKUP_KEY_WRONG" };

const STEP_WEIGHTS = { unpack: 0.4, check: 0.6 } as const;

/**
 * Unpacks a snapshot beside the others and looks over all of it; its manifest keeps the result. Throws
 * BACKUP_NOT_FOUND, or BACKUP_FAILED when it cannot be found out, for want of room for instance.
 */
export async function verifySnapshot(job: VerifySnapshotJob, report: ReportProgress): Promise<VerifySnapshotResult> {
  const startedAt = performance.now();
  const finish = ({ code, findings }: Verdict): VerifySnapshotResult => ({
    ...{ outcome: "unusable", id: job.id, code, findings },
    durationMs: Math.round(performance.now() - startedAt),
  });
  try {
    const snapshot = await getSnapshot(job.backupFolder, job.id);
    const verdict = await inspect(snapshot, job, report);
    const manifest = await recordVerdict(snapshot, job, verdict);
    if (verdict.findings.length > 0) return finish(verdict);
    return { outcome: "sound", manifest, durationMs: Math.round(performance.now() - startedAt) };
  } catch (error) {
    if (isMusterError(error, "BACKUP_DAMAGED"))
      return finish({ code: error.code as "BACKUP_DAMAGED", findings: [error.message] });
    throw toWriteError(error, `verify the backup ${job.id}`);
  }
}

async function inspect(
  { manifest, dataPath }: Snapshot,
  job: VerifySnapshotJob,
  report: ReportProgress,
): Promise<Verdict> {
  const folder = snapshotFolderOf(job.backupFolder);
  const { compression, encryption, databaseBytes, contentSha256, storedBytes, storedSha256 } = manifest;
  const progress = new JobProgress(report, STEP_WEIGHTS);
  const target = temporaryPath(folder, manifest.id, "check");
  requireFreeBytes(await readFreeBytes(folder), databaseBytes, folder);
  try {
    progress.begin("unpack");
    await decodeFile(dataPath, {
      ...{ compression, isEncrypted: encryption !== null, target },
      key: job.key === undefined ? undefined : new BackupKey(job.key),
      expected: { contentBytes: databaseBytes, contentSha256, storedBytes, storedSha256 },
      onBytes: (bytes) => progress.advance(bytes / storedBytes),
    });
    progress.begin("check");
    const { findings, foreignKeyViolations } = checkCopy(target, manifest);
    const isSameCount = findings.length > 0 || foreignKeyViolations === manifest.foreignKeyViolations;
    const violations = isSameCount
      ? []
      : [`${foreignKeyViolations} rows refer to nothing, and ${manifest.foreignKeyViolations} did`];
    return { code: "BACKUP_DAMAGED", findings: [...findings, ...violations] };
  } catch (error) {
    if (!isMusterError(error, "BACKUP_DAMAGED", "BACKUP_KEY_WRONG")) throw error;
    return { code: error.code as Verdict["code"], findings: [error.message] };
  } finally {
    await removeTemporary(target);
  }
}

/** A wrong key says nothing about the snapshot. */
async function recordVerdict(
  { manifest, dataPath }: Snapshot,
  { backupFolder }: VerifySnapshotJob,
  { code, findings }: Verdict,
): Promise<SnapshotManifest> {
  if (code === "BACKUP_KEY_WRONG") return manifest;
  const now = Date.now();
  const message = findings.slice(0, 3).join("; ");
  const updated: SnapshotManifest =
    findings.length === 0
      ? { ...manifest, verifiedAt: now, damage: null }
      : { ...manifest, damage: { foundAt: now, message } };
  // Deleted meanwhile: a manifest alone would be a snapshot without data.
  await access(dataPath);
  await writeFileDurably(join(snapshotFolderOf(backupFolder), manifestFileNameOf(manifest)), formatManifest(updated));
  return updated;
}
