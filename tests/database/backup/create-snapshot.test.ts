import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { createSnapshotWith } from "../../../src/database/backup/create-snapshot.ts";
import { BackupKey } from "../../../src/database/backup/encryption.ts";
import { getSnapshot, listSnapshots } from "../../../src/database/backup/snapshot-catalogue.ts";
import { checkCopy } from "../../../src/database/backup/snapshot-check.ts";
import {
  dataFileNameOf,
  formatManifest,
  manifestFileNameOf,
  snapshotFolderOf,
  type SnapshotManifest,
} from "../../../src/database/backup/snapshot-manifest.ts";
import { decodeFile } from "../../../src/database/backup/stored-file.ts";
import { verifySnapshot, type VerifySnapshotResult } from "../../../src/database/backup/verify-snapshot.ts";
import { readWalEnd } from "../../../src/database/backup/wal-end.ts";
import { toWireError } from "../../../src/database/sqlite/thread-protocol.ts";
import { errorLike, withFolder } from "../../helpers/database.ts";
import { FAST_KDF } from "../../helpers/fast-kdf.ts";
import { createSnapshotter, jobFor, openSample } from "./snapshot-rig.ts";

const PASSPHRASE = "correct horse battery";
/** The last one derives its key as the program does. */
const FORMS = [
  { compression: "none" },
  { compression: "zstd" },
  { compression: "none", key: PASSPHRASE, kdf: FAST_KDF },
  { compression: "zstd", key: PASSPHRASE },
] as const;

async function withSample(body: (folder: string, database: Database.Database) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const database = openSample(join(folder, "sample.db"));
    try {
      await body(folder, database);
    } finally {
      database.close();
    }
  });
}

function verify(folder: string, id: string, key?: string): Promise<VerifySnapshotResult> {
  return verifySnapshot({ kind: "verify-snapshot", backupFolder: join(folder, "backups"), id, key }, () => undefined);
}

const listFiles = (folder: string): string[] => readdirSync(snapshotFolderOf(join(folder, "backups"))).sort();
const readRows = (database: Database.Database): unknown[] =>
  database.prepare("SELECT id, body FROM row ORDER BY id").all();

