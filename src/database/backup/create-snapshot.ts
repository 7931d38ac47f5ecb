import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { createFolder, FILE_MODE, syncFolder, writeFileDurably } from "../../core/durable-file.ts";
import { MusterError, toError } from "../../core/errors.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { sqliteCodeOf, classifySqliteError } from "../sqlite/error-classification.ts";
import { ARCHIVE_FOLDER, readArchiveEnd, type ArchivePosition } from "./archive-index.ts";
import { toWriteError } from "./backup-errors.ts";
import { BackupKey, describeEncryption, type KdfParameters } from "./encryption.ts";
import { JobProgress } from "./job-progress.ts";
import { checkCopy, COPY_CHECKS, openReadOnly, readDatabaseFacts, type DatabaseFacts } from "./snapshot-check.ts";
import {
  cleanSnapshotLeftovers,
  readFreeBytes,
  removeTemporary,
  requireFreeBytes,
  temporaryPath,
} from "./snapshot-files.ts";
import {
  COMMENT_LIMIT,
  dataFileNameOf,
  formatManifest,
  manifestFileNameOf,
  snapshotFolderOf,
  type SnapshotArchive,
  type SnapshotManifest,
  type SnapshotReason,
  type WalPosition,
} from "./snapshot-manifest.ts";
import { decodeFile, encodeFile, type Compression } from "./stored-file.ts";
import { readWalEnd } from "./wal-end.ts";

/**
 * How a snapshot is made while the bot goes on writing. A read transaction pins one state of the database, and from that
 * connection it is copied (from one without, the copy begins anew with each commit of others). The place where the
 * archive ends is read before the pin, where the -wal ends after it: the state lies between, so a restore applies
 * everything after the first, and is exact from the second on, because frames are whole pages. The copy is checked, then
 * stored under a temporary name, read back from there, and renamed; the manifest comes last and makes it count.
 */

export interface CreateSnapshotJob {
  readonly kind: "create-snapshot";
  readonly databasePath: string;
  readonly backupFolder: string;
  readonly reason: SnapshotReason;
  /** At most 200 characters. */
  readonly comment: string;
  readonly compression: Compression;
  /** Passphrase; encrypts. */
  readonly key?: string | undefined;
  /** How slow the key is to derive from it; only tests have a reason to say so. */
  readonly kdf?: KdfParameters;
  /** Whether the bot writes an archive now: the remains of an earlier one say nothing about this database. */
  readonly hasArchive: boolean;
}

export type CreateSnapshotStep = "copy" | "check" | "store" | "read back";

export interface CreateSnapshotResult {
  readonly manifest: SnapshotManifest;
  /** Milliseconds by step. */
  readonly durationsMs: Partial<Record<CreateSnapshotStep, number>>;
}

/** What the job learns from outside the database. */
export interface SnapshotSources {
  readArchiveEnd(archiveFolder: string): Promise<ArchivePosition | undefined>;
  readWalEnd(walPath: string): Promise<WalPosition | undefined>;
  readFreeBytes(folder: string): Promise<number>;
  now(): number;
}

/** Measured with 200 MB. */
const STEP_WEIGHTS = { copy: 0.15, check: 0.45, store: 0.25, "read back": 0.15 } as const;
/** Bytes copied at a time, between looks at what else the process has to do. */
const COPY_STEP_BYTES = 4 * 1024 ** 2;

const systemSources: SnapshotSources = { readArchiveEnd, readWalEnd, readFreeBytes, now: () => Date.now() };

/**
 * Throws BACKUP_FAILED, which may pass (a full disk), or the database's own failure when it cannot be read. Whatever
 * happens, no file that counts, and none that does not, is left behind.
 */
export function createSnapshot(job: CreateSnapshotJob, report: ReportProgress): Promise<CreateSnapshotResult> {
  return createSnapshotWith(systemSources, job, report);
}

export async function createSnapshotWith(
  sources: SnapshotSources,
  job: CreateSnapshotJob,
  report: ReportProgress,
): Promise<CreateSnapshotResult> {
  if (job.comment.length > COMMENT_LIMIT) {
    throw new MusterError("INPUT_INVALID", `make a backup: the comment is longer than ${COMMENT_LIMIT} characters`);
  }
  const folder = snapshotFolderOf(job.backupFolder);
  const id = randomBytes(4).toString("hex");
  const draft: Draft = {
    ...{ sources, job, folder, id },
    copy: temporaryPath(folder, id, "copy"),
    stored: temporaryPath(folder, id, "stored"),
    progress: new JobProgress<CreateSnapshotStep>(report, STEP_WEIGHTS),
  };
  try {
    await createFolder(folder);
    await syncFolder(job.backupFolder);
    await cleanSnapshotLeftovers(job.backupFolder);
    const manifest = await makeSnapshot(draft);
    return { manifest, durationsMs: draft.progress.durationsMs };
  } catch (error) {
    throw toWriteError(error, "make a backup");
  } finally {
    await removeTemporary(draft.copy);
    await removeTemporary(draft.stored);
  }
}

