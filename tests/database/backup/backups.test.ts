import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "../../../src/core/logger.ts";
import type { ArchiveEvent } from "../../../src/database/backup/archive-watch.ts";
import type { BackupEvent } from "../../../src/database/backup/backup-manager.ts";
import { Backups } from "../../../src/database/backup/backups.ts";
import type { MaintenanceJob } from "../../../src/database/maintenance/maintenance-job.ts";
import type { SqliteEngine } from "../../../src/database/sqlite/sqlite-engine.ts";
import { RecoveryLog } from "../../../src/resilience/recovery-log.ts";
import { createManifest } from "../../helpers/backup-fixtures.ts";
import { errorLike, withFolder } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

describe("the backups of a bot whose backup folder answers with an error", () => {
  it("start all the same, tell of it, and a backup is made as soon as one can be", async () => {
    await withFolder(async (folder) => {
      const clock = new ManualClock();
      const events: (BackupEvent | ArchiveEvent)[] = [];
      const jobs: MaintenanceJob["kind"][] = [];
      const engine = { onStateChange: () => () => undefined, flushArchive: async () => undefined };
      const backups = new Backups({
        databasePath: join(folder, "test.db"),
        folder: join(folder, "backups"),
        settings: () => ({
          ...{ isCompressed: true, key: undefined, maxBackups: 4, isArchiving: true, isEnabled: true },
          ...{ expression: "0 3 * * *", intervalMs: 0, drillExpression: "0 5 * * *", archiveIntervalMs: 1_000 },
        }),
        isAvailable: () => true,
        engine: engine as unknown as SqliteEngine,
        mark: () => Promise.resolve("mark"),
        run: (async ({ kind }: MaintenanceJob) => {
          jobs.push(kind);
          return kind === "create-snapshot" ? { manifest: createManifest() } : { remove: [], freedBytes: 0 };
        }) as never,
        cron: () => () => undefined,
        exclusively: (restore) => restore(false),
        recovery: new RecoveryLog({ clock, logger: silentLogger }),
        onEvent: (event) => events.push(event),
        onRepaired: () => undefined,
        onDamage: () => undefined,
        ...{ clock, logger: silentLogger },
      });
      mkdirSync(join(folder, "backups"));
      // For whoever may read everything, a file in the folder's place is a disk that does not answer.
      writeFileSync(join(folder, "backups", "snapshots"), "not a folder");

      await backups.start();
      const error = errorLike({ code: "BACKUP_FAILED", message: expect.stringContaining("look at the backups") });
      expect(events).toEqual([{ kind: "failed", reason: "start", error }]);

      rmSync(join(folder, "backups", "snapshots"));
      for (let second = 0; second < 15; second++) {
        clock.advance(1_000);
        await new Promise(setImmediate);
      }
      expect(jobs[0]).toBe("create-snapshot");
      expect(events.at(-1)).toMatchObject({ kind: "made" });
      await backups.stop();
    });
  });
});
