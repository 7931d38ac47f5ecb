import Database from "better-sqlite3";
import { MusterError } from "../../core/errors.ts";
import { classifySqliteError } from "../sqlite/error-classification.ts";
import type { ReportProgress } from "./maintenance-progress.ts";

/**
 * Gives the space of deleted rows back to the disk. It is one ordinary transaction in the log, which goes to the archive
 * like any other, so no moment of the past is lost by it. Readers go on meanwhile; writes find the database locked, and wait
 * or are queued: 4 s for the 90 MB that remained of 360 (measured, on a busy machine). The log, and with it the archive,
 * grows by as much as remains.
 */

export interface VacuumJob {
  readonly kind: "vacuum";
  readonly path: string;
  /** With a smaller share of unused pages it is not worth the while. */
  readonly minFreeShare: number;
}

export interface VacuumResult {
  /** False: too little would have come of it. */
  readonly isDone: boolean;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly durationMs: number;
}

const BUSY_TIMEOUT_MS = 5_000;

/** Throws DATABASE_BUSY, DATABASE_FULL, ...: then nothing has changed. */
export function vacuum({ path, minFreeShare }: VacuumJob, report: ReportProgress): VacuumResult {
  const startedAt = performance.now();
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
    // A checkpoint of this connection would move frames that the archive has not seen.
    database.pragma("wal_autocheckpoint = 0");
    if (database.pragma("wal_autocheckpoint", { simple: true }) !== 0) {
      throw new MusterError("INTERNAL", "clean up the database: checkpoints cannot be turned off");
    }
    database.pragma("synchronous = FULL");
    const bytesBefore = measure(database, "page_count");
    const isDone = measure(database, "freelist_count") >= bytesBefore * minFreeShare;
    if (isDone) {
      report({ step: "vacuum" });
      database.exec("VACUUM");
    }
    const bytesAfter = measure(database, "page_count");
    return { isDone, bytesBefore, bytesAfter, durationMs: Math.round(performance.now() - startedAt) };
  } catch (error) {
    throw classifySqliteError(error, "clean up the database");
  } finally {
    database?.close();
  }
}

function measure(database: Database.Database, pages: "page_count" | "freelist_count"): number {
  const [count, size] = [pages, "page_size"].map((name) => database.pragma(name, { simple: true }) as number);
  return count! * size!;
}
