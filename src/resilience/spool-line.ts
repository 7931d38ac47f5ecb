import { crc32 } from "node:zlib";

/**
 * What a line of a spool file looks like: `{"crc32":"1a2b3c4d",` and then the members of the record, so that each line
 * is JSON of its own and its checksum covers every byte behind it. CRC-32, because lines are guarded against disks and
 * torn writes, not against people: it finds every damage of up to 32 bits in a row, and misses other damage once in
 * four thousand million lines, at a fraction of a cryptographic hash's cost and length.
 */

const NEWLINE = 0x0a;
const PREFIX = '{"crc32":"';
const CHECKSUM_LENGTH = 8;
const BODY_START = PREFIX.length + CHECKSUM_LENGTH + '",'.length;

/** More than any record has; what is longer is damage, and is not held in memory. */
export const MAX_LINE_BYTES = 2 * 1024 ** 2;

export interface SoundLine {
  readonly record: unknown;
  /** As it is, without its newline. */
  readonly line: Buffer;
}

export type FoundLine =
  | ({ readonly kind: "sound" } & SoundLine)
  /** A newline ends it, and its content is not what was written. One that is too long comes without its content. */
  | { readonly kind: "damaged"; readonly line: Buffer; readonly isOverlong: boolean }
  /** The beginning of a line, at the end: the process ended, or the disk filled, while it was written. */
  | { readonly kind: "torn"; readonly sizeBytes: number };

export interface SplitLines {
  readonly sound: readonly SoundLine[];
  readonly damaged: readonly Buffer[];
  readonly tornBytes: number;
}

/** The line for a record with at least one member, newline included. */
export function encodeLine(record: Readonly<Record<string, unknown>>): Buffer {
  const body = Buffer.from(`${JSON.stringify(record).slice(1)}\n`);
  return Buffer.concat([Buffer.from(`${PREFIX}${checksumOf(body.subarray(0, -1))}",`), body]);
}

/** The record of a line without its newline; undefined when the line is damaged. */
export function decodeLine(line: Buffer): unknown {
  const body = line.subarray(BODY_START);
  const expectedStart = `${PREFIX}${checksumOf(body)}",`;
  if (body.length === 0 || line.toString("latin1", 0, BODY_START) !== expectedStart) return undefined;
  return JSON.parse(line.toString("utf8")) as unknown;
}

/** Takes a file's content apart; nothing in it is lost, whatever it is. */
export function splitLines(content: Buffer): SplitLines {
  const splitter = new LineSplitter();
  const sound: SoundLine[] = [];
  const damaged: Buffer[] = [];
  let tornBytes = 0;
  for (const found of [...splitter.push(content), ...splitter.end()]) {
    if (found.kind === "sound") sound.push(found);
    else if (found.kind === "damaged") damaged.push(found.line);
    else tornBytes = found.sizeBytes;
  }
  return { sound, damaged, tornBytes };
}

/** Takes a file apart that comes in pieces, line by line, so that whoever asks can pause between two of them. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of a line that is longer than any that was ever written, and of which nothing is kept. */
  #overlongBytes = 0;

  *push(chunk: Buffer): Generator<FoundLine> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      yield this.#finishLine(chunk.subarray(start, end));
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
  }

  /** The line at the end that no newline ends, if there is one. */
  *end(): Generator<FoundLine> {
    const rest = this.#rest;
    const sizeBytes = rest.length + this.#overlongBytes;
    if (sizeBytes === 0) return;
    const last = this.#overlongBytes > 0 ? undefined : decodeUnterminated(rest);
    yield last ? { kind: "sound", ...last } : { kind: "torn", sizeBytes };
  }

  #finishLine(end: Buffer): FoundLine {
    this.#keep(end);
    const line = this.#rest;
    const isOverlong = this.#overlongBytes > 0;
    this.#rest = Buffer.alloc(0);
    this.#overlongBytes = 0;
    if (isOverlong) return { kind: "damaged", line: Buffer.alloc(0), isOverlong };
    const record = decodeLine(line);
    return record === undefined ? { kind: "damaged", line, isOverlong } : { kind: "sound", record, line };
  }

  #keep(bytes: Buffer): void {
    if (this.#overlongBytes === 0 && this.#rest.length + bytes.length <= MAX_LINE_BYTES) {
      this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
      return;
    }
    this.#overlongBytes += this.#rest.length + bytes.length;
    this.#rest = Buffer.alloc(0);
  }
}

/** A last line of which only the newline is missing, or has become another byte, is whole. */
function decodeUnterminated(rest: Buffer): SoundLine | undefined {
  for (const line of [rest, rest.subarray(0, -1)]) {
    const record = decodeLine(line);
    if (record !== undefined) return { record, line };
  }
  return undefined;
}

function checksumOf(body: Uint8Array): string {
  return crc32(body).toString(16).padStart(CHECKSUM_LENGTH, "0");
}
