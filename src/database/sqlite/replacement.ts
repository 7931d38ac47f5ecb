import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { createFolderSync, FILE_MODE } from "../../core/durable-file.ts";
import { MusterError } from "../../core/errors.ts";
import { fingerprintOf } from "./archive-take-up.ts";

/**
 * How a database file is exchanged for another: the new one is made beside it under names of its own, and is complete
 * when it is called `<database>.replacement`; then whatever stands at the path is moved aside, and the replacement takes
 * its place. The order matters: until the last rename a crash leaves the complete replacement, which is taken up at the
 * next start, and what was moved aside is kept in any case. Nobody may have any of the files open.
 */

const REPLACEMENT_SUFFIX = ".replacement";
const OFFER_SUFFIX = ".offered";
const PREPARED_SUFFIX = ".prepared";
/** Says which file was put in place last, until the archive has begun anew with it. */
const MARK_SUFFIX = ".placed";
/** Why an archive begins anew after it. */
export const REPLACED = "the database was replaced by a restored one";
const COMPANIONS = ["", "-wal", "-shm"] as const;

export interface ReplacementResult {
  /** Where what stood at the path was put; undefined when there was nothing. */
  readonly quarantineFolder: string | undefined;
}

/** Of a complete file that is to take the database's place. */
export function replacementPathOf(databasePath: string): string {
  return databasePath + REPLACEMENT_SUFFIX;
}

/** Of a complete file that waits for somebody to decide whether it shall. */
export function offerPathOf(databasePath: string): string {
  return databasePath + OFFER_SUFFIX;
}

/** Of a complete file that a restore exchanges for the database at once, or that is of no use any more. */
export function preparedPathOf(databasePath: string): string {
  return databasePath + PREPARED_SUFFIX;
}

/**
 * A new folder for what is moved aside at this moment: `data/quarantine/2026-11-20T14-05-09-123Z`. It sorts behind those
 * that are there, also when the clock was set back since they were made.
 */
export function quarantineFolderAt(databasePath: string, at: number): string {
  const newest = listQuarantineFolders(databasePath).at(-1);
  const afterNewest = newest === undefined ? at : parseQuarantineName(basename(newest)) + 1;
  const name = new Date(Math.max(at, afterNewest)).toISOString().replace(/[:.]/g, "-");
  return join(quarantineOf(databasePath), name);
}

/** In the order in which they were made; none when there is no quarantine, or it cannot be read. */
export function listQuarantineFolders(databasePath: string): string[] {
  const quarantine = quarantineOf(databasePath);
  try {
    const names = readdirSync(quarantine).filter((name) => !Number.isNaN(parseQuarantineName(name)));
    return names.sort().map((name) => join(quarantine, name));
  } catch {
    // What is to be moved aside tells what is wrong with it.
    return [];
  }
}

function quarantineOf(databasePath: string): string {
  return join(dirname(databasePath), "quarantine");
}

/** Epoch milliseconds; NaN for a name of another kind. */
function parseQuarantineName(name: string): number {
  const [, date, hours, minutes, seconds, ms] = /^(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d)-(\d{3})Z$/.exec(name) ?? [];
  return Date.parse(`${date}${hours}:${minutes}:${seconds}.${ms}Z`);
}

/** Makes an offer the replacement, durably. Throws BACKUP_NOT_FOUND when nothing is offered. */
export function acceptOffer(databasePath: string): void {
  if (!existsSync(offerPathOf(databasePath))) {
    throw new MusterError("BACKUP_NOT_FOUND", "accept the restored database: none is offered", {
      hint: "Restore a backup first.",
    });
  }
  renameSync(offerPathOf(databasePath), replacementPathOf(databasePath));
  syncPath(dirname(databasePath));
}

/** Makes a prepared file the replacement, durably; an offer, which it goes before, is set aside. */
export function usePrepared(databasePath: string, quarantineFolder: string): { readonly hadOffer: boolean } {
  const offer = offerPathOf(databasePath);
  const hadOffer = existsSync(offer);
  if (hadOffer) {
    createFolderSync(quarantineFolder);
    syncPath(dirname(quarantineFolder));
    renameSync(offer, join(quarantineFolder, basename(offer)));
    syncPath(quarantineFolder);
  }
  renameSync(preparedPathOf(databasePath), replacementPathOf(databasePath));
  syncPath(dirname(databasePath));
  return { hadOffer };
}

/** A replacement that a crash left before it was in its place; undefined when there is none. */
export function takeUpReplacement(databasePath: string, quarantineFolder: string): ReplacementResult | undefined {
  if (!existsSync(replacementPathOf(databasePath))) return undefined;
  return putReplacementInPlace(databasePath, quarantineFolder);
}

export function putReplacementInPlace(databasePath: string, quarantineFolder: string): ReplacementResult {
  const quarantined = quarantineFiles(databasePath, quarantineFolder);
  // First, so that no crash leaves a restored database that looks like one which lost what was archived after it.
  writeFileSync(databasePath + MARK_SUFFIX, fingerprintOf(replacementPathOf(databasePath)) ?? "", {
    ...{ mode: FILE_MODE, flush: true },
  });
  // Its name, too: a power cut may take that, and leave the rename that came after it.
  syncPath(dirname(databasePath));
  renameSync(replacementPathOf(databasePath), databasePath);
  syncPath(dirname(databasePath));
  return { quarantineFolder: quarantined };
}

/** The file at the path was put there on purpose, whatever the archive says, and nothing was moved into it since. */
export function isPutInPlace(databasePath: string): boolean {
  const markPath = databasePath + MARK_SUFFIX;
  return existsSync(markPath) && readFileSync(markPath, "utf8") === fingerprintOf(databasePath);
}

/**
 * The archive has begun anew with the file: what it says of it counts again. Until the first checkpoint the file stays
 * what was put there, and a log that was lost would not be missed.
 */
export function forgetPlacement(databasePath: string): void {
  try {
    rmSync(databasePath + MARK_SUFFIX, { force: true });
  } catch {
    // The next start does not look closely: as it would have without.
  }
}

/** Moves a database with its companions aside: a -wal left behind would overlay the next file at the path. */
export function quarantineFiles(databasePath: string, quarantineFolder: string): string | undefined {
  const present = COMPANIONS.map((suffix) => databasePath + suffix).filter((file) => existsSync(file));
  if (present.length === 0) return undefined;
  createFolderSync(quarantineFolder);
  syncPath(dirname(quarantineFolder));
  // The database file last: as long as it stands there, an interrupted move is seen and done again.
  for (const file of present.reverse()) renameSync(file, join(quarantineFolder, basename(file)));
  syncPath(quarantineFolder);
  syncPath(dirname(databasePath));
  return quarantineFolder;
}

/** No connection has these files open, so opening and closing them here drops no lock. */
export function syncPath(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
