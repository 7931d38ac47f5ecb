import { copyFileSync, cpSync, readdirSync, rmSync, statSync } from "node:fs";
import { copyFile, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { indexPath, segmentName } from "../../../src/database/backup/archive-index.ts";
import { executeRestore, type RestoreResult } from "../../../src/database/backup/execute-restore.ts";
import type { RestoreTarget } from "../../../src/database/backup/restore-facts.ts";
import { sealSegments } from "../../../src/database/backup/seal-segments.ts";
import { BackupHistory, damageFile, dumpDatabase } from "../../helpers/backup-history.ts";
import { errorLike, withFolder } from "../../helpers/database.ts";
import { FAST_KDF } from "../../helpers/fast-kdf.ts";
import { silentProgress } from "../../helpers/silent-progress.ts";

async function withHistory(
  body: (history: BackupHistory, folder: string) => Promise<void>,
  options: ConstructorParameters<typeof BackupHistory>[1] = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const history = new BackupHistory(folder, options);
    try {
      await body(history, folder);
    } finally {
      history.close();
    }
  });
}

function restore(history: BackupHistory, target: RestoreTarget, key?: string): Promise<RestoreResult> {
  const { databasePath, backupFolder } = history;
  return executeRestore(
    { kind: "restore", databasePath, backupFolder, target, ...(key === undefined ? {} : { key }) },
    silentProgress,
  );
}

/** Restores an instant, and compares what it says it reached, and every row, with what was there then. */
async function expectInstant(history: BackupHistory, at: number, key?: string): Promise<RestoreResult> {
  const result = await restore(history, { kind: "instant", at }, key);
  const expected = history.stateAt(at)!;
  expect(statSync(result.path).size).toBe(result.databaseBytes);
  expect([result.reachedAt, dumpDatabase(result.path)]).toEqual([expected.at, expected.content]);
  return result;
}

function add(history: BackupHistory, rowCount = 20, bytes = 300): void {
  history.commit((database) => {
    const insert = database.prepare("INSERT INTO item (value) VALUES (randomblob(?))");
    for (let row = 0; row < rowCount; row++) insert.run(bytes);
  });
}

/** Three lives of the log, growing and shrinking, with snapshots in between. */
async function live(history: BackupHistory): Promise<void> {
  add(history);
  await history.snapshot();
  for (let round = 0; round < 3; round++) {
    for (let count = 0; count < 4; count++) add(history);
    history.commit((database) => database.exec("DELETE FROM item WHERE id % 3 = 0"));
    history.vacuum();
    history.commit((database) => database.exec("UPDATE item SET value = randomblob(10) WHERE id % 2 = 0"));
    if (round === 1) await history.snapshot();
    if (round === 1) history.restart();
    else history.checkpoint();
  }
  add(history);
}

function segmentPath(history: BackupHistory, segment: number): string {
  return join(history.generationFolder, segmentName(segment));
}

/** Lines of the index of the newest generation, each without its newline. */
async function readIndexLines(history: BackupHistory): Promise<string[]> {
  return (await readFile(indexPath(history.generationFolder), "utf8")).split("\n");
}

async function damageIndexLine(history: BackupHistory, isMeant: (line: string) => boolean): Promise<void> {
  const lines = await readIndexLines(history);
  const at = lines.findLastIndex(isMeant);
  lines[at] = lines[at]!.replace(/\d(?=\D*$)/, (digit) => String((Number(digit) + 1) % 10));
  await writeFile(indexPath(history.generationFolder), lines.join("\n"));
}

async function flipByte(path: string, share: number): Promise<void> {
  await damageFile(path, (content) => {
    const at = Math.floor(content.length * share);
    content[at] = content[at]! ^ 0x10;
  });
}

function listSnapshotFiles(history: BackupHistory, suffix: string): string[] {
  const folder = join(history.backupFolder, "snapshots");
  const names = readdirSync(folder).filter((name) => name.endsWith(suffix));
  return names.sort().map((name) => join(folder, name));
}

