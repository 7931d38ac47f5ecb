import { readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../core/durable-file.ts";
import { MusterError } from "../../core/errors.ts";
import { formatSizeBytes } from "../../core/units.ts";
import {
  manifestFileNameOf,
  parseSnapshotFileName,
  snapshotFolderOf,
  type SnapshotManifest,
} from "./snapshot-manifest.ts";

/**
 * The files of a snapshot that is not, or no longer, there. While one is made its files have names that count for nothing
 * and carry the number of the process, `<id>.<process>.<what>.tmp`; a process that was killed leaves them behind.
 */

/** Longer than any job may take: what is older belongs to nobody, whatever process has the number now. */
const LEFTOVER_AGE_MS = 60 * 60_000;
/** For the manifest, the journal, and what else is written meanwhile. */
const RESERVE_BYTES = 16 * 1024 ** 2;

const TEMPORARY_NAME = /^[0-9a-f]{8}\.(\d+)\.(?:copy|stored|check)\.tmp(?:-wal|-shm|-journal)?$/;
/** As `writeFileDurably` names them. */
const TEMPORARY_MANIFEST_NAME = /\.json\.tmp-[0-9A-Z]{8}$/;

export function temporaryPath(folder: string, id: string, what: "copy" | "stored" | "check"): string {
  return join(folder, `${id}.${process.pid}.${what}.tmp`);
}

/** With what SQLite may have left beside it. What cannot be removed is a leftover, and must not hide why it is one. */
export async function removeTemporary(path: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm", "-journal"])
    await rm(path + suffix, { force: true }).catch(() => undefined);
}

/** The manifest first: a crash in between leaves a data file that counts for nothing. */
export async function removeSnapshotFiles(manifest: SnapshotManifest, dataPath: string): Promise<void> {
  const folder = join(dataPath, "..");
  await rm(join(folder, manifestFileNameOf(manifest)), { force: true });
  await syncFolder(folder);
  await rm(dataPath, { force: true });
}

/**
 * Removes what jobs that were killed left behind: temporary files whose process is gone, and data files that never got a
 * manifest. A data file beside a damaged manifest stays. Returns the names of what was removed.
 */
export async function cleanSnapshotLeftovers(backupFolder: string, now: number = Date.now()): Promise<string[]> {
  const folder = snapshotFolderOf(backupFolder);
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const removed: string[] = [];
  for (const file of files) {
    if (!(await isLeftover(folder, file, files, now))) continue;
    await rm(join(folder, file), { force: true });
    removed.push(file);
  }
  return removed;
}

async function isLeftover(folder: string, file: string, files: readonly string[], now: number): Promise<boolean> {
  const processId = TEMPORARY_NAME.exec(file)?.[1];
  if (processId !== undefined && !isProcessAlive(Number(processId))) return true;
  const snapshot = parseSnapshotFileName(file);
  const isOrphan = snapshot?.kind === "data" && !files.includes(`${snapshot.name}.json`);
  if (processId === undefined && !isOrphan && !TEMPORARY_MANIFEST_NAME.test(file)) return false;
  const facts = await stat(join(folder, file)).catch(() => undefined);
  // Its last change of any kind: a rename is one.
  return facts !== undefined && now - facts.ctimeMs > LEFTOVER_AGE_MS;
}

function isProcessAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

export async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** BACKUP_FAILED unless there is room. */
export function requireFreeBytes(freeBytes: number, neededBytes: number, folder: string): void {
  const wanted = neededBytes + RESERVE_BYTES;
  if (freeBytes >= wanted) return;
  const [needed, free] = [formatSizeBytes(wanted), formatSizeBytes(freeBytes)];
  throw new MusterError("BACKUP_FAILED", `find room in ${folder}: ${needed} are needed, ${free} are free`, {
    hint: "Free space on that disk, keep fewer backups (DB_MAX_BACKUPS), or give another folder (DB_BACKUP_DIR).",
    details: { neededBytes: wanted, freeBytes },
  });
}
