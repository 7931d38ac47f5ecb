import { readdirSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { encodeLine, splitLines } from "../../resilience/spool-line.ts";

/**
 * The archive of the write-ahead log, `backups/wal`: a folder for each generation, which is an unbroken run of
 * segments, and a segment is the bytes of one life of the `-wal` file, at the offsets that they have there. The index of
 * a generation says when each commit was made and where it ends, so that any instant can be restored. The writer thread
 * alone writes; everybody may read.
 */

export const ARCHIVE_FOLDER = "wal";
const INDEX_NAME = "index.ndjson";
const SEGMENT_DIGITS = 8;
/** Enough for some hundred lines: the last commit and the last mark are among them. */
export const INDEX_TAIL_BYTES = 64 * 1024;
const READ_BYTES = 1024 ** 2;

/** A line of the index. Times are epoch milliseconds on the writer's clock, and never go back from line to line. */
export type ArchiveLine =
  | {
      readonly kind: "segment";
      readonly segment: number;
      readonly salts: string;
      readonly checkpointSequence: number;
      readonly pageBytes: number;
      readonly at: number;
    }
  | ArchivedCommit
  /** All of the segment is in the database file, which was as the fingerprint says; what follows is another segment. */
  | { readonly kind: "settled"; readonly segment: number; readonly fingerprint: string; readonly at: number };

export interface ArchivedCommit {
  readonly kind: "commit";
  readonly segment: number;
  /** Bytes of the segment up to and including this commit. */
  readonly offset: number;
  readonly frameCount: number;
  /** Size of the database after it. */
  readonly pageCount: number;
  /** The log's running checksum, 16 hexadecimal digits. */
  readonly checksum: string;
  readonly at: number;
}

/** A place in the archive: everything up to it, and nothing behind it. */
export interface ArchivePosition {
  readonly generation: string;
  readonly segment: number;
  readonly offset: number;
}

export function encodeArchiveLine(line: ArchiveLine): Buffer {
  return encodeLine({ ...line });
}

export function indexPath(generationFolder: string): string {
  return join(generationFolder, INDEX_NAME);
}

/** The name of a segment while it is written; when it is closed it may get `.zst` and `.enc`. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(SEGMENT_DIGITS, "0")}.wal`;
}

/** What a file in a generation's folder is: the segment's number, and how it is stored. */
export function parseSegmentName(
  name: string,
): { readonly segment: number; readonly isCompressed: boolean; readonly isEncrypted: boolean } | undefined {
  const [, digits, compressed, encrypted] = /^(\d{8})\.wal(\.zst)?(\.enc)?$/.exec(name) ?? [];
  if (digits === undefined) return undefined;
  return { segment: Number(digits), isCompressed: compressed !== undefined, isEncrypted: encrypted !== undefined };
}

/** `20261120T140509123Z-1a2b3c4d`: sorts behind `previous`, also when the clock was set back since that began. */
export function generationName(at: number, id: string, previous: string | undefined): string {
  const name = `${new Date(at).toISOString().replace(/[-:.]/g, "")}-${id}`;
  if (previous === undefined || name > previous) return name;
  const [, date, time] = /^(\d{8})T(\d{9})Z/.exec(previous)!;
  const digits = `${date!.replace(/(....)(..)(..)/, "$1-$2-$3")}T${time!.replace(/(..)(..)(..)(...)/, "$1:$2:$3.$4")}Z`;
  return generationName(Date.parse(digits) + 1, id, undefined);
}

function isGenerationName(name: string): boolean {
  return /^\d{8}T\d{9}Z-[0-9a-z]+$/i.test(name);
}

/** Names of the generations in `backups/wal`, the oldest first; none when there is no archive. */
export async function listGenerations(archiveFolder: string): Promise<string[]> {
  return selectGenerations(await readdir(archiveFolder).catch(emptyWhenMissing));
}

export function listGenerationsSync(archiveFolder: string): string[] {
  try {
    return selectGenerations(readdirSync(archiveFolder));
  } catch (error) {
    return emptyWhenMissing(error);
  }
}

function selectGenerations(names: readonly string[]): string[] {
  return names.filter(isGenerationName).sort();
}

function emptyWhenMissing(error: unknown): string[] {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
  throw error;
}

/** Where the archive ends at this moment; undefined while it holds nothing. */
export async function readArchiveEnd(archiveFolder: string): Promise<ArchivePosition | undefined> {
  const generation = (await listGenerations(archiveFolder)).at(-1);
  if (generation === undefined) return undefined;
  const file = await open(indexPath(join(archiveFolder, generation)), "r").catch(undefinedWhenMissing);
  if (!file) return { generation, segment: 0, offset: 0 };
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - INDEX_TAIL_BYTES);
    const content = Buffer.alloc(size - start);
    await file.read(content, 0, content.length, start);
    const lines = parseTail(content);
    const commit = lines.findLast((line) => line.kind === "commit");
    return { generation, segment: commit?.segment ?? 0, offset: commit?.offset ?? 0 };
  } finally {
    await file.close();
  }
}

function undefinedWhenMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
}

/** The sound lines in the last bytes of an index; its first may be cut, and is left out then. */
export function parseTail(content: Buffer): ArchiveLine[] {
  return splitLines(content).sound.map(({ record }) => record as ArchiveLine);
}

export interface IndexReading {
  /** Lines that are not what was written. */
  readonly damagedLineCount: number;
  /** Bytes of an unfinished last line. */
  readonly tornBytes: number;
}

/** Calls back with each sound line in order, without holding them all. */
export async function readArchiveIndex(
  generationFolder: string,
  onLine: (line: ArchiveLine) => void,
): Promise<IndexReading> {
  const file = await open(indexPath(generationFolder), "r");
  const content = Buffer.alloc(READ_BYTES);
  let rest = Buffer.alloc(0);
  let damagedLineCount = 0;
  const take = (text: Buffer): void => {
    const { sound, damaged } = splitLines(text);
    damagedLineCount += damaged.length;
    for (const { record } of sound) onLine(record as ArchiveLine);
  };
  try {
    for (;;) {
      const { bytesRead } = await file.read(content, 0, content.length);
      if (bytesRead === 0) break;
      const text = Buffer.concat([rest, content.subarray(0, bytesRead)]);
      const end = text.lastIndexOf("\n") + 1;
      take(text.subarray(0, end));
      rest = text.subarray(end);
    }
  } finally {
    await file.close();
  }
  return { damagedLineCount, tornBytes: rest.length };
}
