import { writevSync } from "node:fs";
import { isMusterError } from "../../core/errors.ts";
import {
  parseWalHeader,
  WAL_HEADER_BYTES,
  WalScanner,
  type WalCommit,
  type WalFrame,
  type WalHeader,
} from "../sqlite/wal-format.ts";

/**
 * Puts the frames of archived segments into a database file. A frame counts only when its salts and its checksum are
 * right, and the checksum stands for every byte of the segment before it; so at the commit where it ends there is the very
 * content that was archived, or it is said that there is not.
 */

/** SQLite never stores anything in the page at this place: locks are taken on its bytes. */
export const LOCK_BYTE = 2 ** 30;
/** https://sqlite.org/limits.html: the largest page number. */
const MAX_PAGE_NUMBER = 0xff_ff_ff_fe;

export interface SegmentSpan {
  /** Which life of the log it has to be; undefined = not known. */
  readonly salts: string | undefined;
  readonly pageBytes: number;
  /** Frames behind it are applied, those before it only checked. */
  readonly from: number;
  /** The commit where it ends. */
  readonly to: Pick<WalCommit, "offset" | "checksum">;
}

/** `soundBytes`: up to there it is a segment, and the right one. */
export interface SegmentDamage {
  readonly kind: "damaged";
  readonly reason: string;
  readonly soundBytes: number;
}

export type SegmentOutcome = { readonly kind: "applied"; readonly frameCount: number } | SegmentDamage;

interface SegmentReading {
  readonly header: WalHeader | undefined;
  readonly lastCommit: WalCommit | undefined;
  /** Whole sound frames, from the beginning. */
  readonly soundBytes: number;
  /** Why there was no more to read, when that was not the end. */
  readonly failure: string | undefined;
}

/** The last whole commit of a segment, which may be behind what its index knows. */
export async function findSegmentEnd(parts: AsyncIterable<Buffer>): Promise<WalCommit | undefined> {
  const { lastCommit } = await readSegment(parts, Infinity, () => undefined);
  return lastCommit;
}

/**
 * Writes the pages of a segment into the open file, but none behind `pageCount`: the database ends there. Damage is an
 * outcome, after which the file holds nothing that can be used; throws when the file cannot be written, and
 * BACKUP_KEY_WRONG.
 */
export async function applySegment(
  parts: AsyncIterable<Buffer>,
  span: SegmentSpan,
  target: { readonly handle: number; readonly pageCount: number },
): Promise<SegmentOutcome> {
  const writer = new PageWriter(target.handle, span.pageBytes);
  let frameCount = 0;
  const damage = await scanSegment(flushingAfterEach(parts, writer), span, (frame) => {
    if (frame.offset < span.from) return;
    frameCount++;
    if (frame.pageNumber <= target.pageCount) writer.write(frame);
  });
  return damage ?? { kind: "applied", frameCount };
}

/**
 * Calls back with each frame up to the segment's end. Undefined when they are what was archived; when they are not,
 * nothing that was called back with counts. Throws BACKUP_KEY_WRONG.
 */
export async function scanSegment(
  parts: AsyncIterable<Buffer>,
  span: SegmentSpan,
  onFrame: (frame: WalFrame) => void,
): Promise<SegmentDamage | undefined> {
  let badPage = 0;
  const reading = await readSegment(parts, span.to.offset, (frame) => {
    if (frame.pageNumber < 1 || frame.pageNumber > MAX_PAGE_NUMBER) badPage = frame.offset;
    if (badPage === 0) onFrame(frame);
  });
  const reason = findDamage(reading, span) ?? (badPage > 0 ? "it has a page of an impossible number" : undefined);
  if (reason === undefined) return undefined;
  // Where the checksum is another one, all before it may be another segment's.
  const isRightOne =
    reading.header !== undefined && isOfSpan(reading.header, span) && reading.lastCommit?.offset !== span.to.offset;
  return { kind: "damaged", reason, soundBytes: badPage || (isRightOne ? reading.soundBytes : 0) };
}