interface Draft {
  readonly sources: SnapshotSources;
  readonly job: CreateSnapshotJob;
  readonly folder: string;
  readonly id: string;
  readonly copy: string;
  readonly stored: string;
  readonly progress: JobProgress<CreateSnapshotStep>;
}

interface PinnedFacts extends DatabaseFacts {
  readonly createdAt: number;
  readonly sqliteVersion: string;
  readonly archive: SnapshotArchive;
}

async function makeSnapshot(draft: Draft): Promise<SnapshotManifest> {
  const { job, progress, copy, stored } = draft;
  progress.begin("copy");
  const facts = await copyDatabase(draft);

  progress.begin("check");
  const { findings, foreignKeyViolations } = checkCopy(copy, facts);
  if (findings.length > 0) {
    throw new MusterError("BACKUP_FAILED", `check the copy of the database: ${findings.slice(0, 3).join("; ")}`, {
      hint: "Check the database itself (muster check --full): its copy has what it has.",
      details: { findings },
    });
  }

  progress.begin("store");
  const key = job.key === undefined ? undefined : new BackupKey(job.key, job.kdf === undefined ? {} : { kdf: job.kdf });
  const { contentBytes, ...hashes } = await encodeFile(copy, stored, {
    ...{ compression: job.compression, key },
    onBytes: (bytes) => progress.advance(bytes / facts.databaseBytes),
  });
  await removeTemporary(copy);

  progress.begin("read back");
  await decodeFile(stored, {
    ...{ compression: job.compression, isEncrypted: key !== undefined, key },
    expected: { contentBytes, ...hashes },
    onBytes: (bytes) => progress.advance(bytes / hashes.storedBytes),
  });
  const manifest: SnapshotManifest = {
    format: "muster-snapshot-1",
    id: draft.id,
    ...{ reason: job.reason, comment: job.comment, compression: job.compression },
    ...facts,
    ...hashes,
    encryption: key ? describeEncryption(key) : null,
    verifiedAt: draft.sources.now(),
    checks: COPY_CHECKS,
    foreignKeyViolations,
    damage: null,
  };
  await putInPlace(draft, manifest);
  progress.end();
  return manifest;
}

async function copyDatabase({ sources, job, folder, copy, progress }: Draft): Promise<PinnedFacts> {
  const archiveFolder = join(job.backupFolder, ARCHIVE_FOLDER);
  const readArchive = async (): Promise<ArchivePosition | undefined> =>
    job.hasArchive ? await sources.readArchiveEnd(archiveFolder) : undefined;
  const from = await readArchive();
  const database = openReadOnly(job.databasePath);
  try {
    const sqliteVersion = pin(database);
    const createdAt = sources.now();
    // With an empty -wal all that was committed is in the database file, and was archived before it got there.
    const until = (await sources.readWalEnd(`${job.databasePath}-wal`)) ?? (await readArchive());
    const facts = readDatabaseFacts(database);
    // The stored file is no larger than the copy, compression and encryption aside, which are within the reserve.
    requireFreeBytes(await sources.readFreeBytes(folder), 2 * facts.databaseBytes, folder);
    await copyPages(database, copy, facts.pageSize, (share) => progress.advance(share));
    return { ...facts, createdAt, sqliteVersion, archive: from && until ? { from, until } : null };
  } catch (error) {
    throw sqliteCodeOf(error) === undefined ? error : classifySqliteError(error, "read the database for a backup");
  } finally {
    database.close();
  }
}

/** The first read of a transaction decides which state all that follow see. */
function pin(database: Database.Database): string {
  database.exec("BEGIN");
  database.prepare("SELECT count(*) FROM sqlite_schema").get();
  return database.prepare<[], string>("SELECT sqlite_version()").pluck().get()!;
}

async function copyPages(
  database: Database.Database,
  target: string,
  pageSize: number,
  onShare: (share: number) => void,
): Promise<void> {
  // SQLite would create it readable for others.
  const handle = await open(target, "wx", FILE_MODE);
  await handle.close();
  try {
    await database.backup(target, {
      progress({ totalPages, remainingPages }) {
        onShare(1 - remainingPages / Math.max(1, totalPages));
        return Math.ceil(COPY_STEP_BYTES / pageSize);
      },
    });
  } catch (error) {
    // Not by the database's codes: it may be the folder of the backups that is full or fails, and the database is well.
    throw new MusterError("BACKUP_FAILED", `copy the database: ${toError(error).message}`, {
      cause: error,
      hint: "Look whether the disks of the database and of the backups have room and are well.",
      details: { sqliteCode: sqliteCodeOf(error) },
    });
  }
}

/** The order is what counts: first the data, durably, then the manifest. */
async function putInPlace({ folder, stored }: Draft, manifest: SnapshotManifest): Promise<void> {
  const dataPath = join(folder, dataFileNameOf(manifest));
  const manifestPath = join(folder, manifestFileNameOf(manifest));
  try {
    await rename(stored, dataPath);
    await syncFolder(folder);
    await writeFileDurably(manifestPath, formatManifest(manifest));
  } catch (error) {
    await rm(manifestPath, { force: true });
    await rm(dataPath, { force: true });
    throw error;
  }
}
