import { createHash } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../core/durable-file.ts";
import { isMusterError } from "../../core/errors.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { listSegmentFiles, type SegmentFile } from "./archive-catalogue.ts";
import { ARCHIVE_FOLDER, listGenerations, type ArchivePosition } from "./archive-index.ts";
import { toWriteError } from "./backup-errors.ts";
import { BackupKey, SALT_BYTES, type KdfParameters } from "./encryption.ts";
import { decodeFile, encodeFile, suffixOf, type Compression } from "./stored-file.ts";

/**
 * The job that compresses and encrypts segments to which nothing is added any more. At every moment there is at least one
 * whole file of each: the stored one is made under another name, read back from the disk, renamed, and only when its
 * folder is durable is the plain one removed. A crash in between leaves both, and the next run removes the plain one
 * after it has read the other.
 */

export interface SealSegmentsJob {
  readonly kind: "seal-segments";
  readonly backupFolder: string;
  readonly compression: Compression;
  /** The passphrase; encrypts. */
  readonly key?: string;
  /** How slow the key is to derive from it; only tests have a reason to say so. */
  readonly kdf?: KdfParameters;
  /** Where the archive is written; without it the newest segment of every generation is left alone. */
  readonly writing?: Pick<ArchivePosition, "generation" | "segment">;
}

export interface SealSegmentsResult {
  readonly sealedCount: number;
  /** Bytes before and after. */
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** Segments that could not be sealed and stay plain, and why. */
  readonly problems: readonly string[];
}

const TEMPORARY_SUFFIX = ".tmp";

interface PlainSegment {
  readonly generation: string;
  readonly folder: string;
  readonly file: SegmentFile;
  /** Stored ones of the same segment: a run that was interrupted. */
  readonly others: readonly SegmentFile[];
}

/** A disk that fails or is full ends it with BACKUP_FAILED; a segment that cannot be read is told of, and stays. */
export async function sealSegments(job: SealSegmentsJob, report: ReportProgress): Promise<SealSegmentsResult> {
  if (job.compression === "none" && job.key === undefined) return emptyResult([]);
  const segments = await listPlainSegments(job);
  const result = { ...emptyResult([]), problems: [] as string[] };
  const keys = new Map<string, BackupKey | undefined>();
  for (const [index, segment] of segments.entries()) {
    const { generation } = segment;
    if (!keys.has(generation)) keys.set(generation, createKey(job, generation));
    report({ step: "seal", share: index / segments.length });
    try {
      const storedBytes = await sealSegment(segment, job.compression, keys.get(generation));
      result.sealedCount++;
      result.plainBytes += segment.file.sizeBytes;
      result.storedBytes += storedBytes;
    } catch (error) {
      if (!isMusterError(error, "BACKUP_DAMAGED", "BACKUP_KEY_WRONG")) {
        throw toWriteError(error, "seal the archive's segments");
      }
      result.problems.push(`${segment.file.name}: ${error.message}`);
    }
  }
  return result;
}

/** The same salt for all of a generation, over many runs: a restore derives its key once, which takes half a second. */
function createKey({ key, kdf }: SealSegmentsJob, generation: string): BackupKey | undefined {
  if (key === undefined) return undefined;
  const salt = createHash("sha256").update(generation).digest().subarray(0, SALT_BYTES);
  return new BackupKey(key, { salt, ...(kdf === undefined ? {} : { kdf }) });
}

function emptyResult(problems: readonly string[]): {
  -readonly [Member in keyof SealSegmentsResult]: SealSegmentsResult[Member];
} {
  return { sealedCount: 0, plainBytes: 0, storedBytes: 0, problems };
}

async function listPlainSegments({ backupFolder, writing }: SealSegmentsJob): Promise<PlainSegment[]> {
  const plain: PlainSegment[] = [];
  const archiveFolder = join(backupFolder, ARCHIVE_FOLDER);
  for (const generation of await listGenerations(archiveFolder)) {
    const folder = join(archiveFolder, generation);
    await removeTemporaries(folder);
    const files = await listSegmentFiles(folder);
    const open = findOpenSegment(generation, files, writing);
    for (const [number, forms] of [...files].sort(([a], [b]) => a - b)) {
      // What is added to it would be lost with the plain file; so would what is behind it, were it not closed.
      if (open !== undefined && number >= open) continue;
      const file = forms.find(({ isCompressed, isEncrypted }) => !isCompressed && !isEncrypted);
      if (file) plain.push({ generation, folder, file, others: forms.filter((form) => form !== file) });
    }
  }
  return plain;
}

/**
 * From this one on segments may be added to; undefined = the generation is closed. One that is newer than what is known
 * to be written began meanwhile: the job was asked for before it started.
 */
function findOpenSegment(
  generation: string,
  files: ReadonlyMap<number, unknown>,
  writing: SealSegmentsJob["writing"],
): number | undefined {
  if (writing?.generation === generation) return writing.segment;
  return writing && generation < writing.generation ? undefined : Math.max(...files.keys());
}

async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^\d{8}\.wal.*\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
  }
}

/** Returns the bytes of the stored file. */
async function sealSegment(
  { folder, file, others }: PlainSegment,
  compression: Compression,
  key: BackupKey | undefined,
): Promise<number> {
  const plain = join(folder, file.name);
  for (const other of others) {
    if (await isCopyOf(plain, folder, other, key)) {
      await removePlain(plain, folder, other);
      return other.sizeBytes;
    }
    await rm(join(folder, other.name), { force: true });
  }
  const form = { compression, isEncrypted: key !== undefined };
  const stored = plain + suffixOf(form);
  const temporary = stored + TEMPORARY_SUFFIX;
  try {
    const facts = await encodeFile(plain, temporary, { compression, key });
    await decodeFile(temporary, { ...form, key, expected: facts });
    await rename(temporary, stored);
    await syncFolder(folder);
    await rm(plain);
    await syncFolder(folder);
    return facts.storedBytes;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function removePlain(plain: string, folder: string, other: SegmentFile): Promise<void> {
  // It was read from memory perhaps: what makes it durable is the writing that a crash may have interrupted.
  const handle = await open(join(folder, other.name), "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(folder);
  await rm(plain);
  await syncFolder(folder);
}

/** Whether the stored file gives the very content of the plain one. */
async function isCopyOf(
  plain: string,
  folder: string,
  { name, isCompressed, isEncrypted }: SegmentFile,
  key: BackupKey | undefined,
): Promise<boolean> {
  const { contentBytes, contentSha256 } = await decodeFile(plain, {
    ...{ compression: "none", isEncrypted: false, key: undefined },
  });
  try {
    const form = { compression: isCompressed ? "zstd" : "none", isEncrypted } as const;
    await decodeFile(join(folder, name), { ...form, key, expected: { contentBytes, contentSha256 } });
    return true;
  } catch (error) {
    if (isMusterError(error, "BACKUP_DAMAGED")) return false;
    throw error;
  }
}
