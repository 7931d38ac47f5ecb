import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../core/clock.ts";
import { readLines } from "../../resilience/spool-reader.ts";
import { WAL_HEADER_BYTES } from "../sqlite/wal-format.ts";
import {
  indexPath,
  listGenerations,
  parseSegmentName,
  type ArchivedCommit,
  type ArchiveLine,
} from "./archive-index.ts";

/**
 * What the archive holds, as far as its indexes and the names of its files tell: whether a segment is what its index says
 * shows only when it is read. An index may have a million lines, so it is gone through once, line by line, and what is
 * asked for (the last commit at or before certain moments) is picked up on the way.
 */

/** A file that holds a segment; a crash may have left two of the same one, and each is as good as the other. */
export interface SegmentFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly isCompressed: boolean;
  readonly isEncrypted: boolean;
}

/** A commit where something ends. */
export type CommitPlace = Pick<ArchivedCommit, "offset" | "pageCount" | "checksum" | "at">;

export interface ArchivedSegment {
  readonly number: number;
  /** Both salts of its life of the log; undefined when the line that says so is damaged. */
  readonly salts: string | undefined;
  readonly pageBytes: number | undefined;
  /** Time of its first commit. */
  readonly firstAt: number | undefined;
  /** Its last commit in the index; undefined when there is none. */
  readonly end: CommitPlace | undefined;
  /** All of it was in the database file, and the next segment follows it. */
  readonly isSettled: boolean;
  readonly files: readonly SegmentFile[];
  /** Why nothing behind `end` can be had, although it was archived: found out by reading it. */
  readonly damage?: string;
}

/** Lines of an index that are not what was written, in one place. */
export interface IndexDamage {
  readonly lineCount: number;
  /** Times of the commits around it. */
  readonly after: number | undefined;
  readonly before: number | undefined;
}

export interface FoundCommit extends ArchivedCommit {
  /** Lines that follow it are damaged: it may not be the last one of its moment. */
  readonly isUncertain: boolean;
}

export interface ArchivedGeneration {
  readonly name: string;
  /** Time of its first line; undefined when it has none. */
  readonly beganAt: number | undefined;
  /** By number, without holes: one that the index does not know has no end. */
  readonly segments: readonly ArchivedSegment[];
  readonly indexDamage: readonly IndexDamage[];
  readonly commitCount: number;
  /** For each moment asked for: the last commit at or before it. */
  readonly commits: ReadonlyMap<number, FoundCommit>;
}

/** All generations, the oldest first; none when there is no archive. */
export async function readArchive(archiveFolder: string, moments: readonly number[]): Promise<ArchivedGeneration[]> {
  const generations: ArchivedGeneration[] = [];
  for (const name of await listGenerations(archiveFolder)) {
    generations.push(await readGeneration(archiveFolder, name, moments));
  }
  return generations;
}

export async function readGeneration(
  archiveFolder: string,
  name: string,
  moments: readonly number[],
): Promise<ArchivedGeneration> {
  const folder = join(archiveFolder, name);
  const reader = new IndexReader(moments);
  await readIndex(folder, (line) => (line ? reader.take(line) : reader.takeDamage()));
  const files = await listSegmentFiles(folder);
  return { name, ...reader.finish(files) };
}

/** The last commit of a segment that ends within so many bytes of it, or undefined. */
export async function findCommitWithin(
  generationFolder: string,
  segment: number,
  soundBytes: number,
): Promise<ArchivedCommit | undefined> {
  let found: ArchivedCommit | undefined;
  await readIndex(generationFolder, (line) => {
    if (line?.kind === "commit" && line.segment === segment && line.offset <= soundBytes) found = line;
  });
  return found;
}

/** By segment's number, the encoded form first: it is the smaller one. */
export async function listSegmentFiles(generationFolder: string): Promise<Map<number, SegmentFile[]>> {
  const files = new Map<number, SegmentFile[]>();
  for (const name of (await readdir(generationFolder)).sort().reverse()) {
    const parsed = parseSegmentName(name);
    if (!parsed) continue;
    const facts = await stat(join(generationFolder, name)).catch(() => undefined);
    // Removed since the folder was listed: sealed or pruned.
    if (!facts) continue;
    const { segment, isCompressed, isEncrypted } = parsed;
    const list = files.get(segment) ?? [];
    list.push({ name, sizeBytes: facts.size, isCompressed, isEncrypted });
    files.set(segment, list);
  }
  return files;
}

