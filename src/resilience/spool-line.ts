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

export interface SplitLines {
  /** The record of each sound line, with the line as it is, without its newline. */
  readonly sound: readonly { readonly record: unknown; readonly line: Buffer }[];
  /** Lines that a newline ends and whose content is not what was written. */
  readonly damaged: readonly Buffer[];
  /** Bytes at the end that are the beginning of a line: the process ended, or the disk filled, while it was written. */
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
  const sound: { record: unknown; line: Buffer }[] = [];
  const damaged: Buffer[] = [];
  let start = 0;
  for (let end = content.indexOf(NEWLINE); end !== -1; end = content.indexOf(NEWLINE, start)) {
    const line = content.subarray(start, end);
    const record = decodeLine(line);
    if (record === undefined) damaged.push(line);
    else sound.push({ record, line });
    start = end + 1;
  }
  const rest = content.subarray(start);
  const last = decodeUnterminated(rest);
  if (last) sound.push(last);
  return { sound, damaged, tornBytes: last ? 0 : rest.length };
}

/** A last line of which only the newline is missing, or has become another byte, is whole. */
function decodeUnterminated(rest: Buffer): { record: unknown; line: Buffer } | undefined {
  for (const line of [rest, rest.subarray(0, -1)]) {
    const record = decodeLine(line);
    if (record !== undefined) return { record, line };
  }
  return undefined;
}

function checksumOf(body: Uint8Array): string {
  return crc32(body).toString(16).padStart(CHECKSUM_LENGTH, "0");
}
