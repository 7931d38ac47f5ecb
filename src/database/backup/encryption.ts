import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";
import { MusterError } from "../../core/errors.ts";
import { createDamage } from "./backup-errors.ts";

/**
 * Encryption of backups. The passphrase becomes a key by scrypt; each file has a key of its own, derived from that one
 * by HKDF with a salt of the file, so that the slow step is needed once for many files. The content is sealed in chunks
 * by AES-256-GCM after the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and
 * its Nonce-Reuse Misuse-Resistance", 2015; as in age): a chunk's nonce is a prefix, its number, and whether it is the
 * last. So a changed, moved, missing or added chunk fails, and nothing is given out before it has been authenticated.
 *
 * File = header, then per chunk the encrypted bytes and a tag of 16. Header, 80 bytes, numbers big-endian:
 *   0 magic (8) · 8 version (1) · 9 log2 of scrypt's N (1) · 10 r (1) · 11 p (1) · 12 chunk size (4) · 16 salt of the
 *   passphrase (16) · 32 salt of the file (16) · 48 nonce prefix (7) · 55 zero (1) · 56 key check (16) · 72 first 8
 *   bytes of the SHA-256 of all before.
 * The checksum tells a damaged header from a wrong key: with a sound header, only another key fails the key check.
 */

export interface KdfParameters {
  readonly name: "scrypt";
  /** N: memory and time; a power of two. */
  readonly cost: number;
  /** r */
  readonly blockSize: number;
  /** p */
  readonly parallelism: number;
}

/** What can be known of an encrypted file without its key. */
export interface EncryptionFacts {
  readonly algorithm: "aes-256-gcm";
  readonly chunkBytes: number;
  readonly kdf: KdfParameters & { readonly salt: string };
}

/** OWASP Password Storage Cheat Sheet, scrypt: N = 2^17, r = 8, p = 1, which takes 128 MiB. */
export const DEFAULT_KDF: KdfParameters = { name: "scrypt", cost: 2 ** 17, blockSize: 8, parallelism: 1 };
/** As in age: small enough to hold in memory, large enough for the tag to cost nothing. NIST SP 800-38D allows 64 GiB. */
export const CHUNK_BYTES = 64 * 1024;

const MAGIC = Buffer.from("MUSTRENC", "latin1");
const VERSION = 1;
const HEADER_BYTES = 80;
const CHECKED_BYTES = 72;
export const SALT_BYTES = 16;
const PREFIX_BYTES = 7;
const KEY_BYTES = 32;
const KEY_CHECK_BYTES = 16;
/** NIST SP 800-38D: the full length. */
const TAG_BYTES = 16;
/** The chunk's number has four bytes in the nonce. */
const CHUNK_LIMIT = 2 ** 32;
/** A header is not authenticated before the key is derived: it must not be able to ask for all memory. */
const MEMORY_LIMIT_BYTES = 1024 ** 3;
const CHUNK_LIMIT_BYTES = 16 * 1024 ** 2;

interface Header {
  readonly bytes: Buffer;
  readonly kdf: KdfParameters;
  readonly chunkBytes: number;
  readonly salt: Buffer;
  readonly fileSalt: Buffer;
  readonly noncePrefix: Buffer;
  readonly keyCheck: Buffer;
}

const scryptAsync = promisify<string, Buffer, number, object, Buffer>(scrypt);

export interface BackupKeyOptions {
  /** How slow the key is to derive in new files; each file says itself how it was. */
  readonly kdf?: KdfParameters;
  /** Salt of the passphrase in new files; that of an earlier file spares its reader a derivation. Default: a new one. */
  readonly salt?: Buffer;
}

/** A passphrase, and the keys derived from it so far. Shows nothing of either when it is printed or logged. */
export class BackupKey {
  readonly kdf: KdfParameters;
  readonly salt: Buffer;
  readonly #passphrase: string;
  readonly #masterKeys = new Map<string, Promise<Buffer>>();

  constructor(passphrase: string, { kdf = DEFAULT_KDF, salt = randomBytes(SALT_BYTES) }: BackupKeyOptions = {}) {
    // The same characters can be typed as different bytes.
    this.#passphrase = passphrase.normalize("NFC");
    this.kdf = kdf;
    this.salt = salt;
  }

