import { existsSync, readdirSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { segmentName } from "../../../src/database/backup/archive-index.ts";
import { executeRestore } from "../../../src/database/backup/execute-restore.ts";
import { planArchivePruning, pruneArchive } from "../../../src/database/backup/prune-archive.ts";
import { planRestoreFrom } from "../../../src/database/backup/restore-sources.ts";
import { sealSegments, type SealSegmentsJob } from "../../../src/database/backup/seal-segments.ts";
import { BackupHistory, damageFile, dumpDatabase } from "../../helpers/backup-history.ts";
import { withFolder } from "../../helpers/database.ts";
import { silentProgress } from "../../helpers/silent-progress.ts";

/** Five segments in the first generation, and two in the next one. */
async function withArchive(body: (history: BackupHistory, first: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const history = new BackupHistory(folder);
    try {
      const first = history.generationFolder;
      await history.snapshot();
      for (let segment = 2; segment <= 5; segment++) {
        history.checkpoint();
        add(history);
        if (segment === 3) await history.snapshot();
      }
      history.commitUnseen((database) => database.exec("INSERT INTO item (value) VALUES ('unseen')"));
      history.beginGeneration();
      add(history);
      await history.snapshot();
      history.checkpoint();
      add(history);
      await body(history, first);
    } finally {
      history.close();
    }
  });
}

function add(history: BackupHistory): void {
  history.commit((database) => database.exec("INSERT INTO item (value) VALUES (randomblob(3000))"));
}

function seal(
  { backupFolder }: BackupHistory,
  changes: Partial<SealSegmentsJob> = {},
): ReturnType<typeof sealSegments> {
  return sealSegments({ kind: "seal-segments", backupFolder, compression: "zstd", ...changes }, silentProgress);
}

function listSegments(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.includes(".wal"))
    .map((name) => name.replace(/^0*/, ""))
    .sort();
}

async function expectNewest({ databasePath, backupFolder, states }: BackupHistory): Promise<void> {
  const target = { kind: "newest" } as const;
  const { path } = await executeRestore({ kind: "restore", databasePath, backupFolder, target }, silentProgress);
  expect(dumpDatabase(path)).toBe(states.at(-1)!.content);
}

describe("sealSegments", () => {
  it("stores all segments but those that something may be added to", async () => {
    await withArchive(async (history, first) => {
      expect(await seal(history)).toMatchObject({ sealedCount: 5, problems: [] });
      expect(listSegments(first)).toEqual(["1.wal.zst", "2.wal.zst", "3.wal.zst", "4.wal.zst", "5.wal"]);
      expect(listSegments(history.generationFolder)).toEqual(["1.wal.zst", "2.wal"]);
      const { generation, segment } = history;
      expect(await seal(history, { writing: { generation, segment } })).toMatchObject({ sealedCount: 1 });
      expect(listSegments(first)).toContain("5.wal.zst");
      expect(listSegments(history.generationFolder)).toEqual(["1.wal.zst", "2.wal"]);
      await expectNewest(history);
    });
  });

  it("leaves the newest segment of a generation alone that began since it was asked for", async () => {
    await withArchive(async (history, first) => {
      const generation = first.split("/").at(-1)!;
      expect(await seal(history, { writing: { generation, segment: 5 } })).toMatchObject({ sealedCount: 5 });
      expect(listSegments(first)).toContain("5.wal");
      expect(listSegments(history.generationFolder)).toEqual(["1.wal.zst", "2.wal"]);
    });
  });

  it("removes a plain file that a crash left beside its sealed one, and what is unfinished", async () => {
    await withArchive(async (history, first) => {
      const plain = join(first, segmentName(2));
      const content = await readFile(plain);
      await seal(history);
      await writeFile(plain, content);
      await writeFile(`${plain}.zst.enc.tmp`, "unfinished");
      await seal(history);
      expect(listSegments(first)).toEqual(["1.wal.zst", "2.wal.zst", "3.wal.zst", "4.wal.zst", "5.wal"]);
    });
  });

  it("makes the sealed file anew when the one beside the plain file is damaged, or of another segment", async () => {
    await withArchive(async (history, first) => {
      const plain = join(first, segmentName(2));
      const content = await readFile(plain);
      await seal(history);
      const sealed = await readFile(`${plain}.zst`);
      for (const spoil of [
        () => damageFile(`${plain}.zst`, (stored) => stored.subarray(0, 50)),
        () => copyFile(join(first, `${segmentName(3)}.zst`), `${plain}.zst`),
      ]) {
        await writeFile(plain, content);
        await spoil();
        expect(await seal(history)).toMatchObject({ sealedCount: 1 });
        expect(await readFile(`${plain}.zst`)).toEqual(sealed);
        expect(existsSync(plain)).toBe(false);
      }
    });
  });

  it("does nothing when segments are to be neither compressed nor encrypted", async () => {
    await withArchive(async (history, first) => {
      expect(await seal(history, { compression: "none" })).toMatchObject({ sealedCount: 0 });
      expect(listSegments(first)).toHaveLength(5);
    });
  });
});

