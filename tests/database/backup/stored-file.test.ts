import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { isMusterError } from "../../../src/core/errors.ts";
import { BackupKey } from "../../../src/database/backup/encryption.ts";
import {
  decodeFile,
  encodeFile,
  readStoredFile,
  suffixOf,
  type Compression,
} from "../../../src/database/backup/stored-file.ts";
import { errorLike, withFolder } from "../../helpers/database.ts";
import { FAST_KDF } from "../../helpers/fast-kdf.ts";

const key = new BackupKey("a passphrase", { kdf: FAST_KDF });
const FORMS = (["none", "zstd"] as const).flatMap((compression) =>
  [undefined, key].map((used) => ({ compression, key: used, isEncrypted: used !== undefined })),
);
const nameOf = (form: { compression: Compression; isEncrypted: boolean }): string => suffixOf(form) || "plain";

/** Half of it can be compressed; long enough for several chunks and parts. */
const SAMPLE = Buffer.concat([randomBytes(300_000), Buffer.alloc(300_000, "roll call ")]);

/** Most of them short: what is long takes long. */
const lengths = fc.oneof({ weight: 4, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(SAMPLE.length) });

describe("stored files", () => {
  it.each(FORMS)("give back what was stored, whatever its length: %#", async (form) => {
    await withFolder(async (folder) => {
      let number = 0;
      await fc.assert(
        fc.asyncProperty(lengths, fc.nat(1000), async (length, from) => {
          const content = SAMPLE.subarray(from, from + length);
          const [source, stored, target] = ["a", "b", "c"].map((name) => join(folder, `${name}${number}`)) as [
            string,
            string,
            string,
          ];
          number++;
          writeFileSync(source, content);
          const facts = await encodeFile(source, stored, form);
          expect(facts).toMatchObject({ contentBytes: content.length, storedBytes: statSync(stored).size });
          expect(await decodeFile(stored, { ...form, target, expected: facts })).toEqual(facts);
          expect(await decodeFile(stored, { ...form, expected: facts })).toEqual(facts);
          expect(readFileSync(target).equals(content)).toBe(true);
          const parts: Buffer[] = [];
          for await (const part of readStoredFile(stored, form)) parts.push(part);
          expect(Buffer.concat(parts).equals(content)).toBe(true);
          expect([stored, target].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600]);
        }),
        {
          numRuns: 25,
          examples: [
            [0, 0],
            [SAMPLE.length, 0],
          ],
        },
      );
    });
  });

  it.each(FORMS)("are found to be damaged by any change, and leave no target: %#", async (form) => {
    await withFolder(async (folder) => {
      const [source, stored, target] = ["source", "stored", "target"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeFileSync(source, SAMPLE);
      const expected = await encodeFile(source, stored, form);
      const sound = readFileSync(stored);
      const check = async (damaged: Buffer): Promise<void> => {
        writeFileSync(stored, damaged);
        for (const options of [
          { ...form, expected },
          { ...form, expected, target },
        ]) {
          await expect(decodeFile(stored, options)).rejects.toThrow(errorLike({ code: "BACKUP_DAMAGED" }));
        }
        expect(existsSync(target)).toBe(false);
      };
      await fc.assert(
        fc.asyncProperty(fc.nat(sound.length - 1), fc.nat(7), fc.boolean(), async (at, bit, isCut) => {
          const damaged = Buffer.from(sound);
          damaged[at]! ^= 1 << bit;
          await check(isCut ? sound.subarray(0, at) : damaged);
        }),
        { numRuns: 20 },
      );
      await check(Buffer.concat([sound, Buffer.from("x")]));
    });
  });

  it.each(FORMS.filter(({ compression, isEncrypted }) => compression === "zstd" || isEncrypted))(
    "that are cut off are damaged, also when nobody knows how long they were: %#",
    async (form) => {
      await withFolder(async (folder) => {
        const [source, stored] = [join(folder, "source"), join(folder, "stored")];
        writeFileSync(source, SAMPLE);
        const { storedBytes } = await encodeFile(source, stored, form);
        truncateSync(stored, storedBytes - 10);
        await expect(decodeFile(stored, form)).rejects.toThrow(errorLike({ code: "BACKUP_DAMAGED" }));
      });
    },
  );

  it("say which key is wanted, and do not call it damage", async () => {
    await withFolder(async (folder) => {
      const [source, stored] = [join(folder, "source"), join(folder, "stored")];
      writeFileSync(source, SAMPLE);
      await encodeFile(source, stored, { compression: "zstd", key });
      for (const wrong of [undefined, new BackupKey("another")]) {
        const failure = await decodeFile(stored, { compression: "zstd", isEncrypted: true, key: wrong }).catch(
          (error: unknown) => error,
        );
        expect(isMusterError(failure, "BACKUP_KEY_WRONG")).toBe(true);
      }
    });
  });

  it("are not written over what is there, nor half", async () => {
    await withFolder(async (folder) => {
      const [source, stored] = [join(folder, "source"), join(folder, "stored")];
      writeFileSync(source, SAMPLE);
      writeFileSync(stored, "precious");
      await expect(encodeFile(source, stored, { compression: "none" })).rejects.toThrow(
        errorLike({ code: "BACKUP_FAILED" }),
      );
      expect(readFileSync(stored, "utf8")).toBe("precious");
      await expect(
        encodeFile(join(folder, "missing"), join(folder, "new"), { compression: "zstd", key }),
      ).rejects.toThrow();
      expect(readdirSync(folder).sort()).toEqual(["source", "stored"]);
    });
  });

  it("name the file that is missing", async () => {
    await expect(
      decodeFile("/nowhere/x.db", { compression: "none", isEncrypted: false, key: undefined }),
    ).rejects.toThrow(errorLike({ code: "BACKUP_DAMAGED", message: expect.stringContaining("/nowhere/x.db") }));
  });

  it("have names that say their form", () => {
    expect(FORMS.map(nameOf)).toEqual(["plain", ".enc", ".zst", ".zst.enc"]);
  });
});