  /** Key of one file, and what proves in its header that a key is the right one. */
  async deriveFileKey(kdf: KdfParameters, salt: Buffer, fileSalt: Buffer): Promise<{ key: Buffer; check: Buffer }> {
    const master = await this.#deriveMasterKey(kdf, salt);
    const derive = (purpose: string, length: number): Buffer =>
      Buffer.from(hkdfSync("sha256", master, fileSalt, `muster backup ${purpose}`, length));
    return { key: derive("content", KEY_BYTES), check: derive("key check", KEY_CHECK_BYTES) };
  }

  #deriveMasterKey({ cost, blockSize, parallelism }: KdfParameters, salt: Buffer): Promise<Buffer> {
    const name = `${cost} ${blockSize} ${parallelism} ${salt.toString("hex")}`;
    const known = this.#masterKeys.get(name);
    if (known) return known;
    const maxmem = 2 * memoryOf({ cost, blockSize, parallelism });
    const key = scryptAsync(this.#passphrase, salt, KEY_BYTES, {
      cost,
      blockSize,
      parallelization: parallelism,
      maxmem,
    });
    this.#masterKeys.set(name, key);
    return key;
  }
}

function memoryOf({ cost, blockSize, parallelism }: Omit<KdfParameters, "name">): number {
  return 128 * blockSize * (cost + parallelism);
}

export function describeEncryption({ kdf, salt }: BackupKey): EncryptionFacts {
  return { algorithm: "aes-256-gcm", chunkBytes: CHUNK_BYTES, kdf: { ...kdf, salt: salt.toString("hex") } };
}

/** The content as an encrypted file. */
export async function* encrypt(content: AsyncIterable<Buffer>, backupKey: BackupKey): AsyncGenerator<Buffer> {
  const { header, key } = await createHeader(backupKey);
  yield header.bytes;
  let number = 0;
  for await (const { piece, isLast } of cut(content, () => CHUNK_BYTES)) {
    yield sealChunk(header, key, { number: number++, isLast }, piece);
  }
}

/**
 * The content of an encrypted file, each chunk once it is authenticated; what follows may still fail. Throws
 * BACKUP_KEY_WRONG, or BACKUP_DAMAGED when anything was changed, moved, cut off or added.
 */
export async function* decrypt(file: AsyncIterable<Buffer>, backupKey: BackupKey | undefined): AsyncGenerator<Buffer> {
  let opened: { header: Header; key: Buffer } | undefined;
  let number = 0;
  const nextBytes = (): number => (opened ? opened.header.chunkBytes + TAG_BYTES : HEADER_BYTES);
  for await (const { piece, isLast } of cut(file, nextBytes)) {
    if (opened) {
      yield openChunk(opened.header, opened.key, { number: number++, isLast }, piece);
    } else {
      if (isLast) throw createDamage("decrypt a backup: it ends too early");
      opened = await openHeader(piece, backupKey);
    }
  }
}

/** Pieces of the sizes asked for. The last may be shorter, down to nothing; whether one is the last is known by waiting. */
async function* cut(
  parts: AsyncIterable<Buffer>,
  nextBytes: () => number,
): AsyncGenerator<{ readonly piece: Buffer; readonly isLast: boolean }> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  for await (const part of parts) {
    waiting.push(part);
    waitingBytes += part.length;
    if (waitingBytes <= nextBytes()) continue;
    let rest: Buffer = Buffer.concat(waiting);
    for (let size = nextBytes(); rest.length > size; size = nextBytes()) {
      yield { piece: rest.subarray(0, size), isLast: false };
      rest = rest.subarray(size);
    }
    [waiting, waitingBytes] = [[rest], rest.length];
  }
  yield { piece: Buffer.concat(waiting), isLast: true };
}

interface ChunkPlace {
  readonly number: number;
  readonly isLast: boolean;
}

function nonceOf({ noncePrefix }: Header, { number, isLast }: ChunkPlace): Buffer {
  if (number >= CHUNK_LIMIT)
    throw new MusterError("BACKUP_FAILED", "encrypt a backup: it is larger than the format allows");
  const nonce = Buffer.alloc(PREFIX_BYTES + 5);
  noncePrefix.copy(nonce);
  nonce.writeUInt32BE(number, PREFIX_BYTES);
  nonce[PREFIX_BYTES + 4] = isLast ? 1 : 0;
  return nonce;
}

