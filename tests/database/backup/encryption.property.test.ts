import fc from "fast-check";
import { isMusterError } from "../../../src/core/errors.ts";
import { BackupKey, CHUNK_BYTES, decrypt, encrypt } from "../../../src/database/backup/encryption.ts";
import { FAST_KDF } from "../../helpers/fast-kdf.ts";

const HEADER_BYTES = 80;
const SEALED_BYTES = CHUNK_BYTES + 16;

const createKey = (passphrase = "a passphrase"): BackupKey => new BackupKey(passphrase, { kdf: FAST_KDF });
/** One for all runs: each file has its own salt all the same. */
const KEY = createKey();

async function* inParts(content: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let [at, index] = [0, 0]; at < content.length; index++) {
    const size = Math.max(1, sizes[index % sizes.length] ?? content.length);
    yield content.subarray(at, at + size);
    at += size;
  }
}

async function collect(parts: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

const seal = (content: Buffer, sizes: readonly number[] = [content.length]): Promise<Buffer> =>
  collect(encrypt(inParts(content, sizes), KEY));
const unseal = (file: Buffer, sizes: readonly number[] = [file.length], key: BackupKey = KEY): Promise<Buffer> =>
  collect(decrypt(inParts(file, sizes), key));

async function codeOfUnsealing(file: Buffer, key: BackupKey | undefined = KEY): Promise<string> {
  try {
    await collect(decrypt(inParts(file, [file.length]), key));
    return "none";
  } catch (error) {
    return isMusterError(error) ? error.code : "unknown";
  }
}

/** Lengths around the ends of chunks, where mistakes are. */
const contents = fc
  .oneof(
    fc.integer({ min: 0, max: 100 }),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: -2, max: 2 })).map(([n, d]) => n * CHUNK_BYTES + d),
    fc.integer({ min: 0, max: 3 * CHUNK_BYTES }),
  )
  .chain((length) =>
    fc.uint8Array({ minLength: 1, maxLength: 64 }).map((pattern) => Buffer.alloc(length, Buffer.from(pattern))),
  );
const partSizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 200_000 }), fc.constantFrom(79, 80, 81, CHUNK_BYTES, SEALED_BYTES)),
  { minLength: 1, maxLength: 8 },
);
/** Where in a file of unknown length. */
const places = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("encryption of backups", () => {
  it("gives back any content, in whatever parts it comes", async () => {
    await fc.assert(
      fc.asyncProperty(contents, partSizes, partSizes, async (content, writeSizes, readSizes) => {
        const file = await seal(content, writeSizes);
        expect(file.length).toBe(
          HEADER_BYTES + content.length + 16 * Math.max(1, Math.ceil(content.length / CHUNK_BYTES)),
        );
        expect((await unseal(file, readSizes)).equals(content)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("finds any changed bit, and takes none for a wrong key", async () => {
    await fc.assert(
      fc.asyncProperty(
        contents,
        fc.oneof(places, fc.constant(0)),
        fc.nat(7),
        fc.boolean(),
        async (content, place, bit, isInHeader) => {
          const file = await seal(content);
          const at = Math.floor(place * (isInHeader ? HEADER_BYTES : file.length));
          file[at]! ^= 1 << bit;
          expect([at, await codeOfUnsealing(file)]).toEqual([at, "BACKUP_DAMAGED"]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("finds that the end is missing, wherever it is cut off", async () => {
    await fc.assert(
      fc.asyncProperty(contents, places, fc.boolean(), async (content, place, isAtChunk) => {
        const file = await seal(content);
        const chunkCount = Math.ceil((file.length - HEADER_BYTES) / SEALED_BYTES);
        const length = isAtChunk
          ? HEADER_BYTES + Math.floor(place * chunkCount) * SEALED_BYTES
          : Math.floor(place * file.length);
        expect(await codeOfUnsealing(file.subarray(0, length))).toBe("BACKUP_DAMAGED");
      }),
      { numRuns: 200 },
    );
  });

  it("finds chunks that were moved, doubled, added, or taken from another file of the same key", async () => {
    const content = Buffer.alloc(3 * CHUNK_BYTES, "same");
    const [file, other] = [await seal(content), await seal(content)];
    const header = file.subarray(0, HEADER_BYTES);
    const chunkOf = (from: Buffer, n: number): Buffer =>
      from.subarray(HEADER_BYTES + n * SEALED_BYTES, HEADER_BYTES + (n + 1) * SEALED_BYTES);
    const [first, second, last] = [0, 1, 2].map((n) => chunkOf(file, n)) as [Buffer, Buffer, Buffer];
    for (const chunks of [
      [second, first, last],
      [first, first, last],
      [first, last],
      [first, second, second, last],
      [first, second, last, last],
      [first, second, last, Buffer.from("x")],
      [first, chunkOf(other, 1), last],
    ]) {
      expect(await codeOfUnsealing(Buffer.concat([header, ...chunks]))).toBe("BACKUP_DAMAGED");
    }
    expect(await codeOfUnsealing(Buffer.concat([header, first, second, last]))).toBe("none");
    expect(await codeOfUnsealing(Buffer.concat([other.subarray(0, HEADER_BYTES), first, second, last]))).toBe(
      "BACKUP_DAMAGED",
    );
  });

  it("tells a wrong key, and a missing one, from damage", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), contents, async (passphrase, content) => {
        fc.pre(passphrase !== "a passphrase");
        const file = await seal(content);
        expect(await codeOfUnsealing(file, createKey(passphrase))).toBe("BACKUP_KEY_WRONG");
        expect((await unseal(file, [file.length], createKey())).equals(content)).toBe(true);
      }),
      { numRuns: 30 },
    );
    await expect(collect(decrypt(inParts(await seal(Buffer.from("x")), [100]), undefined))).rejects.toMatchObject({
      code: "BACKUP_KEY_WRONG",
      message: expect.stringContaining("no key is set") as string,
    });
  });

  it("gives nothing out of a chunk that is damaged", async () => {
    const file = await seal(Buffer.alloc(2 * CHUNK_BYTES + 1, 7));
    file[HEADER_BYTES + SEALED_BYTES + 5]! ^= 1;
    let givenBytes = 0;
    const read = async (): Promise<void> => {
      for await (const part of decrypt(inParts(file, [1000]), KEY)) givenBytes += part.length;
    };
    await expect(read()).rejects.toMatchObject({ code: "BACKUP_DAMAGED" });
    expect(givenBytes).toBe(CHUNK_BYTES);
  });

  it("takes another spelling of the same characters for the same passphrase", async () => {
    const file = await collect(encrypt(inParts(Buffer.from("x"), [1]), createKey("caf\u00e9")));
    expect((await unseal(file, [1], createKey("cafe\u0301"))).toString()).toBe("x");
  });

  it("derives one key for many files that share the salt of the passphrase", async () => {
    const salt = Buffer.alloc(16, 3);
    const files = await Promise.all(
      [1, 2].map((n) =>
        collect(encrypt(inParts(Buffer.from(`file ${n}`), [3]), new BackupKey("p", { kdf: FAST_KDF, salt }))),
      ),
    );
    expect(files[0]!.subarray(32, 80).equals(files[1]!.subarray(32, 80))).toBe(false);
    const reader = createKey("p");
    expect((await Promise.all(files.map((file) => unseal(file, [100], reader)))).join()).toBe("file 1,file 2");
  });
});
