import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pruneSnapshots } from "../../../src/database/backup/prune-snapshots.ts";
import { getSnapshot, isVerified, listSnapshots } from "../../../src/database/backup/snapshot-catalogue.ts";
import { cleanSnapshotLeftovers } from "../../../src/database/backup/snapshot-files.ts";
import {
  dataFileNameOf,
  formatManifest,
  manifestFileNameOf,
  snapshotFolderOf,
  type SnapshotManifest,
} from "../../../src/database/backup/snapshot-manifest.ts";
import { errorLike, withFolder } from "../../helpers/database.ts";
import { createSnapshotter, jobFor, openSample } from "./snapshot-rig.ts";

const HOUR_MS = 3_600_000;
/** A process that has ended: no number is this high (PID_MAX_LIMIT of Linux is 2^22). */
const DEAD_PROCESS = 2 ** 22 + 1;

interface Rig {
  readonly folder: string;
  readonly backupFolder: string;
  readonly manifests: readonly SnapshotManifest[];
  readonly pathOf: (name: string) => string;
}

/** Three snapshots, the oldest first. */
async function withSnapshots(body: (rig: Rig) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    openSample(join(folder, "sample.db"), 20).close();
    const create = createSnapshotter();
    const manifests: SnapshotManifest[] = [];
    for (const comment of ["first", "second", "third"]) manifests.push(await create(jobFor(folder, { comment })));
    const backupFolder = join(folder, "backups");
    const pathOf = (name: string): string => join(snapshotFolderOf(backupFolder), name);
    await body({ folder, backupFolder, manifests, pathOf });
  });
}

describe("the catalogue of snapshots", () => {
  it("is empty without a folder", async () => {
    await withFolder(async (folder) => {
      expect(await listSnapshots(folder)).toEqual({ snapshots: [], problems: [] });
      await expect(getSnapshot(folder, "12345678")).rejects.toThrow(errorLike({ code: "BACKUP_NOT_FOUND" }));
    });
  });

  it("lists what there is, the newest first, and finds each by its id", async () => {
    await withSnapshots(async ({ backupFolder, manifests, pathOf }) => {
      writeFileSync(pathOf("notes.txt"), "of somebody");
      const { snapshots, problems } = await listSnapshots(backupFolder);
      expect(snapshots.map(({ manifest }) => manifest)).toEqual([...manifests].reverse());
      expect(problems).toEqual([]);
      expect(await getSnapshot(backupFolder, manifests[1]!.id)).toEqual(snapshots[1]);
      expect(existsSync(snapshots[1]!.dataPath)).toBe(true);
    });
  });

  it("reports what cannot be used, goes on with the rest, and says so to who asks for it", async () => {
    await withSnapshots(async ({ backupFolder, manifests, pathOf }) => {
      const [first, second, third] = manifests as [SnapshotManifest, SnapshotManifest, SnapshotManifest];
      const text = readFileSync(pathOf(manifestFileNameOf(first)), "utf8");
      writeFileSync(pathOf(manifestFileNameOf(first)), text.replace('"first"', '"fi\u0001st"'));
      rmSync(pathOf(dataFileNameOf(second)));
      writeFileSync(pathOf("20261120T140509Z-aaaaaaaa.db.zst"), "data");
      mkdirSync(pathOf("20261120T140509Z-bbbbbbbb.json"));
      copyFileSync(pathOf(manifestFileNameOf(third)), pathOf("20261120T140509Z-cccccccc.json"));
      const { snapshots, problems } = await listSnapshots(backupFolder);
      expect(snapshots.map(({ manifest }) => manifest)).toEqual([third]);
      expect(Object.fromEntries(problems.map(({ id, kind }) => [id, kind]))).toEqual({
        ...{ [first.id]: "manifest-damaged", [second.id]: "data-missing" },
        ...{ aaaaaaaa: "data-without-manifest", bbbbbbbb: "unreadable", cccccccc: "manifest-damaged" },
      });
      for (const { id } of [first, second]) {
        await expect(getSnapshot(backupFolder, id)).rejects.toThrow(errorLike({ code: "BACKUP_DAMAGED" }));
      }
      writeFileSync(pathOf(dataFileNameOf(third)), "short");
      expect((await listSnapshots(backupFolder)).problems).toContainEqual(
        expect.objectContaining({ id: third.id, kind: "data-size" }),
      );
    });
  });
});

