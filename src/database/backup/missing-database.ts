import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { replacementPathOf } from "../sqlite/replacement.ts";
import { listGenerations, ARCHIVE_FOLDER } from "./archive-index.ts";
import { listSnapshots } from "./snapshot-catalogue.ts";

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
  /** What else tells of a database before this start: paths. */
  readonly traces: readonly string[];
}

export type StartDecision =
  | { readonly kind: "open" }
  /** Nothing was here: a new database is made. */
  | { readonly kind: "first-run" }
  /** The backups may bring it back. */
  | { readonly kind: "restore"; readonly found: string }
  /** There was one, and nothing here brings it back. */
  | { readonly kind: "missing"; readonly found: string };

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
  traces,
}: StartFacts): StartDecision {
  if (database === "present" || hasReplacement) return { kind: "open" };
  const archive = generationCount === 0 ? [] : ["an archive of its log"];
  const what = database === "empty" ? "the database file is empty" : "there is no database file";
  if (snapshotCount > 0) {
    const found = [`${snapshotCount} backups`, ...archive].join(" and ");
    return { kind: "restore", found: `${what}, but there are ${found}` };
  }
  const signs = [...archive, ...traces];
  if (signs.length === 0) return { kind: "first-run" };
  return { kind: "missing", found: `${what}, and there was one before: ${signs.join(", ")}` };
}

export async function readStartFacts({ databasePath, backupFolder, hadLock }: StartPlaces): Promise<StartFacts> {
  const folder = dirname(databasePath);
  const spool = await readdir(join(folder, "spool")).catch((): string[] => []);
  const places = ["audit-fallback.ndjson", "quarantine", `${basename(databasePath)}.offered`];
  const traces = hadLock ? [join(folder, "muster.lock")] : [];
  for (const place of places) if ((await sizeOf(join(folder, place))) !== undefined) traces.push(join(folder, place));
  for (const name of spool)
    if (((await sizeOf(join(folder, "spool", name))) ?? 0) > 0) traces.push(join(folder, "spool", name));
  const { snapshots, problems } = await listSnapshots(backupFolder).catch(() => ({ snapshots: [], problems: [] }));
  const generations = await listGenerations(join(backupFolder, ARCHIVE_FOLDER)).catch((): string[] => []);
  return {
    database: await readDatabaseState(databasePath),
    hasReplacement: (await sizeOf(replacementPathOf(databasePath))) !== undefined,
    snapshotCount: snapshots.length,
    generationCount: generations.length,
    traces: [...traces, ...problems.map(({ file }) => join(backupFolder, "snapshots", file))],
  };
}

/** The log may hold all of a database whose file is still empty. */
export async function readDatabaseState(databasePath: string): Promise<StartFacts["database"]> {
  const sizeBytes = await sizeOf(databasePath);
  if (sizeBytes === undefined) return "missing";
  return sizeBytes > 0 || ((await sizeOf(`${databasePath}-wal`)) ?? 0) > 0 ? "present" : "empty";
}

async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
