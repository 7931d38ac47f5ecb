import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { toError } from "../../core/errors.ts";
import { replacementPathOf } from "../sqlite/replacement.ts";
import { listGenerations, ARCHIVE_FOLDER } from "./archive-index.ts";
import { listSnapshots, type SnapshotCatalogue } from "./snapshot-catalogue.ts";

/**
 * What a start without a database means. An empty database is made only where there are no signs that there ever was
 * one: a bot that begins anew without a word looks as if it worked, and has forgotten everything.
 */

export interface StartFacts {
  /** A file of 0 bytes whose log holds nothing is as good as none. */
  readonly database: "present" | "empty" | "missing";
  /** A restored database that a crash kept from its place: the writer puts it there. */
  readonly hasReplacement: boolean;
  readonly snapshotCount: number;
  readonly generationCount: number;
  /** Why it cannot be told what backups there are: their disk does not answer, or does not let us in. */
  readonly unreadable: readonly string[];
  /** What else tells of a database before this start: paths. */
  readonly traces: readonly string[];
}

export type StartDecision =
  | { readonly kind: "open" }
  /** Nothing was here: a new database is made. */
  | { readonly kind: "first-run" }
  /** The backups may bring it back. */
  | { readonly kind: "restore"; readonly found: string }
  /** There was one, or may have been, and nothing that can be read here brings it back. */
  | { readonly kind: "missing"; readonly found: string; readonly areBackupsUnreadable: boolean };

export interface StartPlaces {
  readonly databasePath: string;
  readonly backupFolder: string;
  /** Whether this data folder's lock was there before this start made it. */
  readonly hadLock: boolean;
}

export function decideStart({
  database,
  hasReplacement,
  snapshotCount,
  generationCount,
  unreadable,
  traces,
}: StartFacts): StartDecision {
  if (database === "present" || hasReplacement) return { kind: "open" };
  const archive = generationCount === 0 ? [] : ["an archive of its log"];
  const what = database === "empty" ? "the database file is empty" : "there is no database file";
  // An empty database made now would be the newest state as soon as they can be read again, and in time the only one.
  if (unreadable.length > 0) {
    const found = `${what}, and the backups cannot be read: ${unreadable.join("; ")}`;
    return { kind: "missing", found, areBackupsUnreadable: true };
  }
  if (snapshotCount > 0) {
    const found = [`${snapshotCount} backups`, ...archive].join(" and ");
    return { kind: "restore", found: `${what}, but there are ${found}` };
  }
  const signs = [...archive, ...traces];
  if (signs.length === 0) return { kind: "first-run" };
  const found = `${what}, and there was one before: ${signs.join(", ")}`;
  return { kind: "missing", found, areBackupsUnreadable: false };
}

export async function readStartFacts({ databasePath, backupFolder, hadLock }: StartPlaces): Promise<StartFacts> {
  const folder = dirname(databasePath);
  const [snapshots, generations] = await Promise.allSettled([
    listSnapshots(backupFolder),
    listGenerations(join(backupFolder, ARCHIVE_FOLDER)),
  ]);
  const { snapshots: found, problems } = snapshots.status === "fulfilled" ? snapshots.value : NO_SNAPSHOTS;
  return {
    database: await readDatabaseState(databasePath),
    hasReplacement: (await lookAt(replacementPathOf(databasePath))) !== "missing",
    snapshotCount: found.length,
    generationCount: generations.status === "fulfilled" ? generations.value.length : 0,
    unreadable: [snapshots, generations].flatMap((outcome) =>
      outcome.status === "rejected" ? [toError(outcome.reason).message] : [],
    ),
    traces: [
      ...(hadLock ? [join(folder, "muster.lock")] : []),
      ...(await listTraces(databasePath)),
      ...problems.map(({ file }) => join(backupFolder, "snapshots", file)),
    ],
  };
}

const NO_SNAPSHOTS: SnapshotCatalogue = { snapshots: [], problems: [] };

/** What only a bot that had a database leaves beside it. */
async function listTraces(databasePath: string): Promise<string[]> {
  const folder = dirname(databasePath);
  const spool = join(folder, "spool");
  const isAway = async (path: string): Promise<boolean> => (await lookAt(path)) === "missing";
  const traces: string[] = [];
  for (const name of ["audit-fallback.ndjson", "quarantine", `${basename(databasePath)}.offered`]) {
    if (!(await isAway(join(folder, name)))) traces.push(join(folder, name));
  }
  // What cannot be read may hold what was acknowledged.
  const names = await readdir(spool).catch((error: unknown) => (isMissing(error) ? [] : [""]));
  for (const name of names) if ((await lookAt(join(spool, name))) === "present") traces.push(join(spool, name));
  return traces;
}

/** Whatever its log has: SQLite deletes that when the file is empty. */
export const readDatabaseState = (databasePath: string): Promise<StartFacts["database"]> => lookAt(databasePath);

/** A disk that does not answer has not lost what is on it: only what is certainly not there is missing. */
async function lookAt(path: string): Promise<StartFacts["database"]> {
  try {
    return (await stat(path)).size > 0 ? "present" : "empty";
  } catch (error) {
    return isMissing(error) ? "missing" : "present";
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}