/** Calls back with undefined for a line that is damaged. An unfinished one at the end was never written. */
async function readIndex(folder: string, onLine: (line: ArchiveLine | undefined) => void): Promise<void> {
  try {
    await readLines(indexPath(folder), systemClock, (found) => {
      if (found.kind === "sound") onLine(found.record as ArchiveLine);
      else if (found.kind === "damaged") onLine(undefined);
    });
  } catch (error) {
    // A generation without an index: nobody knows what its segments are.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

type SegmentDraft = { -readonly [Member in keyof Omit<ArchivedSegment, "files" | "damage">]: ArchivedSegment[Member] };

class IndexReader {
  readonly #moments: readonly number[];
  #nextMoment = 0;
  readonly #commits = new Map<number, FoundCommit>();
  readonly #segments = new Map<number, SegmentDraft>();
  readonly #damage: { lineCount: number; after: number | undefined; before: number | undefined }[] = [];
  #commitCount = 0;
  #beganAt: number | undefined;
  /** The furthest so far. */
  #last: ArchivedCommit | undefined;
  #isDamagedSinceLast = false;

  constructor(moments: readonly number[]) {
    this.#moments = [...new Set(moments)].sort((a, b) => a - b);
  }

  take(line: ArchiveLine): void {
    this.#beganAt ??= line.at;
    const segment = this.#segmentOf(line.segment);
    if (line.kind === "segment") this.#begin(segment, line);
    else if (line.kind === "settled") segment.isSettled = true;
    else this.#takeCommit(segment, line);
  }

  takeDamage(): void {
    const last = this.#damage.at(-1);
    if (this.#isDamagedSinceLast && last) last.lineCount++;
    else this.#damage.push({ lineCount: 1, after: this.#last?.at, before: undefined });
    this.#isDamagedSinceLast = true;
  }

  finish(files: ReadonlyMap<number, readonly SegmentFile[]>): Omit<ArchivedGeneration, "name"> {
    this.#closeMomentsBefore(Infinity);
    const numbers = [...this.#segments.keys(), ...files.keys()];
    const first = numbers.reduce((least, number) => Math.min(least, number), Infinity);
    const last = numbers.reduce((most, number) => Math.max(most, number), -Infinity);
    const segments: ArchivedSegment[] = [];
    for (let number = first; number <= last; number++) {
      segments.push({ ...this.#segmentOf(number), files: files.get(number) ?? [] });
    }
    return {
      ...{ beganAt: this.#beganAt, indexDamage: this.#damage, commitCount: this.#commitCount },
      ...{ segments, commits: this.#commits },
    };
  }

  #segmentOf(number: number): SegmentDraft {
    let segment = this.#segments.get(number);
    if (!segment) {
      const nothing = { salts: undefined, pageBytes: undefined, firstAt: undefined, end: undefined };
      segment = { number, ...nothing, isSettled: false };
      this.#segments.set(number, segment);
    }
    return segment;
  }

  #begin(segment: SegmentDraft, { salts, pageBytes }: Extract<ArchiveLine, { kind: "segment" }>): void {
    // Begun once more after a failure, with another life of the log: what was noted of it before does not count.
    if (segment.salts !== undefined && segment.salts !== salts) segment.end = segment.firstAt = undefined;
    Object.assign(segment, { salts, pageBytes, isSettled: false });
  }

  #takeCommit(segment: SegmentDraft, commit: ArchivedCommit): void {
    this.#closeMomentsBefore(commit.at);
    const { offset, pageCount, checksum, at } = commit;
    segment.firstAt ??= at;
    segment.isSettled = false;
    // One that was noted again after a failure does not undo those that follow it.
    if (offset >= (segment.end?.offset ?? WAL_HEADER_BYTES)) segment.end = { offset, pageCount, checksum, at };
    if (!this.#last || isBehind(commit, this.#last)) this.#last = commit;
    if (this.#isDamagedSinceLast) this.#damage.at(-1)!.before = at;
    this.#isDamagedSinceLast = false;
    this.#commitCount++;
  }

  #closeMomentsBefore(at: number): void {
    for (; this.#nextMoment < this.#moments.length && this.#moments[this.#nextMoment]! < at; this.#nextMoment++) {
      if (!this.#last) continue;
      this.#commits.set(this.#moments[this.#nextMoment]!, { ...this.#last, isUncertain: this.#isDamagedSinceLast });
    }
  }
}

function isBehind(commit: ArchivedCommit, other: ArchivedCommit): boolean {
  return commit.segment > other.segment || (commit.segment === other.segment && commit.offset >= other.offset);
}
