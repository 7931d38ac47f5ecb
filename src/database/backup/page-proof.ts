import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isMusterError, MusterError } from "../../core/errors.ts";
import { scanSegment, type SegmentSpan } from "./apply-segments.ts";
import type { ArchivedGeneration, ArchivedSegment } from "./archive-catalogue.ts";
import { ARCHIVE_FOLDER } from "./archive-index.ts";
import type { BackupKey } from "./encryption.ts";
import { PageTable, proofOf } from "./page-table.ts";
import type { ArchiveRun, SnapshotFact } from "./restore-facts.ts";
import { planRestore } from "./restore-plan.ts";
import { readRestoreFacts } from "./restore-sources.ts";
import { getSnapshot } from "./snapshot-catalogue.ts";
import { readStoredFile } from "./stored-file.ts";

/**
 * What each page of the database has to be, by the archive: as it was at the end of all segments but the last (they are
 * in the database file, or the last could not have begun), and every version that the last one holds. Nobody pays for it
 * while writing; whoever asks reads a snapshot once, and then only what was archived since.
 */

const MAX_READINGS = 3;
const READING_PAUSE_MS = 1_000;

export interface PageProofSource {
  readonly backupFolder: string;
  readonly key: BackupKey | undefined;
}

export interface PageProof {
  /** What it was read from. */
  readonly origin: ProofOrigin;
  readonly table: PageTable;
  /** Of the last segment: its versions of each page, the newest at the end. Empty when all of it is in the file. */
  readonly versions: ReadonlyMap<number, readonly number[]>;
  /** Pages of the database after the last commit. */
  readonly pageCount: number;
  /** The last segment is the one that the snapshot was made in: what its pages were before that is not known. */
  readonly isBaseUncertain: boolean;
  /** How far the last segment was read. */
  readonly end: { readonly salts: string | undefined; readonly offset: number };
}

/** Throws BACKUP_NOT_FOUND or BACKUP_DAMAGED with what the archive lacks, and BACKUP_KEY_WRONG. */
export async function readPageProof(source: PageProofSource): Promise<PageProof> {
  const origin = await findOrigin(source);
  const { snapshot, run, generation } = origin;
  const folder = join(source.backupFolder, ARCHIVE_FOLDER, run.generation);
  const last = run.segments.at(-1)!;
  const isSettled = last.isSettled && last.number === generation.segments.at(-1)!.number;
  const settled = isSettled ? run.segments : run.segments.slice(0, -1);
  const settledNumber = isSettled ? last.number : last.number - 1;
  const known = await loadTable(folder, {
    ...{ from: run.from.segment - 1, to: settledNumber },
    pageBytes: snapshot.pageSize,
  });
  const table = known ?? (await readSnapshot(source, snapshot, run));
  const before = table.segment;
  for (const segment of settled) {
    if (segment.number <= table.segment) continue;
    // Also what came before the snapshot: of each page the last version in the segment counts.
    await scan(source, run, segment, snapshot.pageSize, ({ pageNumber, page }) =>
      table.set(pageNumber, proofOf(pageNumber, page)),
    );
    table.resize(segment.end!.pageCount);
    table.segment = segment.number;
  }
  if (table.segment !== before) await table.save(folder);

  const versions = new Map<number, number[]>();
  if (!isSettled) {
    await scan(source, run, last, snapshot.pageSize, ({ pageNumber, page }) => {
      const proof = proofOf(pageNumber, page);
      const known = versions.get(pageNumber);
      if (known) known.push(proof);
      else versions.set(pageNumber, [proof]);
    });
  }
  return {
    ...{ origin, table, versions, pageCount: last.end!.pageCount },
    // The snapshot's pages stand for the end of the segment before.
    isBaseUncertain: !known && !isSettled && run.from.segment === last.number,
    end: { salts: last.salts, offset: last.end!.offset },
  };
}

export interface ProofOrigin {
  readonly snapshot: SnapshotFact;
  readonly run: ArchiveRun;
  readonly generation: ArchivedGeneration;
}

