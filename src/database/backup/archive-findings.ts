import { statSync } from "node:fs";
import { join } from "node:path";
import { fingerprintOf, readArchiveTail } from "../sqlite/archive-take-up.ts";
import { isPutInPlace } from "../sqlite/replacement.ts";
import { ARCHIVE_FOLDER } from "./archive-index.ts";
import type { ArchiveFindings } from "./inspect-archive.ts";

/** What holding a database against its archive means for people, and when it needs not be done. */

/** Nobody waits for a larger one to be compared, before it is opened or restored: a gigabyte takes some ten seconds. */
export const COMPARE_LIMIT_BYTES = 32 * 1024 ** 2;

/** Closed with everything archived and untouched since, or put there by a restore. Known at the cost of a `stat`. */
export function isAsItWasLeft(databasePath: string, backupFolder: string): boolean {
  try {
    return isProvedAsLeft(databasePath, backupFolder);
  } catch {
    // A disk that does not answer proves nothing; a closer look is taken, and repeated.
    return false;
  }
}

function isProvedAsLeft(databasePath: string, backupFolder: string): boolean {
  if (isPutInPlace(databasePath)) return true;
  const tail = readArchiveTail(join(backupFolder, ARCHIVE_FOLDER));
  // Whoever only reads leaves an empty one.
  const logBytes = statSync(`${databasePath}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (tail?.fingerprint === undefined || logBytes > 0) return false;
  return tail.fingerprint === fingerprintOf(databasePath);
}

/** Why the database is known to have lost what it had acknowledged; undefined when it has not. */
export function describeLoss({ chain, differingPageCount = 0, isEarlierState }: ArchiveFindings): string | undefined {
  if (chain === "behind") return "its log is an earlier one than what was archived: changes are missing in it";
  if (chain === "complete" && differingPageCount > 0) {
    return `${differingPageCount} of its pages are not what was written to them`;
  }
  return chain === "interrupted" && isEarlierState
    ? "its log is gone: changes that were archived are missing in it"
    : undefined;
}

/** What people have to know of the database, although nothing is known to be lost; undefined when there is nothing. */
export function describeChange({
  chain,
  isChangedSince,
  differingPageCount,
  uncomparable,
  lostFrameCount,
}: ArchiveFindings): string | undefined {
  if (lostFrameCount > 0)
    return `the database's log was damaged, and ${lostFrameCount} pages at its end cannot be read: the last changes may be missing`;
  if (chain === "none")
    return "there is no archive of the database's log: whether the last changes are missing cannot be told. If it was off until now, that is in order";
  if (differingPageCount === 0) return undefined;
  if (uncomparable !== undefined && chain === "complete")
    return `the database could not be held against its backups, which cannot be read as they should: ${uncomparable}`;
  if (isChangedSince)
    return "something else has changed the database since it was closed; if that was nobody's intention, restore the newest backup";
  return chain === "interrupted"
    ? "the database is not as it was archived last; if that was nobody's intention, restore the newest backup"
    : undefined;
}
