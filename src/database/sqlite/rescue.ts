import { renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { createFolderSync } from "../../core/durable-file.ts";
import { MusterError } from "../../core/errors.ts";
import type { SqliteConnection } from "./connection.ts";
import { classifySqliteError } from "./error-classification.ts";
import { toFileIdentity } from "./file-guard.ts";
import {
  putReplacementInPlace,
  quarantineFiles,
  replacementPathOf,
  syncPath,
  type ReplacementResult,
} from "./replacement.ts";

/**
 * Rescue of a database whose file was deleted or replaced under the running bot. An unlinked file lives on as long as
 * somebody has it open, and writes into it go on succeeding without a word; its last copy is the writer's open handle.
 * So before anything else the whole content is copied out of that handle, made durable and checked; then it replaces
 * whatever stands at the path, as `replacement.ts` describes.
 */

/**
 * SQLite reports a read that the disk refused (EIO) as SQLITE_CORRUPT, and a disk may recover: as long as the content
 * may still be there, its last copy is not given up before this many tries.
 */
const MAX_UNSOUND_TRIES = 12;

/**
 * Runs in the writer thread, with nothing else going on there, and closes the connection. Throws DATABASE_CORRUPT when the
 * content is not there any more (the file was emptied in place, or was not sound in any of the tries): then what is left
 * is moved aside and the connection is closed. On any other error, such as a full disk, or one that may pass, the
 * connection stays open, and it can be tried again. `tryNumber` counts from 1.
 */
export function rescueFromConnection(
  connection: SqliteConnection,
  path: string,
  quarantineFolder: string,
  tryNumber: number,
): ReplacementResult {
  const copy = replacementPathOf(path);
  const unfinished = `${path}.rescued.tmp`;
  try {
    rmSync(unfinished, { force: true });
    createFolderSync(dirname(path));
    connection.database.prepare("VACUUM INTO ?").run(unfinished);
    requireSound(unfinished);
    // VACUUM INTO does not sync what it writes.
    syncPath(unfinished);
    renameSync(unfinished, copy);
    syncPath(dirname(path));
  } catch (error) {
    const cause = classifySqliteError(error, "rescue the database");
    if (cause.code !== "DATABASE_CORRUPT") throw cause;
    if (tryNumber < MAX_UNSOUND_TRIES && !isEmptied(connection, path)) {
      throw new MusterError("DATABASE_IO", `rescue the database, try ${tryNumber}: ${cause.message}`, { cause });
    }
    quarantineFiles(path, quarantineFolder);
    connection.database.close();
    throw cause;
  }
  const result = putReplacementInPlace(path, quarantineFolder);
  // After the rename: SQLite sees that its file has moved, and leaves the new one's -wal alone.
  connection.database.close();
  return result;
}

/** Whether the very file that is open has no content any more. */
function isEmptied({ fileIdentity }: SqliteConnection, path: string): boolean {
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
  return facts !== undefined && toFileIdentity(facts) === fileIdentity && facts.size === 0n;
}

function requireSound(path: string): void {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const lines = database.pragma("quick_check(10)") as { quick_check: string }[];
    if (lines.length === 1 && lines[0]!.quick_check === "ok") return;
    const findings = lines.map((line) => line.quick_check).join("; ");
    throw new MusterError("DATABASE_CORRUPT", `rescue the database: its copy is not sound: ${findings}`);
  } finally {
    database.close();
  }
}
