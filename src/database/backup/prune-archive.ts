import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../core/durable-file.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { readArchive, type ArchivedGeneration } from "./archive-catalogue.ts";
import { ARCHIVE_FOLDER } from "./archive-index.ts";
import { toWriteError } from "./backup-errors.ts";
import { listSnapshots } from "./snapshot-catalogue.ts";
import type { SnapshotArchive } from "./snapshot-manifest.ts";

/** The job that removes what no snapshot needs any more from the archive. It runs after the snapshots were pruned. */
export interface PruneArchiveJob {
  readonly kind: "prune-archive";
  readonly backupFolder: string;
  /** Says what would be removed, and removes nothing. */
  readonly isDryRun?: boolean;
}

export interface PruneArchiveResult {
  readonly removedGenerations: readonly string[];
  readonly removedSegmentCount: number;
  readonly freedBytes: number;
  /** Backups that cannot be read now: as long as there is one, nobody knows what it needs, and nothing is removed. */
  readonly unreadable: readonly string[];
}

export interface ArchivePrunePlan {
  /** Whole folders. */
  readonly generations: readonly string[];
  readonly segments: readonly { readonly generation: string; readonly numbers: readonly number[] }[];
}

type UsedGeneration = Pick<ArchivedGeneration, "name" | "segments">;

/**
 * Pure. Of each generation the segments stay from the one on that the oldest of its snapshots begins with; a generation
 * that no snapshot begins in, or ends in, goes, but never the newest. Without any snapshot that uses the archive nothing
 * goes: the first one may be about to be made.
 */
export function planArchivePruning(
  generations: readonly UsedGeneration[],
  archives: readonly NonNullable<SnapshotArchive>[],
): ArchivePrunePlan {
  const newest = generations.at(-1)?.name;
  const plan = { generations: [] as string[], segments: [] as { generation: string; numbers: number[] }[] };
  if (archives.length === 0) return plan;
  for (const { name, segments } of generations) {
    const neededFrom = findFirstNeeded({ name, segments }, archives);
    if (neededFrom === undefined) {
      if (name !== newest) plan.generations.push(name);
      continue;
    }
    // The newest one is being written, whatever the snapshots say.
    const last = segments.at(-1)?.number ?? 0;
    const numbers = segments
      .filter(({ number, files }) => number < neededFrom && number < last && files.length > 0)
      .map(({ number }) => number);
    if (numbers.length > 0) plan.segments.push({ generation: name, numbers });
  }
  return plan;
}

/** Number of the first segment that a snapshot of the generation needs; undefined when none has to do with it. */
function findFirstNeeded(
  { name, segments }: UsedGeneration,
  archives: readonly NonNullable<SnapshotArchive>[],
): number | undefined {
  const needed = archives.flatMap(({ from, until }) => {
    if (from.generation === name) return [from.segment];
    const endsHere = "generation" in until ? until.generation === name : segments.some((s) => s.salts === until.salts);
    // Made while the generation began: all of it is needed.
    return endsHere ? [0] : [];
  });
  return needed.length === 0 ? undefined : Math.min(...needed);
}

/** Throws BACKUP_FAILED. Interrupted at any moment it leaves what is needed, and goes on the next time. */
export async function pruneArchive(job: PruneArchiveJob, report: ReportProgress): Promise<PruneArchiveResult> {
  const archiveFolder = join(job.backupFolder, ARCHIVE_FOLDER);
  try {
    const { snapshots, problems } = await listSnapshots(job.backupFolder);
    const unreadable = problems
      .filter(({ kind }) => kind === "unreadable")
      .map(({ file, message }) => `${file}: ${message}`);
    if (unreadable.length > 0) return { removedGenerations: [], removedSegmentCount: 0, freedBytes: 0, unreadable };
    const generations = await readArchive(archiveFolder, []);
    const plan = planArchivePruning(
      generations,
      snapshots.flatMap(({ manifest }) => manifest.archive ?? []),
    );
    const result = { ...describe(generations, plan), unreadable };
    if (job.isDryRun) return result;
    report({ step: "remove segments", share: 0 });
    for (const { generation, numbers } of plan.segments) {
      const { segments } = generations.find(({ name }) => name === generation)!;
      const folder = join(archiveFolder, generation);
      for (const { number, files } of segments) {
        if (!numbers.includes(number)) continue;
        for (const { name } of files) await rm(join(folder, name), { force: true });
      }
      await syncFolder(folder);
    }
    report({ step: "remove generations", share: 0.5 });
    for (const generation of plan.generations) await removeGeneration(archiveFolder, generation);
    return result;
  } catch (error) {
    throw toWriteError(error, "remove what is no longer needed from the archive");
  }
}

function describe(
  generations: readonly ArchivedGeneration[],
  plan: ArchivePrunePlan,
): Omit<PruneArchiveResult, "unreadable"> {
  const doomed = generations.flatMap(({ name, segments }) => {
    const numbers = plan.segments.find(({ generation }) => generation === name)?.numbers ?? [];
    const isWhole = plan.generations.includes(name);
    return segments.filter(({ number, files }) => files.length > 0 && (isWhole || numbers.includes(number)));
  });
  return {
    removedGenerations: plan.generations,
    removedSegmentCount: doomed.length,
    freedBytes: doomed.flatMap(({ files }) => files).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

async function removeGeneration(archiveFolder: string, generation: string): Promise<void> {
  const folder = join(archiveFolder, generation);
  // The index last: as long as it is there, it says what the segments are.
  const names = (await readdir(folder)).sort();
  for (const name of names) await rm(join(folder, name), { force: true });
  await rmdir(folder);
  await syncFolder(archiveFolder);
}
