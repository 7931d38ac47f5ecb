/**
 * The bytes of SQLite's write-ahead log, as https://sqlite.org/fileformat2.html#walformat describes them: a header of
 * 32 bytes, then frames, each a header of 24 bytes and one page. What belongs to the log is told by two things only: a
 * frame has the log's salts, and its checksum, which runs on from frame to frame since the header, is right. Whatever
 * stands behind the last such frame is the rest of an earlier life of the file.
 */

export const WAL_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 24;

/** The last bit says in which byte order the checksums are computed; everything is stored big-endian. */
const MAGIC_LITTLE_ENDIAN = 0x377f0682;
const MAGIC_BIG_ENDIAN = 0x377f0683;
const FORMAT_VERSION = 3_007_000;
/** Of the header, and of a frame's header: what comes before is in the checksum, what comes after is the checksum. */
const HEADER_CHECKED_BYTES = 24;
const FRAME_CHECKED_BYTES = 8;
const FRAME_SALTS_END = 16;

export interface WalHeader {
  readonly pageBytes: number;
  /** Counts the lives of the file: one more each time that it begins anew. */
  readonly checkpointSequence: number;
  /** Both salts, 16 hexadecimal digits: what tells one life of the file from all others. */
  readonly salts: string;
  readonly isLittleEndian: boolean;
  /** Of the header: where the checksums of the frames begin. */
  readonly checksum: string;
}

/** The end of a transaction in the log. */
export interface WalCommit {
  /** Bytes from the beginning of the file to the end of the commit's frame. */
  readonly offset: number;
  /** Size of the database after it, in pages. */
  readonly pageCount: number;
  /** The running checksum at its end, 16 hexadecimal digits: stands for everything before it. */
  readonly checksum: string;
}

export interface WalFrame {
  readonly pageNumber: number;
  /** Of the frame's header, from the beginning of the file. */
  readonly offset: number;
  readonly page: Buffer;
}

/** The header that a log begins with; undefined when there is none that is sound. */
export function parseWalHeader(content: Buffer): WalHeader | undefined {
  if (content.length < WAL_HEADER_BYTES) return undefined;
  const magic = content.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) return undefined;
  if (content.readUInt32BE(4) !== FORMAT_VERSION) return undefined;
  const isLittleEndian = magic === MAGIC_LITTLE_ENDIAN;
  const checksum = new RunningChecksum(isLittleEndian);
  checksum.add(content.subarray(0, HEADER_CHECKED_BYTES));
  if (!checksum.isStoredAt(content, HEADER_CHECKED_BYTES)) return undefined;
  return {
    pageBytes: content.readUInt32BE(8),
    checkpointSequence: content.readUInt32BE(12),
    salts: content.toString("hex", 16, 24),
    isLittleEndian,
    checksum: checksum.toString(),
  };
}

/**
 * Whether `next` is the life of the log that directly follows `previous`: SQLite counts the first salt up by one, which
 * all connections share. The checkpoint sequence each connection counts for itself, and one that was opened beside others
 * begins it at 1.
 */
export function isNextLife(
  previous: { readonly salts: string; readonly checkpointSequence: number },
  next: WalHeader,
): boolean {
  const expectedSalt = (Number.parseInt(previous.salts.slice(0, 8), 16) + 1) >>> 0;
  const expectedSequences = [(previous.checkpointSequence + 1) >>> 0, 1];
  return (
    Number.parseInt(next.salts.slice(0, 8), 16) === expectedSalt && expectedSequences.includes(next.checkpointSequence)
  );
}

/**
 * Reads a log frame by frame, in pieces as they come. It stops for good at the first frame that is not of this log, or
 * not whole: what comes behind it does not count, even when it looks sound.
 */
export class WalScanner {
  readonly #header: WalHeader;
  readonly #salts: Buffer;
  readonly #checksum: RunningChecksum;
  #offset: number;

  /** Begins behind the header, or behind a commit that has been read before. */
  constructor(header: WalHeader, after: { readonly offset: number; readonly checksum: string } = startOf(header)) {
    this.#header = header;
    this.#salts = Buffer.from(header.salts, "hex");
    this.#checksum = new RunningChecksum(header.isLittleEndian, after.checksum);
    this.#offset = after.offset;
  }

  /** Bytes of the file that were read and belong to the log, from its beginning. */
  get offset(): number {
    return this.#offset;
  }

  get frameBytes(): number {
    return FRAME_HEADER_BYTES + this.#header.pageBytes;
  }

  /**
   * Takes the bytes from `offset` on and returns the commits that end in them. What is left at the end and is no whole
   * frame is to be given again, with what follows it; that `offset` does not move is how the end of the log shows.
   */
  scan(content: Buffer, onFrame: (frame: WalFrame) => void = () => undefined): WalCommit[] {
    const commits: WalCommit[] = [];
    for (let start = 0; start + this.frameBytes <= content.length; start += this.frameBytes) {
      const frame = content.subarray(start, start + this.frameBytes);
      if (frame.compare(this.#salts, 0, 8, FRAME_CHECKED_BYTES, FRAME_SALTS_END) !== 0) break;
      const page = frame.subarray(FRAME_HEADER_BYTES);
      const before = this.#checksum.state;
      this.#checksum.add(frame.subarray(0, FRAME_CHECKED_BYTES));
      this.#checksum.add(page);
      if (!this.#checksum.isStoredAt(frame, FRAME_SALTS_END)) {
        this.#checksum.state = before;
        break;
      }
      onFrame({ pageNumber: frame.readUInt32BE(0), offset: this.#offset, page });
      this.#offset += this.frameBytes;
      const pageCount = frame.readUInt32BE(4);
      if (pageCount > 0) commits.push({ offset: this.#offset, pageCount, checksum: this.#checksum.toString() });
    }
    return commits;
  }
}

function startOf(header: WalHeader): { readonly offset: number; readonly checksum: string } {
  return { offset: WAL_HEADER_BYTES, checksum: header.checksum };
}

/** Two sums over 32-bit words, each added to the other: section 4.2 of the format. */
class RunningChecksum {
  readonly #isLittleEndian: boolean;
  #first = 0;
  #second = 0;

  constructor(isLittleEndian: boolean, start = "0000000000000000") {
    this.#isLittleEndian = isLittleEndian;
    this.state = [Number.parseInt(start.slice(0, 8), 16) | 0, Number.parseInt(start.slice(8), 16) | 0];
  }

  get state(): readonly [number, number] {
    return [this.#first, this.#second];
  }

  set state([first, second]: readonly [number, number]) {
    this.#first = first;
    this.#second = second;
  }

  /** The content is a whole number of pairs of words. */
  add(content: Buffer): void {
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    const isLittleEndian = this.#isLittleEndian;
    let first = this.#first;
    let second = this.#second;
    for (let at = 0; at < content.length; at += 8) {
      first = (first + view.getInt32(at, isLittleEndian) + second) | 0;
      second = (second + view.getInt32(at + 4, isLittleEndian) + first) | 0;
    }
    this.#first = first;
    this.#second = second;
  }

  isStoredAt(content: Buffer, offset: number): boolean {
    return content.readInt32BE(offset) === this.#first && content.readInt32BE(offset + 4) === this.#second;
  }

  toString(): string {
    return toHex(this.#first) + toHex(this.#second);
  }
}

function toHex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