describe("executeRestore", () => {
  it("gives back every instant since the first snapshot, row by row", async () => {
    await withHistory(async (history) => {
      await live(history);
      for (const { at } of history.states.slice(2)) {
        await expectInstant(history, at);
        await expectInstant(history, at + 999);
      }
      const newest = await restore(history, { kind: "newest" });
      expect(dumpDatabase(newest.path)).toBe(history.states.at(-1)!.content);
      expect(newest).toMatchObject({ skipped: [], warnings: [], foreignKeyViolations: 0 });
    });
  });

  it("leaves the database alone, and nothing but the complete file beside it", async () => {
    await withHistory(async (history, folder) => {
      await live(history);
      const before = await readFile(history.databasePath);
      await writeFile(`${history.databasePath}.restoring`, "left by a job that was killed");
      await restore(history, { kind: "newest" });
      expect(await readFile(history.databasePath)).toEqual(before);
      const names = readdirSync(folder).sort();
      expect(names).toEqual(["backups", "test.db", "test.db-shm", "test.db-wal", "test.db.replacement"]);
    });
  });

  it.each([512, 1024, 65_536])("restores a database with pages of %d bytes", async (pageSize) => {
    await withHistory(
      async (history) => {
        await live(history);
        await expectInstant(history, history.now);
      },
      { pageSize },
    );
  });

  it.each([
    ["plain", "none", undefined],
    ["compressed", "zstd", undefined],
    ["encrypted", "none", "a passphrase"],
    ["compressed and encrypted", "zstd", "a passphrase"],
  ] as const)("reads segments that are %s", async (_, compression, key) => {
    await withHistory(
      async (history) => {
        await live(history);
        const { backupFolder } = history;
        const sealed = await sealSegments(
          { kind: "seal-segments", backupFolder, compression, ...(key === undefined ? {} : { key, kdf: FAST_KDF }) },
          silentProgress,
        );
        const isPlain = compression === "none" && key === undefined;
        expect(sealed).toMatchObject({ sealedCount: isPlain ? 0 : history.segment - 1, problems: [] });
        for (const { at } of [history.states[4]!, history.states.at(-1)!]) {
          await expectInstant(history, at, key);
        }
        if (key !== undefined) {
          const wrong = restore(history, { kind: "newest" }, "another passphrase");
          await expect(wrong).rejects.toEqual(errorLike({ code: "BACKUP_KEY_WRONG" }));
          await expect(restore(history, { kind: "newest" })).rejects.toEqual(errorLike({ code: "BACKUP_KEY_WRONG" }));
          expect(readdirSync(join(backupFolder, "..")).some((name) => name.includes("restoring"))).toBe(false);
        }
      },
      key === undefined ? {} : { key },
    );
  });

  it("gives a snapshot as it is, with the archive or without one", async () => {
    await withHistory(async (history) => {
      add(history);
      const alone = await history.snapshot({ hasArchive: false, compression: "zstd" });
      const expected = history.states.at(-1)!.content;
      add(history);
      const withArchive = await history.snapshot();
      add(history);
      const first = await restore(history, { kind: "snapshot", id: alone.id });
      expect(first).toMatchObject({ snapshotId: alone.id, appliedSegmentCount: 0, reachedAt: alone.createdAt });
      expect(dumpDatabase(first.path)).toBe(expected);
      const second = await restore(history, { kind: "snapshot", id: withArchive.id });
      expect(dumpDatabase(second.path)).toBe(history.stateAt(withArchive.createdAt)!.content);
      const between = await expectInstant(history, alone.createdAt);
      expect(between).toMatchObject({ snapshotId: alone.id, skipped: [] });
    });
  });

  it("ends where the database ended when it was smaller than the snapshot", async () => {
    await withHistory(async (history) => {
      for (let count = 0; count < 5; count++) add(history);
      await history.snapshot();
      history.commit((database) => database.exec("DELETE FROM item WHERE id > 3"));
      const { at } = history.vacuum();
      add(history);
      const { databaseBytes } = await expectInstant(history, at);
      expect(databaseBytes).toBeLessThan(5 * 4096);
    });
  });

  it("offers the file under another name when a person is to decide", async () => {
    await withHistory(async (history) => {
      await history.snapshot();
      const { databasePath, backupFolder } = history;
      const target = { kind: "newest" } as const;
      const job = { kind: "restore", databasePath, backupFolder, target, isOffer: true } as const;
      expect((await executeRestore(job, silentProgress)).path).toBe(`${databasePath}.offered`);
    });
  });

  it("refuses what cannot be had, and says what can", async () => {
    await withHistory(async (history) => {
      await expect(restore(history, { kind: "newest" })).rejects.toEqual(
        errorLike({ code: "BACKUP_NOT_FOUND", message: "restore the newest state: there is no snapshot" }),
      );
      const { createdAt } = await history.snapshot();
      add(history);
      const [from, to] = [createdAt, history.now].map((at) => new Date(at).toISOString()) as [string, string];
      const hint = `What can be restored: ${from} to ${to}.`;
      for (const target of [
        { kind: "instant", at: createdAt - 1 },
        { kind: "snapshot", id: "00000000" },
      ] as const) {
        await expect(restore(history, target)).rejects.toEqual(errorLike({ code: "BACKUP_NOT_FOUND", hint }));
      }
    });
  });

  it("reaches the last change before a gap, and says where the gap is", async () => {
    await withHistory(async (history) => {
      await history.snapshot();
      add(history);
      const before = history.states.at(-1)!;
      history.commitUnseen((database) => database.exec("INSERT INTO item (value) VALUES ('unseen')"));
      const lostAt = history.now;
      history.now += 1_000;
      history.beginGeneration();
      add(history);
      await history.snapshot();
      add(history);
      const result = await restore(history, { kind: "instant", at: lostAt });
      expect([result.reachedAt, dumpDatabase(result.path)]).toEqual([before.at, before.content]);
      expect(result.warnings).toEqual([expect.stringContaining("The archive was interrupted between")]);
      for (const { at } of history.states.slice(-2)) await expectInstant(history, at);
    });
  });

  it("takes what was archived and is not in the index yet for the newest state, but for no instant", async () => {
    await withHistory(async (history) => {
      await history.snapshot();
      add(history);
      add(history);
      const [, before, last] = history.states as [unknown, { content: string; at: number }, { content: string }];
      const lines = await readIndexLines(history);
      await writeFile(
        indexPath(history.generationFolder),
        `${lines.slice(0, -2).join("\n")}\n${lines.at(-2)!.slice(9)}`,
      );
      expect(dumpDatabase((await restore(history, { kind: "newest" })).path)).toBe(last.content);
      const instant = await restore(history, { kind: "instant", at: history.now });
      expect([instant.reachedAt, dumpDatabase(instant.path)]).toEqual([before.at, before.content]);
    });
  });
});

