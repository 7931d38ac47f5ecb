import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { writeFileDurably } from "../../core/durable-file.ts";

/**
 * A checksum for each page of the database, as the archive saw it last. SQLite has none: its own check finds a flipped
 * bit only where it breaks a structure. The table is kept beside the segments that it was made from, `pages.crc`, and
 * made anew whenever it is missing or is not what was written.
 */

const TABLE_NAME = "pages.crc";
const MAGIC = 0x4d50_5431;
const HEAD_WORDS = 5;
const WORD_BYTES = 4;
/** Not seen so far: a page that nothing was ever written to. */
const UNKNOWN = 0;
const MIN_CAPACITY = 1_024;

/** Of the first page: the change counter and the schema's, which copying a database counts up. */
const OWN_OF_A_COPY = [
  [24, 28],
  [40, 44],
  [92, 100],
] as const;

/** The page without what a copy of the database has of its own. */
export function neutralise(number: number, page: Buffer): Buffer {
  if (number !== 1) return page;
  const copy = Buffer.from(page);
  for (const [from, to] of OWN_OF_A_COPY) copy.fill(0, from, to);
  return copy;
}

/** CRC-32 of a page: finds every single flipped bit, and every damage of up to 32 bits in a row. Never 0. */
export function proofOf(number: number, page: Buffer): number {
  return crc32(neutralise(number, page)) || 1;
}

export class PageTable {
  readonly pageBytes: number;
  /** The segment after which the pages were so: everything up to its end is in the table. */
  segment: number;
  #proofs: Uint32Array<ArrayBuffer>;
  #pageCount = 0;

  constructor(pageBytes: number, segment: number, proofs = new Uint32Array(MIN_CAPACITY), pageCount = 0) {
    this.pageBytes = pageBytes;
    this.segment = segment;
    this.#proofs = proofs;
    this.#pageCount = pageCount;
  }

  /** Pages of the database; those that were never written to have no proof. */
  get pageCount(): number {
    return this.#pageCount;
  }

  /** Undefined when nothing is known of the page. */
  get(number: number): number | undefined {
    return this.#proofs[number - 1] || undefined;
  }

  set(number: number, proof: number): void {
    if (number > this.#proofs.length) {
      const larger = new Uint32Array(Math.max(number, this.#proofs.length * 2));
      larger.set(this.#proofs);
      this.#proofs = larger;
    }
    this.#proofs[number - 1] = proof;
    if (number > this.#pageCount) this.#pageCount = number;
  }

  /** The database has so many pages now: what was behind them counts no more. */
  resize(pageCount: number): void {
    this.#proofs.fill(UNKNOWN, pageCount);
    this.#pageCount = pageCount;
  }

  async save(generationFolder: string): Promise<void> {
    const words = new Uint32Array(HEAD_WORDS + this.#pageCount);
    words.set([MAGIC, this.pageBytes, this.segment, this.#pageCount]);
    words.set(this.#proofs.subarray(0, Math.min(this.#pageCount, this.#proofs.length)), HEAD_WORDS);
    words[HEAD_WORDS - 1] = checksumOf(words);
    await writeFileDurably(join(generationFolder, TABLE_NAME), new Uint8Array(words.buffer));
  }

  /** Undefined when there is none, or it is not what was saved. */
  static async load(generationFolder: string): Promise<PageTable | undefined> {
    const content = await readFile(join(generationFolder, TABLE_NAME)).catch(() => undefined);
    if (!content || content.length < HEAD_WORDS * WORD_BYTES || content.length % WORD_BYTES !== 0) return undefined;
    const words = new Uint32Array(content.length / WORD_BYTES);
    new Uint8Array(words.buffer).set(content);
    const [magic, pageBytes, segment, pageCount, checksum] = words;
    if (magic !== MAGIC || words.length !== HEAD_WORDS + pageCount! || checksum !== checksumOf(words)) return undefined;
    return new PageTable(pageBytes!, segment!, words.slice(HEAD_WORDS), pageCount);
  }
}

/** Of everything but the checksum itself. */
function checksumOf(words: Uint32Array): number {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const before = crc32(bytes.subarray(0, (HEAD_WORDS - 1) * WORD_BYTES));
  return crc32(bytes.subarray(HEAD_WORDS * WORD_BYTES), before);
}
