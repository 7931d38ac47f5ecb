import fc from "fast-check";
import {
  dataFileNameOf,
  formatManifest,
  manifestFileNameOf,
  parseManifest,
  parseSnapshotFileName,
  SNAPSHOT_REASONS,
  type SnapshotManifest,
} from "../../../src/database/backup/snapshot-manifest.ts";
import { errorLike } from "../../helpers/database.ts";

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const position = fc.record({ generation: fc.string({ minLength: 1 }), segment: fc.nat(), offset: fc.nat() });

export const manifests: fc.Arbitrary<SnapshotManifest> = fc.record({
  format: fc.constant("muster-snapshot-1" as const),
  id: hex(8),
  createdAt: fc.nat(4_000_000_000_000),
  reason: fc.constantFrom(...SNAPSHOT_REASONS),
  comment: fc.string({ maxLength: 200, unit: "grapheme" }).map((text) => text.slice(0, 200)),
  databaseBytes: fc.nat(),
  storedBytes: fc.nat(),
  contentSha256: hex(64),
  storedSha256: hex(64),
  // The one name that JavaScript keeps for itself.
  rows: fc.dictionary(
    fc.stringMatching(/^[a-z0-9_"]{1,12}$/).filter((name) => name !== "__proto__"),
    fc.nat(),
  ),
  schemaVersion: fc.nat(),
  sqliteVersion: fc.constant("3.54.1"),
  pageSize: fc.constantFrom(512, 4096, 65536),
  compression: fc.constantFrom("none" as const, "zstd" as const),
  encryption: fc.option(
    fc.record({
      algorithm: fc.constant("aes-256-gcm" as const),
      chunkBytes: fc.constant(65536),
      kdf: fc.record({
        ...{ name: fc.constant("scrypt" as const), cost: fc.constant(131072) },
        ...{ blockSize: fc.constant(8), parallelism: fc.constant(1), salt: hex(32) },
      }),
    }),
  ),
  archive: fc.option(
    fc.record({ from: position, until: fc.oneof(position, fc.record({ salts: hex(16), offset: fc.nat() })) }),
  ),
  verifiedAt: fc.nat(),
  checks: fc.array(fc.string(), { maxLength: 3 }),
  foreignKeyViolations: fc.nat(),
  damage: fc.option(fc.record({ foundAt: fc.nat(), message: fc.string() })),
});

describe("snapshot manifests", () => {
  it("are read back as they were written, whatever the order of their members", () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const text = formatManifest(manifest);
        expect(parseManifest(text, "x.json")).toEqual(manifest);
        const reversed = Object.fromEntries(Object.entries(manifest).reverse()) as SnapshotManifest;
        expect(formatManifest(reversed)).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  it("are damaged when anything but white space between members was changed or cut off", () => {
    fc.assert(
      fc.property(manifests, fc.nat(), fc.nat(6), fc.boolean(), (manifest, place, bit, isCut) => {
        const bytes = Buffer.from(formatManifest(manifest));
        const at = place % (bytes.length - 1);
        bytes[at]! ^= 1 << bit;
        const text = (isCut ? bytes.subarray(0, at) : bytes).toString();
        let found: unknown;
        try {
          found = parseManifest(text, "x.json");
        } catch (error) {
          expect(error).toMatchObject({ code: "BACKUP_DAMAGED" });
          return;
        }
        expect(found).toEqual(manifest);
        expect(JSON.parse(text)).toEqual(JSON.parse(formatManifest(manifest)));
      }),
      { numRuns: 1000 },
    );
  });

  it("are refused when they say what this program does not know, though their checksum is right", () => {
    const [manifest] = fc.sample(manifests, { numRuns: 1, seed: 1 }) as [SnapshotManifest];
    const strange = { ...manifest, format: "muster-snapshot-2" } as unknown as SnapshotManifest;
    expect(() => formatManifest(strange)).toThrow();
    for (const text of ["", "null", "[]", "{}", '{"checksum":"x"}', "5"]) {
      expect(() => parseManifest(text, "x.json")).toThrow(errorLike({ code: "BACKUP_DAMAGED" }));
    }
  });

  it("have names that are found again", () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        const { id } = manifest;
        expect(parseSnapshotFileName(dataFileNameOf(manifest))).toMatchObject({ id, kind: "data" });
        const { name } = parseSnapshotFileName(manifestFileNameOf(manifest))!;
        expect(parseSnapshotFileName(dataFileNameOf(manifest))!.name).toBe(name);
      }),
    );
    const at = { createdAt: Date.UTC(2026, 10, 20, 14, 5, 9, 999), id: "1a2b3c4d" };
    expect(manifestFileNameOf(at)).toBe("20261120T140509Z-1a2b3c4d.json");
    for (const other of ["x.json", "20261120T140509Z-1a2b3c4d.db.enc.zst", "1a2b3c4d.12.copy.tmp"]) {
      expect(parseSnapshotFileName(other)).toBeUndefined();
    }
  });
});