function findDamage(
  { header, lastCommit, soundBytes, failure }: SegmentReading,
  span: SegmentSpan,
): string | undefined {
  if (!header) return failure ?? "it does not begin like a log";
  if (!isOfSpan(header, span)) return "it is another segment than its index says";
  if (lastCommit?.offset === span.to.offset) {
    return lastCommit.checksum === span.to.checksum ? undefined : "it is not what its index says was archived";
  }
  return failure ?? `it is sound up to byte ${soundBytes}, and ${span.to.offset} were archived`;
}

function isOfSpan(header: WalHeader, { salts, pageBytes }: SegmentSpan): boolean {
  return header.pageBytes === pageBytes && (salts === undefined || header.salts === salts);
}

/** Reads up to `limit`, or to where the segment ends or is not sound any more. What could not be decoded ends it too. */
async function readSegment(
  parts: AsyncIterable<Buffer>,
  limit: number,
  onFrame: (frame: WalFrame) => void,
): Promise<SegmentReading> {
  let scanner: WalScanner | undefined;
  let header: WalHeader | undefined;
  let lastCommit: WalCommit | undefined;
  let failure: string | undefined;
  let pending: Buffer = Buffer.alloc(0);
  try {
    for await (const part of parts) {
      pending = pending.length === 0 ? part : Buffer.concat([pending, part]);
      if (!scanner) {
        if (pending.length < WAL_HEADER_BYTES) continue;
        header = parseWalHeader(pending);
        if (!header) break;
        scanner = new WalScanner(header);
        pending = pending.subarray(WAL_HEADER_BYTES);
      }
      const { offset, frameBytes } = scanner;
      const wholeBytes = Math.min(limit - offset, pending.length - (pending.length % frameBytes));
      lastCommit = scanner.scan(pending.subarray(0, wholeBytes), onFrame).at(-1) ?? lastCommit;
      if (scanner.offset - offset < wholeBytes || scanner.offset >= limit) break;
      pending = pending.subarray(wholeBytes);
    }
  } catch (error) {
    if (!isMusterError(error, "BACKUP_DAMAGED")) throw error;
    failure = error.message;
  }
  return { header, lastCommit, soundBytes: scanner?.offset ?? 0, failure };
}

/** The pages are parts of what was read, so they are written before more is. */
async function* flushingAfterEach(parts: AsyncIterable<Buffer>, writer: PageWriter): AsyncGenerator<Buffer> {
  try {
    for await (const part of parts) {
      yield part;
      writer.flush();
    }
  } finally {
    writer.flush();
  }
}

/** Writes pages that follow each other at once. */
class PageWriter {
  readonly #handle: number;
  readonly #pageBytes: number;
  readonly #lockPage: number;
  #pages: Buffer[] = [];
  #firstNumber = 0;

  constructor(handle: number, pageBytes: number) {
    this.#handle = handle;
    this.#pageBytes = pageBytes;
    this.#lockPage = LOCK_BYTE / pageBytes + 1;
  }

  write({ pageNumber, page }: WalFrame): void {
    if (pageNumber === this.#lockPage) return;
    if (pageNumber !== this.#firstNumber + this.#pages.length) {
      this.flush();
      this.#firstNumber = pageNumber;
    }
    this.#pages.push(page);
  }

  flush(): void {
    if (this.#pages.length === 0) return;
    const position = (this.#firstNumber - 1) * this.#pageBytes;
    writeAll(this.#handle, this.#pages, position);
    this.#firstNumber += this.#pages.length;
    this.#pages = [];
  }
}

/** The operating system takes so many parts at once. */
const MAX_PARTS = 1_024;

function writeAll(handle: number, parts: readonly Buffer[], position: number): void {
  for (let first = 0; first < parts.length; first += MAX_PARTS) {
    const group = parts.slice(first, first + MAX_PARTS);
    const wantedBytes = group.reduce((sum, { length }) => sum + length, 0);
    const writtenBytes = writevSync(handle, group, position);
    // A full disk takes less than it was given, and says why only when it is asked for the rest.
    if (writtenBytes < wantedBytes) {
      const rest = Buffer.concat(group).subarray(writtenBytes);
      writeAll(handle, [rest], position + writtenBytes);
    }
    position += wantedBytes;
  }
}
