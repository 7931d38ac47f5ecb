import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { RestoreResult } from "../../../src/database/backup/execute-restore.ts";
import { Restorer, type RestorerOptions } from "../../../src/database/backup/restorer.ts";
import type { MaintenanceJob } from "../../../src/database/maintenance/maintenance-job.ts";
import { RecoveryLog } from "../../../src/resilience/recovery-log.ts";
import { errorLike, withFolder } from "../../helpers/database.ts";

const RESULT: RestoreResult = {
  ...{ path: "/nowhere/test.db.prepared", snapshotId: "1a2b3c4d", reachedAt: 1, appliedSegmentCount: 0 },
  ...{ appliedFrameCount: 0, skipped: [], warnings: [], rows: {}, schemaVersion: 1, foreignKeyViolations: 0 },
  ...{ databaseBytes: 4096, durationsMs: {} },
};

/** A restorer under a bot whose archive lacks what `unarchived` says once its files are released. */
function createRig(
  unarchived: string | undefined,
  databasePath = "/nowhere/test.db",
): { restorer: Restorer; jobs: MaintenanceJob[]; order: string[] } {
  const jobs: MaintenanceJob[] = [];
  const order: string[] = [];
  const options: RestorerOptions = {
    databasePath,
    backups: {
      requireArchived: async () => undefined,
      prepareRestore: async () => (order.push("prepare"), RESULT),
      completeArchive: async () => (order.push("complete"), unarchived),
    },
    engine: { withFilesReleased: async (_, run) => (order.push("release"), await run()) },
    run: async (job) => (jobs.push(job), { quarantineFolder: "/nowhere/quarantine", hadOffer: false }) as never,
    exclusively: (restore) => restore(false),
    recovery: new RecoveryLog({ clock: systemClock, logger: silentLogger }),
    clock: systemClock,
  };
  return { restorer: new Restorer(options), jobs, order };
}

describe("a restore under a running bot", () => {
  it("completes the archive when nobody writes any more, before the newest state is put together", async () => {
    const { restorer, jobs, order } = createRig(undefined);
    expect(await restorer.restore({ kind: "newest" })).toMatchObject({ warnings: [] });
    expect(order).toEqual(["release", "complete", "prepare"]);
    expect(jobs).toMatchObject([{ kind: "exchange-database" }]);
  });

  it("leaves the database in its place when the newest state turns out not to be archived", async () => {
    const { restorer, jobs } = createRig("What was changed last is in no backup.");
    const refusal = {
      code: "BACKUP_NOT_FOUND",
      message: "restore the newest state: What was changed last is in no backup.",
    };
    await expect(restorer.restore({ kind: "newest" })).rejects.toEqual(errorLike(refusal));
    expect(jobs).toEqual([]);
  });

  it("says so where an earlier state is restored", async () => {
    const { restorer, jobs, order } = createRig("What was changed last is in no backup.");
    const { warnings } = await restorer.restore({ kind: "instant", at: 1 });
    expect(warnings).toEqual(["What was changed last is in no backup."]);
    expect(order).toEqual(["prepare", "release", "complete"]);
    expect(jobs).toMatchObject([{ kind: "exchange-database" }]);
  });

  it("leaves nothing that it has prepared when it is not exchanged, and leaves what is offered", () =>
    withFolder(async (folder) => {
      const path = join(folder, "test.db");
      const { restorer, jobs } = createRig("What was changed last is in no backup.", path);
      for (const suffix of [".prepared", ".offered"]) writeFileSync(path + suffix, "a database");
      await expect(restorer.restore({ kind: "newest" })).rejects.toThrow("in no backup");
      expect([jobs, readdirSync(folder)]).toEqual([[], ["test.db.offered"]]);
    }));
});