describe("pruning snapshots", () => {
  it("removes what the policy does not keep, with its data, and first says what that would be", async () => {
    await withSnapshots(async ({ backupFolder, manifests, pathOf }) => {
      const job = { kind: "prune-snapshots", backupFolder, policy: { newestCount: 2 } } as const;
      const [first, ...kept] = manifests as [SnapshotManifest, ...SnapshotManifest[]];
      const expected = { keep: kept.map(({ id }) => id).reverse(), remove: [first.id], freedBytes: first.storedBytes };
      expect(await pruneSnapshots({ ...job, isDryRun: true }, () => undefined)).toEqual(expected);
      expect((await listSnapshots(backupFolder)).snapshots.length).toBe(3);
      expect(await pruneSnapshots({ ...job, protectedIds: [first.id] }, () => undefined)).toMatchObject({ remove: [] });
      expect(await pruneSnapshots(job, () => undefined)).toEqual(expected);
      expect((await listSnapshots(backupFolder)).snapshots.map(({ manifest }) => manifest)).toEqual(
        [...kept].reverse(),
      );
      expect(existsSync(pathOf(dataFileNameOf(first)))).toBe(false);
    });
  });

  it("does not count a damaged one, and never removes the last that is sound", async () => {
    await withSnapshots(async ({ backupFolder, manifests, pathOf }) => {
      const [first, ...newer] = manifests as [SnapshotManifest, ...SnapshotManifest[]];
      for (const manifest of newer) {
        const damaged = { ...manifest, damage: { foundAt: 1, message: "a test" } };
        writeFileSync(pathOf(manifestFileNameOf(manifest)), formatManifest(damaged));
        expect(isVerified(damaged)).toBe(false);
      }
      const result = await pruneSnapshots(
        { kind: "prune-snapshots", backupFolder, policy: { newestCount: 1 } },
        () => undefined,
      );
      expect(result.remove).toEqual([]);
      expect(result.keep).toContain(first.id);
    });
  });
});

describe("leftovers", () => {
  it("are removed when their process is gone or they are old; what belongs to a snapshot or a running job stays", async () => {
    await withSnapshots(async ({ backupFolder, manifests, pathOf }) => {
      const names = {
        ofTheDead: `11111111.${DEAD_PROCESS}.copy.tmp`,
        journalOfTheDead: `11111111.${DEAD_PROCESS}.copy.tmp-journal`,
        ofTheLiving: `22222222.${process.pid}.stored.tmp`,
        manifest: "20261120T140509Z-33333333.json.tmp-ABCD1234",
        orphan: "20261120T140509Z-44444444.db",
      };
      for (const name of Object.values(names)) writeFileSync(pathOf(name), "");
      const damaged = manifests[0]!;
      writeFileSync(pathOf(manifestFileNameOf(damaged)), "{");
      writeFileSync(pathOf("notes.txt"), "of somebody");
      const now = Date.now();
      expect((await cleanSnapshotLeftovers(backupFolder, now)).sort()).toEqual([
        names.ofTheDead,
        names.journalOfTheDead,
      ]);
      const old = new Date(now - 100 * HOUR_MS);
      // A file that was moved here a moment ago may have been written long before.
      utimesSync(pathOf(names.orphan), old, old);
      renameSync(pathOf(names.orphan), pathOf(names.orphan));
      expect(await cleanSnapshotLeftovers(backupFolder, now)).toEqual([]);
      expect((await cleanSnapshotLeftovers(backupFolder, now + 2 * HOUR_MS)).sort()).toEqual(
        [names.ofTheLiving, names.manifest, names.orphan].sort(),
      );
      expect(existsSync(pathOf(dataFileNameOf(damaged)))).toBe(true);
      expect(existsSync(pathOf("notes.txt"))).toBe(true);
      expect((await listSnapshots(backupFolder)).snapshots.length).toBe(2);
    });
  });

  it("are none where there is no folder yet", async () => {
    await withFolder(async (folder) => expect(await cleanSnapshotLeftovers(folder)).toEqual([]));
  });
});
