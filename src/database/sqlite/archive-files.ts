import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { createFolderSync, FILE_MODE } from "../../core/durable-file.ts";
import { MusterError } from "../../core/errors.ts";
import {
  encodeArchiveLine,
  indexPath,
  parseSegmentName,
  segmentName,
  type ArchiveLine,
} from "../backup/archive-index.ts";
import type { ArchiveTail } from "./archive-take-up.ts";
import { syncPath } from "./replacement.ts";
import { WAL_HEADER_BYTES } from "./wal-format.ts";

const COPY_BYTES = 4 * 1024 ** 2;
/** A sync of more could take longer than a thread may be silent. */
const SYNC_BYTES = 16 * 1024 ** 2;
const TRIM_FROM_BYTES = 16 * 1024 ** 2;

/**
 * The two files that the archive writes: the segment of the log's present life, and the index of its generation. Both
 * are written at places that are kept here, so whatever a write that failed has left behind, the next one replaces.
 */
export class ArchiveFiles {
  readonly #folder: string;
  /** Taken when there is something to copy: an archive is also opened only to be looked at. */
  #buffer: Buffer | undefined;
  #generation: string | undefined;
  #segment: number | undefined;
  #segmentPath = "";
  #index: number | undefined;
  #indexBytes = 0;
  #trimFromBytes: number;

  /** `trimFromBytes`: size of the index from which on it is worth being made shorter. Default 16 MB, some 100,000 commits. */
  constructor(folder: string, trimFromBytes: number = TRIM_FROM_BYTES) {
    this.#folder = folder;
    this.#trimFromBytes = trimFromBytes;
  }

  /** Goes on where the tail ends. */
  takeUp({ generation, segment, indexBytes }: ArchiveTail): void {
    this.close();
    const folder = join(this.#folder, generation);
    try {
      this.#index = openSync(indexPath(folder), "r+");
      ftruncateSync(this.#index, indexBytes);
      this.#indexBytes = indexBytes;
      this.#openSegment(join(folder, segmentName(segment)), "r+");
      this.#generation = generation;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** What is written now would go to files that nobody finds any more. */
  get isGone(): boolean {
    if (this.#generation === undefined) return false;
    const index = indexPath(join(this.#folder, this.#generation));
    return !isSameFile(index, this.#index) || !isSameFile(this.#segmentPath, this.#segment);
  }

  /** The line is of the segment that begins. */
  beginSegment(generation: string, line: Extract<ArchiveLine, { kind: "segment" }>): void {
    const folder = join(this.#folder, generation);
    if (generation !== this.#generation) {
      this.close();
      this.#generation = generation;
      createFolderSync(folder);
      this.#index = openSync(indexPath(folder), "w", FILE_MODE);
      this.#indexBytes = 0;
      syncPath(this.#folder);
    }
    if (this.#indexBytes > this.#trimFromBytes) this.#trimIndex(folder);
    this.#openSegment(join(folder, segmentName(line.segment)), "w");
    syncPath(folder);
    this.appendLines([line]);
  }

  /**
   * Copies bytes of the log to the same place in the segment, durably; the header comes with the first of them.
   * `onProgress` is called after each portion of some megabytes.
   */
  copyToSegment(log: number, from: number, to: number, onProgress: () => void): void {
    const segment = this.#segment!;
    const buffer = (this.#buffer ??= Buffer.allocUnsafeSlow(COPY_BYTES));
    let unsyncedBytes = 0;
    for (let at = from === WAL_HEADER_BYTES ? 0 : from; at < to;) {
      const byteCount = readSync(log, buffer, 0, Math.min(COPY_BYTES, to - at), at);
      if (byteCount === 0) {
        throw new MusterError("DATABASE_IO", "archive the log: it is shorter than it was a moment ago");
      }
      writeWhole(segment, buffer.subarray(0, byteCount), at);
      at += byteCount;
      unsyncedBytes += byteCount;
      if (unsyncedBytes >= SYNC_BYTES) {
        fdatasyncSync(segment);
        unsyncedBytes = 0;
      }
      onProgress();
    }
    // Before the index tells of it: a line whose bytes a power cut took would hide that they are missing.
    fdatasyncSync(segment);
  }

  /** Durable with the next `sync`. */
  appendLines(lines: readonly ArchiveLine[]): void {
    const content = Buffer.concat(lines.map(encodeArchiveLine));
    writeWhole(this.#index!, content, this.#indexBytes);
    this.#indexBytes += content.length;
  }

  sync(): void {
    if (this.#index !== undefined) fdatasyncSync(this.#index);
  }

  /** Removes a generation that holds nothing yet. */
  discardGeneration(): void {
    const generation = this.#generation;
    this.close();
    if (generation === undefined) return;
    try {
      rmSync(join(this.#folder, generation), { recursive: true, force: true });
    } catch {
      // An empty one more is no harm: no snapshot begins with it.
    }
  }

  close(): void {
    this.#closeSegment();
    if (this.#index !== undefined) closeSync(this.#index);
    this.#index = undefined;
    this.#generation = undefined;
  }

  /** Leaves out the lines of segments that were pruned: nothing else ever makes the index of a generation shorter. */
  #trimIndex(folder: string): void {
    const numbers = readdirSync(folder).flatMap((name) => parseSegmentName(name)?.segment ?? []);
    const first = Math.min(...numbers);
    const path = indexPath(folder);
    const kept = readFileSync(path, "latin1")
      .slice(0, this.#indexBytes)
      .split("\n")
      .filter((line) => Number(/"segment":(\d+)/.exec(line)?.[1] ?? -1) >= first)
      .map((line) => `${line}\n`)
      .join("");
    const temporary = `${path}.tmp`;
    const handle = openSync(temporary, "w+", FILE_MODE);
    try {
      writeFileSync(handle, kept, { encoding: "latin1", flush: true });
      renameSync(temporary, path);
    } catch (error) {
      closeSync(handle);
      throw error;
    }
    closeSync(this.#index!);
    this.#index = handle;
    this.#indexBytes = kept.length;
    syncPath(folder);
    this.#trimFromBytes = Math.max(this.#trimFromBytes, 2 * kept.length);
  }

  /** The former one stays open when this one cannot be opened: the next try then finds the archive as it was. */
  #openSegment(path: string, flags: "r+" | "w"): void {
    const segment = openSync(path, flags, FILE_MODE);
    this.#closeSegment();
    this.#segment = segment;
    this.#segmentPath = path;
  }

  #closeSegment(): void {
    if (this.#segment !== undefined) closeSync(this.#segment);
    this.#segment = undefined;
  }
}

function isSameFile(path: string, handle: number | undefined): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found || handle === undefined) return false;
  const { dev, ino } = fstatSync(handle);
  return found.dev === dev && found.ino === ino;
}

function writeWhole(handle: number, content: Buffer, position: number): void {
  for (let done = 0; done < content.length;)
    done += writeSync(handle, content, done, content.length - done, position + done);
}
