import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { pipeline, type Duplex } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { FILE_MODE } from "../../core/durable-file.ts";
import { isMusterError, toError, type MusterError } from "../../core/errors.ts";
import { createDamage, toReadError, toWriteError } from "./backup-errors.ts";
import { decrypt, encrypt, type BackupKey } from "./encryption.ts";

/**
 * Files as backups keep them: compressed, encrypted, both or neither, always in that order, because encrypted bytes
 * cannot be compressed. Everything flows in parts, so a file of any size needs a few megabytes of memory.
 */

export type Compression = "none" | "zstd";

export interface StoredForm {
  readonly compression: Compression;
  readonly isEncrypted: boolean;
}

/** What went through: the content, and what stands for it on the disk. */
export interface StoredFacts {
  readonly contentBytes: number;
  readonly contentSha256: string;
  readonly storedBytes: number;
  readonly storedSha256: string;
}

/** Called with the bytes of the file read so far. */
export type OnBytes = (bytes: number) => void;

export interface EncodeOptions {
  readonly compression: Compression;
  /** Encrypts. */
  readonly key?: BackupKey | undefined;
  readonly onBytes?: OnBytes;
}

export interface DecodeOptions extends StoredForm {
  readonly key: BackupKey | undefined;
  readonly onBytes?: OnBytes;
  /** Where the content goes, a file that does not exist; to nothing without it. */
  readonly target?: string;
  /** What it has to be: BACKUP_DAMAGED otherwise. */
  readonly expected?: Partial<StoredFacts>;
}

/**
 * The lowest usual one. Measured on a database of 200 MB like the bot's: level 1 leaves 59.1 MB for 0.7 s of processor
 * time, level 3 (zstd's default) 56.7 MB for 1.5 s, level 9 50.9 MB for 5.4 s.
 */
export const ZSTD_LEVEL = 1;
const PART_BYTES = 256 * 1024;

/** Suffixes of a file's name that say its form: `.zst.enc`. */
export function suffixOf({ compression, isEncrypted }: StoredForm): string {
  return `${compression === "zstd" ? ".zst" : ""}${isEncrypted ? ".enc" : ""}`;
}

/** Writes `target`, a new file, durably (its folder entry aside); on any failure it is not there. Throws BACKUP_FAILED. */
export async function encodeFile(source: string, target: string, options: EncodeOptions): Promise<StoredFacts> {
  const content = new Measure(options.onBytes);
  const stored = new Measure();
  try {
    let parts = content.watch(readParts(source));
    if (options.compression === "zstd") parts = transform(parts, createCompressor());
    if (options.key) parts = encrypt(parts, options.key);
    await writeParts(target, stored.watch(parts));
  } catch (error) {
    throw toWriteError(error, `store ${target}`);
  }
  return toFacts(content, stored);
}

/**
 * Reads a stored file to its end, as a check or into `target`, durably (its folder entry aside); on any failure the
 * target is not there. Throws BACKUP_DAMAGED, BACKUP_KEY_WRONG, or BACKUP_FAILED when the target cannot be written.
 */
export async function decodeFile(source: string, options: DecodeOptions): Promise<StoredFacts> {
  const content = new Measure();
  const stored = new Measure(options.onBytes);
  const decoded = content.watch(decodeParts(stored.watch(readParts(source)), options, source));
  const parts = thenCheck(decoded, () => requireFacts(toFacts(content, stored), options.expected, source));
  if (options.target === undefined) {
    for await (const _part of parts);
  } else {
    try {
      await writeParts(options.target, parts);
    } catch (error) {
      throw toWriteError(error, `unpack ${source} into ${options.target}`);
    }
  }
  return toFacts(content, stored);
}

/** The content of a stored file in parts, none of which is certain before the last: throws as `decodeFile`. */
export function readStoredFile(
  source: string,
  form: StoredForm & { readonly key: BackupKey | undefined },
): AsyncGenerator<Buffer> {
  return decodeParts(readParts(source), form, source);
}

/** Counts and hashes what flows through. */
class Measure {
  bytes = 0;
  readonly #hash: Hash = createHash("sha256");
  readonly #onBytes: OnBytes | undefined;
  #sha256: string | undefined;

  constructor(onBytes?: OnBytes) {
    this.#onBytes = onBytes;
  }

  get sha256(): string {
    return (this.#sha256 ??= this.#hash.digest("hex"));
  }

  async *watch(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const part of parts) {
      this.bytes += part.length;
      this.#hash.update(part);
      this.#onBytes?.(this.bytes);
      yield part;
    }
  }
}

function toFacts(content: Measure, stored: Measure): StoredFacts {
  return {
    ...{ contentBytes: content.bytes, contentSha256: content.sha256 },
    ...{ storedBytes: stored.bytes, storedSha256: stored.sha256 },
  };
}

async function* readParts(path: string): AsyncGenerator<Buffer> {
  // Opened when it is first read: one that nobody comes to read would stay open, and its failure end the process.
  yield* relay(createReadStream(path, { highWaterMark: PART_BYTES }), (error) => toReadError(error, path));
}

async function* decodeParts(
  stored: AsyncIterable<Buffer>,
  { compression, isEncrypted, key }: StoredForm & { readonly key: BackupKey | undefined },
  source: string,
): AsyncGenerator<Buffer> {
  const compressed = isEncrypted ? decrypt(stored, key) : stored;
  if (compression === "none") {
    yield* compressed;
    return;
  }
  const unpacked = transform(compressed, createZstdDecompress({ chunkSize: PART_BYTES }));
  yield* relay(unpacked, (error) => createDamage(`unpack ${source}: ${error.message}`, error));
}

/** Gives on what comes; what fails becomes the error that `explain` makes of it, unless it has a code already. */
async function* relay(parts: AsyncIterable<unknown>, explain: (error: Error) => MusterError): AsyncGenerator<Buffer> {
  try {
    for await (const part of parts) yield part as Buffer;
  } catch (error) {
    throw isMusterError(error) ? error : explain(toError(error));
  }
}

async function* transform(parts: AsyncIterable<Buffer>, stream: Duplex): AsyncGenerator<Buffer> {
  // What fails destroys the stream as well, so reading it tells.
  pipeline(parts, stream, () => undefined);
  for await (const part of stream) yield part as Buffer;
}

async function* thenCheck(parts: AsyncIterable<Buffer>, check: () => void): AsyncGenerator<Buffer> {
  yield* parts;
  check();
}

function createCompressor(): Duplex {
  const params = { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL };
  return createZstdCompress({ chunkSize: PART_BYTES, params });
}

async function writeParts(target: string, parts: AsyncIterable<Buffer>): Promise<void> {
  const handle = await open(target, "wx", FILE_MODE);
  try {
    await handle.writeFile(parts);
    await handle.sync();
    await handle.close();
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(target, { force: true });
    throw error;
  }
}

function requireFacts(facts: StoredFacts, expected: Partial<StoredFacts> | undefined, source: string): void {
  const names = { storedBytes: "size", storedSha256: "hash", contentBytes: "size", contentSha256: "hash" } as const;
  for (const member of ["storedBytes", "storedSha256", "contentBytes", "contentSha256"] as const) {
    if (expected?.[member] === undefined || expected[member] === facts[member]) continue;
    const what = member.startsWith("stored") ? "file" : "content";
    throw createDamage(`check ${source}: the ${names[member]} of its ${what} is not the one that it was stored with`);
  }
}