describe("pruneArchive", () => {
  const prune = ({ backupFolder }: BackupHistory, isDryRun = false): ReturnType<typeof pruneArchive> =>
    pruneArchive({ kind: "prune-archive", backupFolder, isDryRun }, silentProgress);

  async function removeSnapshots({ backupFolder }: BackupHistory, count: number): Promise<void> {
    const folder = join(backupFolder, "snapshots");
    for (const name of readdirSync(folder)
      .sort()
      .slice(0, 2 * count))
      await rm(join(folder, name));
  }

  it("keeps what the oldest snapshot of each generation needs", async () => {
    await withArchive(async (history, first) => {
      expect(await prune(history)).toMatchObject({ removedGenerations: [], removedSegmentCount: 0, freedBytes: 0 });
      await removeSnapshots(history, 1);
      expect(await prune(history, true)).toMatchObject({ removedSegmentCount: 2 });
      expect(listSegments(first)).toHaveLength(5);
      expect(await prune(history)).toMatchObject({ removedGenerations: [], removedSegmentCount: 2 });
      expect(listSegments(first)).toEqual(["3.wal", "4.wal", "5.wal"]);
      const { restorable } = await planRestoreFrom({
        ...{ kind: "plan-restore", backupFolder: history.backupFolder, target: { kind: "newest" } },
      });
      expect(restorable).toHaveLength(2);
      await expectNewest(history);
    });
  });

  it("removes generations that no snapshot uses, but not the newest one", async () => {
    await withArchive(async (history, first) => {
      await removeSnapshots(history, 2);
      expect(await prune(history)).toMatchObject({ removedGenerations: [first.split("/").at(-1)] });
      expect(existsSync(first)).toBe(false);
      await expectNewest(history);
      await removeSnapshots(history, 1);
      expect(await prune(history)).toMatchObject({ removedGenerations: [], removedSegmentCount: 0 });
      expect(listSegments(history.generationFolder)).toEqual(["1.wal", "2.wal"]);
    });
  });

  it("removes nothing while a backup cannot be read, and says which", async () => {
    await withArchive(async (history, first) => {
      const folder = join(history.backupFolder, "snapshots");
      for (const removed of readdirSync(folder).sort().slice(0, 2)) await rm(join(folder, removed));
      const manifest = join(folder, readdirSync(folder).sort()[1]!);
      expect(manifest).toMatch(/\.json$/);
      const content = await readFile(manifest);
      await rm(manifest);
      // A folder stands for what cannot be read: to root, as which tests may run, every file is readable.
      await mkdir(manifest);
      const held = await prune(history);
      expect(held).toMatchObject({ removedGenerations: [], removedSegmentCount: 0, freedBytes: 0 });
      expect(held.unreadable).toEqual([expect.stringContaining("cannot be read now: EISDIR")]);
      expect(listSegments(first)).toHaveLength(5);
      await rm(manifest, { recursive: true });
      await writeFile(manifest, content.subarray(0, -20));
      expect(await prune(history)).toMatchObject({ removedGenerations: [first.split("/").at(-1)], unreadable: [] });
    });
  });

  it("never removes the newest segment, whatever a snapshot says that it begins with", () => {
    const file = { name: "any", sizeBytes: 1, isCompressed: false, isEncrypted: false };
    const segments = [1, 2, 3].map((number) => ({
      ...{ number, salts: `${number}`, pageBytes: 4096, firstAt: 1, end: undefined, isSettled: true, files: [file] },
    }));
    const position = { generation: "a", segment: 9, offset: 0 };
    expect(planArchivePruning([{ name: "a", segments }], [{ from: position, until: position }]).segments).toEqual([
      { generation: "a", numbers: [1, 2] },
    ]);
  });

  it("keeps a generation that began while its only snapshot was made", () => {
    const segments = [1, 2].map((number) => ({
      ...{ number, salts: `${number}`, pageBytes: 4096, firstAt: 1, end: undefined, isSettled: true, files: [] },
    }));
    const generations = ["a", "b", "c"].map((name) => ({ name, segments: name === "b" ? segments : [] }));
    const from = { generation: "a", segment: 1, offset: 0 };
    const plan = planArchivePruning(generations, [{ from, until: { salts: "2", offset: 32 } }]);
    expect(plan).toEqual({ generations: [], segments: [] });
  });
});
