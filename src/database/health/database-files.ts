import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

/** What the database takes of its disk; bytes. */
export interface DatabaseFilesSize {
  readonly databaseBytes: number;
  readonly walBytes: number;
  readonly diskFreeBytes: number;
  readonly diskTotalBytes: number;
}

/** Looks without opening anything: in this process, closing a handle on the database would drop its locks. */
export async function measureDatabaseFiles(path: string): Promise<DatabaseFilesSize> {
  const [databaseBytes, walBytes, disk] = await Promise.all([
    sizeOf(path),
    sizeOf(`${path}-wal`),
    statfs(dirname(path)),
  ]);
  return {
    databaseBytes,
    walBytes,
    // What this program may use: a part of it may be kept for the system.
    diskFreeBytes: disk.bavail * disk.bsize,
    diskTotalBytes: disk.blocks * disk.bsize,
  };
}

/** 0 for what is not there. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}