/** A segment begins a moment before the index tells of its first commit: what is incomplete is looked at again. */
async function findOrigin(source: Pick<PageProofSource, "backupFolder">): Promise<ProofOrigin> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOrigin(source);
    } catch (error) {
      if (!isMusterError(error, "BACKUP_DAMAGED") || attempt === MAX_READINGS) throw error;
    }
    await pause(READING_PAUSE_MS);
  }
}

/** The snapshot and the segments that make the newest state; the archive has to reach the end of what was written. */
async function readOrigin({ backupFolder }: Pick<PageProofSource, "backupFolder">): Promise<ProofOrigin> {
  const facts = await readRestoreFacts(backupFolder, { kind: "newest" });
  const { route, warnings } = planRestore(facts, { kind: "newest" });
  const newest = facts.generations.at(-1);
  const [warning] = warnings;
  if (warning !== undefined) throw new MusterError("BACKUP_DAMAGED", `prove the pages: ${warning}`);
  if (!newest || route.archive?.generation !== newest.name) {
    throw new MusterError("BACKUP_NOT_FOUND", "prove the pages: no snapshot leads to the archive's newest part yet");
  }
  return { snapshot: route.snapshot, run: route.archive, generation: newest };
}

/** One that was made before is good when the segments that it lacks are all there. */
async function loadTable(
  folder: string,
  wanted: { readonly from: number; readonly to: number; readonly pageBytes: number },
): Promise<PageTable | undefined> {
  const table = await PageTable.load(folder);
  if (!table || table.pageBytes !== wanted.pageBytes) return undefined;
  return table.segment >= wanted.from && table.segment <= wanted.to ? table : undefined;
}

async function readSnapshot(source: PageProofSource, snapshot: SnapshotFact, { from }: ArchiveRun): Promise<PageTable> {
  const table = new PageTable(snapshot.pageSize, from.segment - 1);
  let number = 0;
  for await (const page of readSnapshotPages(source, snapshot)) table.set(++number, proofOf(number, page));
  return table;
}

/** The pages of a snapshot in their order, each a part of what was read: to be copied by whoever keeps it. */
export async function* readSnapshotPages(
  { backupFolder, key }: PageProofSource,
  { id, pageSize }: SnapshotFact,
): AsyncGenerator<Buffer> {
  const { manifest, dataPath } = await getSnapshot(backupFolder, id);
  const { compression, encryption } = manifest;
  yield* inPages(readStoredFile(dataPath, { compression, isEncrypted: encryption !== null, key }), pageSize);
}

/** Whole pages; what is left at the end and is none is left out. */
async function* inPages(parts: AsyncIterable<Buffer>, pageBytes: number): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const part of parts) {
    pending = pending.length === 0 ? part : Buffer.concat([pending, part]);
    let start = 0;
    for (; start + pageBytes <= pending.length; start += pageBytes) yield pending.subarray(start, start + pageBytes);
    pending = pending.subarray(start);
  }
}

/** Calls back with the frames of a segment that a run has use for. Throws BACKUP_DAMAGED. */
export async function scan(
  { backupFolder, key }: PageProofSource,
  { generation }: ArchiveRun,
  segment: ArchivedSegment,
  pageBytes: number,
  onFrame: (frame: { readonly pageNumber: number; readonly page: Buffer }) => void,
): Promise<void> {
  const { name, isCompressed, isEncrypted } = segment.files[0]!;
  const path = join(backupFolder, ARCHIVE_FOLDER, generation, name);
  const span: SegmentSpan = { salts: segment.salts, pageBytes, from: 0, to: segment.end! };
  const parts = readStoredFile(path, { compression: isCompressed ? "zstd" : "none", isEncrypted, key });
  const damage = await scanSegment(parts, span, onFrame);
  if (damage) {
    throw new MusterError("BACKUP_DAMAGED", `prove the pages: segment ${segment.number} (${name}): ${damage.reason}`);
  }
}
