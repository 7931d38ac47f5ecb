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
  // One after another: a disk that hangs is to hold one of the pool's threads, not three.
  const databaseBytes = await sizeOf(path);
  const walBytes = await sizeOf(`${path}-wal`);
  const disk = await statfs(dirname(path));
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
