import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import { createDamage } from "./backup-errors.ts";
import {
  dataFileNameOf,
  manifestFileNameOf,
  parseManifest,
  parseSnapshotFileName,
  snapshotFolderOf,
  type SnapshotManifest,
} from "./snapshot-manifest.ts";
import { sortNewestFirst } from "./state-age.ts";

export interface Snapshot {
  readonly manifest: SnapshotManifest;
  readonly dataPath: string;
}

/** Something in the folder that looks like a snapshot and cannot be used as one. */
export interface CatalogueProblem {
  readonly id: string;
  readonly file: string;
  /** `unreadable`: the disk, or a right that is missing, keeps it from being known; it may be as good as any other. */
  readonly kind: "manifest-damaged" | "data-missing" | "data-size" | "data-without-manifest" | "unreadable";
  readonly message: string;
}

export interface SnapshotCatalogue {
  /** Those that can be used, the newest first. Whether each counts as verified is in its manifest. */
  readonly snapshots: readonly Snapshot[];
  readonly problems: readonly CatalogueProblem[];
}

/** Looks at manifests and sizes, not into the data. A folder that does not exist yet is empty. */
export async function listSnapshots(backupFolder: string): Promise<SnapshotCatalogue> {
  const folder = snapshotFolderOf(backupFolder);
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw new MusterError("BACKUP_FAILED", `list the backups: ${error.message}`, { cause: error });
  });
  const snapshots: Snapshot[] = [];
  const problems: CatalogueProblem[] = [];
  for (const file of files.sort()) {
    const entry = parseSnapshotFileName(file);
    if (entry?.kind === "data" && !files.includes(`${entry.name}.json`)) {
      problems.push(createProblem(entry.id, file, "data-without-manifest", "it has no manifest, so it does not count"));
    } else if (entry?.kind === "manifest") {
      const found = await inspectSnapshot(folder, file, entry.id);
      if ("kind" in found) problems.push(found);
      else snapshots.push(found);
    }
  }
  return { snapshots: sortSnapshots(snapshots), problems };
}

/** Throws BACKUP_NOT_FOUND, or BACKUP_DAMAGED when there is one that cannot be used. */
export async function getSnapshot(backupFolder: string, id: string): Promise<Snapshot> {
  const { snapshots, problems } = await listSnapshots(backupFolder);
  const snapshot = snapshots.find(({ manifest }) => manifest.id === id);
  if (snapshot) return snapshot;
  const problem = problems.find((candidate) => candidate.id === id);
  if (problem) {
    throw createDamage(`find the backup ${id}: ${problem.message}`);
  }
  throw new MusterError("BACKUP_NOT_FOUND", `find the backup ${id}: there is none in ${backupFolder}`, {
    hint: "List the backups, and look whether this is the folder meant.",
  });
}

/** Every snapshot is verified when it is made; one that was found to be damaged since does not count. */
export function isVerified({ damage }: SnapshotManifest): boolean {
  return damage === null;
}

async function inspectSnapshot(folder: string, file: string, id: string): Promise<Snapshot | CatalogueProblem> {
  let manifest: SnapshotManifest;
  try {
    manifest = parseManifest(await readFile(join(folder, file), "utf8"), file);
  } catch (error) {
    const { message } = toError(error);
    if (isMusterError(error)) return createProblem(id, file, "manifest-damaged", message);
    return createProblem(id, file, "unreadable", `it cannot be read now: ${message}`);
  }
  if (manifestFileNameOf(manifest) !== file) {
    return createProblem(id, file, "manifest-damaged", `it is the manifest of another snapshot, ${manifest.id}`);
  }
  const dataFile = dataFileNameOf(manifest);
  const dataPath = join(folder, dataFile);
  try {
    const { size } = await stat(dataPath);
    if (size === manifest.storedBytes) return { manifest, dataPath };
    const message = `its data file has ${size} bytes, and ${manifest.storedBytes} were stored`;
    return createProblem(id, dataFile, "data-size", message);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return createProblem(id, dataFile, "data-missing", `its data file ${dataFile} is missing`);
    return createProblem(id, dataFile, "unreadable", `its data file cannot be read now: ${message}`);
  }
}

function createProblem(id: string, file: string, kind: CatalogueProblem["kind"], message: string): CatalogueProblem {
  return { id, file, kind, message };
}

function sortSnapshots(snapshots: readonly Snapshot[]): Snapshot[] {
  const byId = [...snapshots].sort(({ manifest: a }, { manifest: b }) => (a.id < b.id ? 1 : -1));
  return sortNewestFirst(byId.map((snapshot) => ({ ...snapshot.manifest, snapshot }))).map(({ snapshot }) => snapshot);
}