function sealChunk(header: Header, key: Buffer, place: ChunkPlace, content: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonceOf(header, place), { authTagLength: TAG_BYTES });
  cipher.setAAD(header.bytes);
  return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

function openChunk(header: Header, key: Buffer, place: ChunkPlace, sealed: Buffer): Buffer {
  const contentBytes = sealed.length - TAG_BYTES;
  if (contentBytes < 0) throw createDamage("decrypt a backup: it ends too early");
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(header, place), { authTagLength: TAG_BYTES });
  decipher.setAAD(header.bytes);
  decipher.setAuthTag(sealed.subarray(contentBytes));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, contentBytes)), decipher.final()]);
  } catch (cause) {
    throw createDamage(`decrypt a backup: part ${place.number + 1} was changed, moved or cut off`, cause);
  }
}

async function createHeader(backupKey: BackupKey): Promise<{ header: Header; key: Buffer }> {
  const { kdf, salt } = backupKey;
  const fileSalt = randomBytes(SALT_BYTES);
  const { key, check } = await backupKey.deriveFileKey(kdf, salt, fileSalt);
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.set([VERSION, Math.log2(kdf.cost), kdf.blockSize, kdf.parallelism], 8);
  bytes.writeUInt32BE(CHUNK_BYTES, 12);
  salt.copy(bytes, 16);
  fileSalt.copy(bytes, 32);
  randomBytes(PREFIX_BYTES).copy(bytes, 48);
  check.copy(bytes, 56);
  checksumOf(bytes).copy(bytes, CHECKED_BYTES);
  return { header: parseHeader(bytes), key };
}

async function openHeader(bytes: Buffer, backupKey: BackupKey | undefined): Promise<{ header: Header; key: Buffer }> {
  const header = parseHeader(Buffer.from(bytes));
  if (!backupKey) {
    throw new MusterError("BACKUP_KEY_WRONG", "decrypt a backup: it is encrypted, and no key is set", {
      hint: "Set DB_BACKUP_KEY to the key of the time when it was made.",
    });
  }
  const { key, check } = await backupKey.deriveFileKey(header.kdf, header.salt, header.fileSalt);
  if (!timingSafeEqual(check, header.keyCheck)) {
    throw new MusterError("BACKUP_KEY_WRONG", "decrypt a backup: the key is not the one that it was made with", {
      hint: "Set DB_BACKUP_KEY to the key of the time when it was made.",
    });
  }
  return { header, key };
}

function parseHeader(bytes: Buffer): Header {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC))
    throw createDamage("decrypt a backup: it does not begin like an encrypted backup");
  if (!checksumOf(bytes).equals(bytes.subarray(CHECKED_BYTES)))
    throw createDamage("decrypt a backup: its header was changed");
  const [version, costExponent, blockSize, parallelism] = [...bytes.subarray(8, 12)] as [
    number,
    number,
    number,
    number,
  ];
  const kdf = { name: "scrypt", cost: 2 ** costExponent, blockSize, parallelism } as const;
  const chunkBytes = bytes.readUInt32BE(12);
  const isAllowed = memoryOf(kdf) <= MEMORY_LIMIT_BYTES && chunkBytes > 0 && chunkBytes <= CHUNK_LIMIT_BYTES;
  if (version !== VERSION || !isAllowed) {
    throw createDamage(`decrypt a backup: it says version ${version} with parameters that this program does not know`);
  }
  return {
    ...{ bytes, kdf, chunkBytes },
    salt: bytes.subarray(16, 32),
    fileSalt: bytes.subarray(32, 48),
    noncePrefix: bytes.subarray(48, 55),
    keyCheck: bytes.subarray(56, CHECKED_BYTES),
  };
}

function checksumOf(header: Buffer): Buffer {
  const digest = createHash("sha256").update(header.subarray(0, CHECKED_BYTES)).digest();
  return digest.subarray(0, HEADER_BYTES - CHECKED_BYTES);
}