describe("a snapshot", () => {
  it.each(FORMS)("holds what the database holds, is verified, and can be opened: %#", async (form) => {
    const { compression, key } = { key: undefined, ...form };
    await withSample(async (folder, database) => {
      const manifest = await createSnapshotter()(jobFor(folder, { ...form, comment: "before the party" }));
      expect(listFiles(folder)).toEqual([dataFileNameOf(manifest), manifestFileNameOf(manifest)]);
      expect(manifest).toMatchObject({
        ...{ comment: "before the party", reason: "manual", schemaVersion: 2, archive: null, damage: null },
        rows: { row: 500, total: 1, schema_version: 2 },
      });
      const { dataPath } = await getSnapshot(join(folder, "backups"), manifest.id);
      expect(statSync(dataPath).mode & 0o777).toBe(0o600);
      const stored = readFileSync(dataPath);
      expect(createHash("sha256").update(stored).digest("hex")).toBe(manifest.storedSha256);

      const target = join(folder, "restored.db");
      const backupKey = key === undefined ? undefined : new BackupKey(key);
      await decodeFile(dataPath, { compression, isEncrypted: key !== undefined, key: backupKey, target });
      const restored = new Database(target, { readonly: true });
      expect(readRows(restored)).toEqual(readRows(database));
      restored.close();
      expect(await verify(folder, manifest.id, key)).toMatchObject({ outcome: "sound" });
      expect(listFiles(folder)).toEqual([dataFileNameOf(manifest), manifestFileNameOf(manifest)]);
      expect(readFileSync(dataPath).equals(stored)).toBe(true);
    });
  });

  it("leaves the database and its log as they are, also when nobody else has them open", async () => {
    await withFolder(async (folder) => {
      openSample(join(folder, "origin.db")).close();
      const open = openSample(join(folder, "sample2.db"));
      for (const suffix of ["", "-wal"])
        writeFileSync(join(folder, `sample.db${suffix}`), readFileSync(join(folder, `sample2.db${suffix}`)));
      open.close();
      const read = (): string[] =>
        ["", "-wal"].map((suffix) => readFileSync(join(folder, `sample.db${suffix}`), "base64"));
      const before = read();
      expect((await createSnapshotter()(jobFor(folder))).rows.row).toBe(500);
      expect(read()).toEqual(before);
    });
  });

  it("holds what is committed in the log, and not what is not committed", async () => {
    await withSample(async (folder, database) => {
      database.exec("BEGIN; DELETE FROM row WHERE id > 100");
      expect((await createSnapshotter()(jobFor(folder))).rows.row).toBe(500);
      database.exec("COMMIT");
      expect((await createSnapshotter()(jobFor(folder))).rows.row).toBe(100);
    });
  });

  it("says between which places of the archive its state lies", async () => {
    await withSample(async (folder, database) => {
      const ends = [1, 2].map((segment) => ({ generation: "g", segment, offset: 100 * segment }));
      let reads = 0;
      const readArchiveEnd = async (path: string): Promise<(typeof ends)[0]> => {
        expect(path).toBe(join(folder, "backups", "wal"));
        // The archive ended before the state that was copied: what comes after this read is not in the lower bound.
        if (reads === 0) database.exec("INSERT INTO row (id, body) VALUES (1000, 'late')");
        return ends[reads++]!;
      };
      const create = createSnapshotter({ readArchiveEnd });
      const wal = await create(jobFor(folder, { hasArchive: true }));
      expect(wal.rows.row).toBe(501);
      expect(wal.archive).toEqual({ from: ends[0], until: await readWalEnd(join(folder, "sample.db-wal")) });
      expect(wal.archive!.until.offset).toBe(statSync(join(folder, "sample.db-wal")).size);

      database.pragma("wal_checkpoint(TRUNCATE)");
      reads = 0;
      database.exec("DELETE FROM row WHERE id = 1000");
      database.pragma("wal_checkpoint(TRUNCATE)");
      const readQuietly = async (): Promise<(typeof ends)[0]> => ends[reads++]!;
      const empty = await createSnapshotter({ readArchiveEnd: readQuietly })(jobFor(folder, { hasArchive: true }));
      expect(empty.archive).toEqual({ from: ends[0], until: ends[1] });
    });
  });

  it("tells the share of the work that is done, which never goes back", async () => {
    await withSample(async (folder) => {
      const steps: { step: string; share?: number }[] = [];
      const sources = {
        readArchiveEnd: async () => undefined,
        readWalEnd,
        readFreeBytes: async () => 1e12,
        now: () => 1,
      };
      const { durationsMs } = await createSnapshotWith(sources, jobFor(folder), (progress) => steps.push(progress));
      expect([...new Set(steps.map(({ step }) => step))]).toEqual(["copy", "check", "store", "read back"]);
      expect(Object.keys(durationsMs)).toEqual(["copy", "check", "store", "read back"]);
      const shares = steps.map(({ share }) => share!);
      expect(shares).toEqual([...shares].sort((a, b) => a - b));
      expect(shares[0]).toBe(0);
      expect(shares.at(-1)).toBeCloseTo(1);
    });
  });

  it("is refused with figures when there is no room, and leaves nothing", async () => {
    await withSample(async (folder) => {
      const create = createSnapshotter({ readFreeBytes: async () => 1024 ** 2 });
      await expect(create(jobFor(folder))).rejects.toThrow(
        errorLike({
          code: "BACKUP_FAILED",
          message: expect.stringMatching(/1\d\.\d MB are needed, 1 MB are free/),
          hint: expect.stringContaining("DB_MAX_BACKUPS"),
        }),
      );
      expect(listFiles(folder)).toEqual([]);
    });
  });

  it("fails with a code, leaves nothing, and harms no earlier one", async () => {
    await withSample(async (folder, database) => {
      const earlier = await createSnapshotter()(jobFor(folder));
      const files = listFiles(folder);
      const fail = (changes: Parameters<typeof jobFor>[1], code: string): Promise<void> =>
        expect(createSnapshotter()(jobFor(folder, changes))).rejects.toThrow(errorLike({ code }));
      await fail({ comment: "x".repeat(201) }, "INPUT_INVALID");
      await fail({ databasePath: join(folder, "missing.db") }, "DATABASE_MISSING");
      writeFileSync(join(folder, "text.db"), "no database ".repeat(1000));
      await fail({ databasePath: join(folder, "text.db") }, "DATABASE_CORRUPT");
      writeFileSync(join(folder, "file"), "");
      await fail({ backupFolder: join(folder, "file") }, "BACKUP_FAILED");
      // Damage inside the database, which copying it does not meet, is not made into a backup that counts.
      database.unsafeMode();
      database.exec("CREATE TABLE pair (a, b); INSERT INTO pair VALUES (1, 2); CREATE INDEX pair_index ON pair (a)");
      database.pragma("writable_schema = ON");
      database.exec("UPDATE sqlite_schema SET sql = 'CREATE INDEX pair_index ON pair (b)' WHERE name = 'pair_index'");
      await fail({}, "BACKUP_FAILED");
      expect(listFiles(folder)).toEqual(files);
      expect(await verify(folder, earlier.id)).toMatchObject({ outcome: "sound" });
    });
  });

  it("is made of a database with rows that refer to nothing, and says how many", async () => {
    await withSample(async (folder, database) => {
      database.pragma("foreign_keys = OFF");
      database.exec(
        "CREATE TABLE child (row_id INTEGER REFERENCES row (id)); INSERT INTO child VALUES (1), (9998), (9999)",
      );
      const manifest = await createSnapshotter()(jobFor(folder));
      expect(manifest.foreignKeyViolations).toBe(2);
      expect(await verify(folder, manifest.id)).toMatchObject({ outcome: "sound" });
    });
  });

  it("never tells its key", async () => {
    await withSample(async (folder) => {
      const told: unknown[] = [];
      const create = createSnapshotter();
      const manifest = await create(jobFor(folder, { key: PASSPHRASE, kdf: FAST_KDF }));
      told.push(
        manifest,
        listFiles(folder),
        readFileSync(join(snapshotFolderOf(join(folder, "backups")), manifestFileNameOf(manifest)), "utf8"),
      );
      told.push(await verify(folder, manifest.id, `${PASSPHRASE} but wrong`), await verify(folder, manifest.id));
      const broken = createSnapshotter({ readFreeBytes: async () => 0 });
      told.push(await broken(jobFor(folder, { key: PASSPHRASE })).catch((error: unknown) => toWireError(error)));
      told.push(new BackupKey(PASSPHRASE));
      const { inspect } = await import("node:util");
      const text = told.map((thing) => JSON.stringify(thing) + inspect(thing, { depth: 9, showHidden: true })).join();
      expect(text).not.toContain(PASSPHRASE);
      expect(text).toContain("BACKUP_KEY_WRONG");
    });
  });
});