describe("executeRestore of what is damaged", () => {
  it("goes back to an older snapshot with more of the archive, and reaches the same state", async () => {
    await withHistory(async (history) => {
      await live(history);
      for (const change of [
        (path: string) => flipByte(path, 0.5),
        (path: string) => damageFile(path, (content) => content.subarray(0, content.length - 4096)),
        (path: string) => rm(path),
      ]) {
        const path = listSnapshotFiles(history, ".db").at(-1)!;
        const original = await readFile(path);
        await change(path);
        const result = await restore(history, { kind: "newest" });
        expect(dumpDatabase(result.path)).toBe(history.states.at(-1)!.content);
        expect(listSnapshotFiles(history, ".db")[0]).toContain(result.snapshotId);
        await writeFile(path, original);
      }
    });
  });

  it("uses the other file of a segment that a crash left twice", async () => {
    await withHistory(async (history) => {
      await live(history);
      const plain = segmentPath(history, 2);
      const copy = await readFile(plain);
      const { backupFolder } = history;
      await sealSegments({ kind: "seal-segments", backupFolder, compression: "zstd" }, silentProgress);
      await writeFile(plain, copy);
      await flipByte(`${plain}.zst`, 0.5);
      await rm(listSnapshotFiles(history, ".db").at(-1)!);
      const result = await restore(history, { kind: "newest" });
      expect(dumpDatabase(result.path)).toBe(history.states.at(-1)!.content);
      expect(result.skipped).toEqual([expect.stringContaining("00000002.wal.zst")]);
    });
  });

  it("reads segments that another process has sealed since the restore began", async () => {
    await withHistory(async (history, folder) => {
      await live(history);
      await rm(listSnapshotFiles(history, ".db").at(-1)!);
      const { databasePath, backupFolder, generation, generationFolder } = history;
      const sealed = join(folder, "sealed");
      cpSync(backupFolder, sealed, { recursive: true });
      await sealSegments({ kind: "seal-segments", backupFolder: sealed, compression: "zstd" }, silentProgress);
      let sealedCount = 0;
      // When it reports for the first time, it knows the names of all segments and has read none.
      const sealOnce = (): void => {
        if (sealedCount > 0) return;
        const names = readdirSync(join(sealed, "wal", generation)).filter((name) => name.endsWith(".zst"));
        for (const name of names) {
          copyFileSync(join(sealed, "wal", generation, name), join(generationFolder, name));
          rmSync(join(generationFolder, name.replace(".zst", "")));
        }
        sealedCount = names.length;
      };
      const target = { kind: "newest" } as const;
      const result = await executeRestore({ kind: "restore", databasePath, backupFolder, target }, sealOnce);
      expect(sealedCount).toBe(history.segment - 1);
      expect(result).toMatchObject({ warnings: [], skipped: [] });
      expect(dumpDatabase(result.path)).toBe(history.states.at(-1)!.content);
    });
  });

  const damages: readonly (readonly [string, (history: BackupHistory) => Promise<void>])[] = [
    ["a byte of a segment changed", (history) => flipByte(segmentPath(history, 2), 0.6)],
    ["a byte of the newest segment changed", (history) => flipByte(segmentPath(history, history.segment), 0.9)],
    ["the header of a segment changed", (history) => flipByte(segmentPath(history, 2), 0)],
    [
      "a segment cut off",
      (history) => damageFile(segmentPath(history, 2), (content) => content.subarray(0, 32 + 4120 * 5)),
    ],
    [
      "a segment cut off within a frame",
      (history) => damageFile(segmentPath(history, 2), (content) => content.subarray(0, -7)),
    ],
    ["an empty segment", (history) => writeFile(segmentPath(history, 2), "")],
    ["a missing segment", (history) => rm(segmentPath(history, 2))],
    [
      "two segments that have each other's names",
      async (history) => {
        const [first, second] = [segmentPath(history, 2), segmentPath(history, 3)];
        await rename(first, `${first}.other`);
        await rename(second, first);
        await rename(`${first}.other`, second);
      },
    ],
    ["a segment in place of another", (history) => copyFile(segmentPath(history, 1), segmentPath(history, 2))],
    [
      "a commit of the index changed",
      (history) => damageIndexLine(history, (line) => /commit","segment":2/.test(line)),
    ],
    [
      "a commit of the index changed behind the last snapshot",
      (history) => damageIndexLine(history, (line) => /commit","segment":3/.test(line)),
    ],
    ["the index's last commit changed", (history) => damageIndexLine(history, (line) => line.includes('"commit"'))],
    [
      "the begin of a segment changed in the index",
      (history) => damageIndexLine(history, (line) => /segment","segment":2/.test(line)),
    ],
    ["a mark of the index changed", (history) => damageIndexLine(history, (line) => line.includes('"settled"'))],
    [
      "the first line of the index changed",
      (history) => damageIndexLine(history, (line) => /segment","segment":1/.test(line)),
    ],
    ["an index that is gone", (history) => rm(indexPath(history.generationFolder))],
    [
      "an index that is cut off",
      (history) =>
        damageFile(indexPath(history.generationFolder), (content) => content.subarray(0, content.length / 2)),
    ],
    ["all snapshots but the first one gone", (history) => rm(listSnapshotFiles(history, ".json").at(-1)!)],
  ];
  /** Each damage looks at others of the instants; torture looks at all of them for every one. */
  const stride = process.env.RECOVERY_RUNS === undefined ? 3 : 1;
  const cases = damages.map(([name, damage], index) => [name, damage, index % stride] as const);
  it.each(cases)("%s: gives only what is right, and says what is missing", async (_, damage, first) => {
    await withHistory(async (history) => {
      await live(history);
      await damage(history);
      const states = history.states.slice(2).filter((_, index) => index % stride === first);
      const instants = states.map(({ at }): RestoreTarget => ({ kind: "instant", at }));
      const targets: RestoreTarget[] = [...instants, { kind: "newest" }];
      for (const target of targets) {
        const result = await restore(history, target);
        const wanted = history.stateAt(target.kind === "instant" ? target.at : history.now)!;
        const content = dumpDatabase(result.path);
        // A VACUUM changes no row, so two states may have the same content.
        const reached = history.states.findLast((state) => state.content === content && state.at <= wanted.at);
        // An index that is cut off may leave commits in the newest segment whose time nobody knows.
        if (target.kind === "newest") expect(reached!.at).toBeGreaterThanOrEqual(result.reachedAt);
        else expect(history.stateAt(result.reachedAt)!.content).toBe(content);
        expect(result.reachedAt).toBeLessThanOrEqual(wanted.at);
        if (reached !== wanted) expect([...result.skipped, ...result.warnings]).not.toEqual([]);
      }
    });
  });
});
