import { existsSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { segmentName } from "../../../src/database/backup/archive-index.ts";
import type { RestoreJob } from "../../../src/database/backup/execute-restore.ts";
import { planRestoreFrom } from "../../../src/database/backup/restore-sources.ts";
import type { SealSegmentsJob } from "../../../src/database/backup/seal-segments.ts";
import type { MaintenanceJob } from "../../../src/database/maintenance/maintenance-job.ts";
import { MaintenanceRunner } from "../../../src/database/maintenance/maintenance-runner.ts";
import { BackupHistory, dumpDatabase } from "../../helpers/backup-history.ts";
import { withFolder } from "../../helpers/database.ts";

/** Torture kills more often. */
const KILL_COUNT = process.env.RECOVERY_RUNS === undefined ? 4 : 24;
const REPORT_COUNT = 8;

/** Large enough for a kill to hit every step. */
function fill(history: BackupHistory): void {
  history.commit((database) => {
    const insert = database.prepare("INSERT INTO item (value) VALUES (zeroblob(100000))");
    for (let row = 0; row < 60; row++) insert.run();
  });
}

/** Kills the job a moment after its progress report of that number; undefined when it was done before. */
async function runUntilKilled(job: MaintenanceJob, reportNumber: number, delayMs: number): Promise<unknown> {
  const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
  let count = 0;
  const onProgress = (): void => {
    if (count++ !== reportNumber) return;
    const processId = runner.processId!;
    void wait(delayMs).then(() => {
      if (runner.processId === processId) process.kill(processId, "SIGKILL");
    });
  };
  return runner.run(job, { onProgress }).catch(() => undefined);
}

describe("a maintenance process that is killed", () => {
  it("while it restores: leaves nothing that is taken for complete and is not, and the next one is not troubled", async () => {
    await withFolder(async (folder) => {
      const history = new BackupHistory(folder);
      fill(history);
      await history.snapshot({ compression: "zstd" });
      for (let segment = 0; segment < 3; segment++) {
        history.checkpoint();
        fill(history);
      }
      const { content } = history.states.at(-1)!;
      history.close();
      const { databasePath, backupFolder } = history;
      const target = { kind: "newest" } as const;
      const job: RestoreJob = { kind: "restore", databasePath, backupFolder, target };
      const replacement = `${databasePath}.replacement`;
      let interruptedCount = 0;
      for (let kill = 0; kill < KILL_COUNT; kill++) {
        const result = await runUntilKilled(job, Math.floor((kill * REPORT_COUNT) / KILL_COUNT), Math.random() * 80);
        if (!result) interruptedCount++;
        if (existsSync(replacement)) expect(dumpDatabase(replacement)).toBe(content);
        for (const suffix of ["", "-wal", "-shm"]) await rm(replacement + suffix, { force: true });
      }
      expect(interruptedCount).toBeGreaterThan(0);
      await expect(runUntilKilled(job, Infinity, 0)).resolves.toMatchObject({ skipped: [], warnings: [] });
      expect(readdirSync(folder).sort()).toEqual(["backups", "test.db", "test.db.replacement"]);
      expect(dumpDatabase(replacement)).toBe(content);
    });
  }, 120_000);

  it("while it seals: leaves a whole file of every segment", async () => {
    await withFolder(async (folder) => {
      const history = new BackupHistory(folder);
      await history.snapshot();
      for (let segment = 0; segment < KILL_COUNT; segment++) {
        fill(history);
        history.checkpoint();
      }
      fill(history);
      const { backupFolder, databasePath, now } = history;
      history.close();
      const job: SealSegmentsJob = { kind: "seal-segments", backupFolder, compression: "zstd" };
      for (let kill = 0; kill < KILL_COUNT / 2; kill++) await runUntilKilled(job, 1, Math.random() * 40);
      await expect(
        planRestoreFrom({ kind: "plan-restore", backupFolder, target: { kind: "newest" } }),
      ).resolves.toMatchObject({ reachesAt: now, warnings: [] });
      const restored = await runUntilKilled(
        { kind: "restore", databasePath, backupFolder, target: { kind: "newest" } },
        Infinity,
        0,
      );
      expect(restored).toMatchObject({ skipped: [], warnings: [] });
      await runUntilKilled(job, Infinity, 0);
      const names = readdirSync(history.generationFolder).filter((name) => !name.endsWith(".zst"));
      expect(names.sort()).toEqual([segmentName(KILL_COUNT + 1), "index.ndjson"]);
      expect(existsSync(join(folder, "test.db.restoring"))).toBe(false);
    });
  }, 120_000);
});