describe("verifying a snapshot", () => {
  it("finds changed data, says so in its manifest, and takes it back when the data is as it was", async () => {
    await withSample(async (folder) => {
      const manifest = await createSnapshotter()(jobFor(folder, { key: PASSPHRASE, kdf: FAST_KDF }));
      const { dataPath } = await getSnapshot(join(folder, "backups"), manifest.id);
      const sound = readFileSync(dataPath);
      const damaged = Buffer.from(sound);
      damaged[1000]! ^= 1;
      writeFileSync(dataPath, damaged);
      expect(await verify(folder, manifest.id, PASSPHRASE)).toMatchObject({
        outcome: "unusable",
        code: "BACKUP_DAMAGED",
      });
      const read = async (): Promise<SnapshotManifest> =>
        (await getSnapshot(join(folder, "backups"), manifest.id)).manifest;
      expect((await read()).damage?.message).toContain("was changed");
      writeFileSync(dataPath, sound);
      // Without the key nothing is found out.
      expect(await verify(folder, manifest.id, "another key")).toMatchObject({
        outcome: "unusable",
        code: "BACKUP_KEY_WRONG",
      });
      expect(await verify(folder, manifest.id)).toMatchObject({ outcome: "unusable", code: "BACKUP_KEY_WRONG" });
      expect((await read()).damage).not.toBeNull();
      expect(await verify(folder, manifest.id, PASSPHRASE)).toMatchObject({
        outcome: "sound",
        manifest: { damage: null },
      });
      expect((await read()).damage).toBeNull();
      expect(listFiles(folder).length).toBe(2);
    });
  });

  it("tells what is missing from what is not there, and both from a damaged manifest", async () => {
    await withSample(async (folder) => {
      const manifest = await createSnapshotter()(jobFor(folder));
      await expect(verify(folder, "00000000")).rejects.toThrow(errorLike({ code: "BACKUP_NOT_FOUND" }));
      const path = join(snapshotFolderOf(join(folder, "backups")), manifestFileNameOf(manifest));
      writeFileSync(path, readFileSync(path, "utf8").replace("zstd", "none"));
      expect(await verify(folder, manifest.id)).toMatchObject({
        ...{ outcome: "unusable", code: "BACKUP_DAMAGED" },
        findings: [expect.stringContaining("its checksum says")],
      });
    });
  });

  it("finds a copy that holds other rows than its manifest says, though every hash is right", async () => {
    await withSample(async (folder) => {
      const manifest = await createSnapshotter()(jobFor(folder));
      const path = join(snapshotFolderOf(join(folder, "backups")), manifestFileNameOf(manifest));
      writeFileSync(
        path,
        formatManifest({ ...manifest, rows: { ...manifest.rows, row: 499, gone: 1 }, schemaVersion: 3 }),
      );
      expect(await verify(folder, manifest.id)).toMatchObject({
        outcome: "unusable",
        findings: [
          "table gone has no rows, and 1 were stored",
          "table row has 500 rows, and 499 were stored",
          "schemaVersion is 2, and 3 was stored",
        ],
      });
      expect((await listSnapshots(join(folder, "backups"))).snapshots[0]!.manifest.damage).not.toBeNull();
    });
  });

  it("changes no byte of the copy that it looks at, and leaves nothing beside it", async () => {
    await withSample(async (folder) => {
      const manifest = await createSnapshotter()(jobFor(folder, { compression: "none" }));
      const { dataPath } = await getSnapshot(join(folder, "backups"), manifest.id);
      const before = readFileSync(dataPath);
      expect(before.subarray(18, 20)).toEqual(Buffer.from([2, 2]));
      expect(checkCopy(dataPath, manifest)).toEqual({ findings: [], foreignKeyViolations: 0 });
      expect(readFileSync(dataPath).equals(before)).toBe(true);
      expect(listFiles(folder)).toEqual([dataFileNameOf(manifest), manifestFileNameOf(manifest)]);
    });
  });
});
