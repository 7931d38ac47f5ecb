import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import {
  BackupManager,
  type BackupEvent,
  type BackupManagerOptions,
} from "../../../src/database/backup/backup-manager.ts";
import {
  dataFileNameOf,
  formatManifest,
  manifestFileNameOf,
  snapshotFolderOf,
  type SnapshotManifest,
} from "../../../src/database/backup/snapshot-manifest.ts";
import type { MaintenanceJob, MaintenanceResult } from "../../../src/database/maintenance/maintenance-job.ts";
import { MaintenanceRunner } from "../../../src/database/maintenance/maintenance-runner.ts";
import { createArchiveStatus, createManifest, startOf } from "../../helpers/backup-fixtures.ts";
import { createCounterDatabase, errorLike, withFolder } from "../../helpers/database.ts";

const FULL = new MusterError("BACKUP_FAILED", "make a backup: no space left on device");
const NOTHING_PRUNED = { removedGenerations: [], removedSegmentCount: 0, freedBytes: 0, unreadable: [] };
const RETRY = { maxAttempts: 3, baseDelay: 1, maxDelay: 1, backoffMultiplier: 1 };

/** A manager whose jobs are answered here. */
class Rig {
  readonly jobs: MaintenanceJob[] = [];
  readonly events: BackupEvent[] = [];
  /** What the next jobs of a kind end with, in order; then they succeed. */
  readonly failures: { readonly kind: MaintenanceJob["kind"]; readonly error: unknown }[] = [];
  /** What jobs of a kind give that are not answered below. */
  readonly answers = new Map<MaintenanceJob["kind"], unknown>();
  readonly manager: BackupManager;
  flushCount = 0;
  verification: MaintenanceResult<Extract<MaintenanceJob, { kind: "verify-snapshot" }>>["outcome"] = "sound";

  constructor(changes: Partial<BackupManagerOptions> = {}) {
    this.manager = new BackupManager({
      ...{ databasePath: "/nowhere/test.db", folder: "/nowhere/backups" },
      settings: () => ({ isCompressed: true, key: "secret", maxBackups: 4, isArchiving: true }),
      retry: () => RETRY,
      run: (job) => this.#run(job) as never,
      getArchiveStatus: () => createArchiveStatus("a", { segment: 7 }),
      flushArchive: async () => void this.flushCount++,
      mark: () => Promise.resolve("mark"),
      ...{ clock: systemClock, logger: silentLogger, ...changes },
    });
    this.manager.onEvent((event) => this.events.push(event));
  }

  get kinds(): string[] {
    return this.jobs.map(({ kind }) => kind);
  }

  async #run(job: MaintenanceJob): Promise<unknown> {
    this.jobs.push(job);
    const index = this.failures.findIndex(({ kind }) => kind === job.kind);
    if (index !== -1) throw this.failures.splice(index, 1)[0]!.error;
    switch (job.kind) {
      case "create-snapshot":
        return { manifest: createManifest({ reason: job.reason }), durationsMs: {} };
      case "prune-snapshots":
        return { remove: ["00000000"], keep: [], freedBytes: 10 };
      case "prune-archive":
        return this.answers.get(job.kind) ?? { ...NOTHING_PRUNED, freedBytes: 5 };
      case "verify-snapshot":
        return { outcome: this.verification, findings: ["row 7 is missing"] };
      default:
        return this.answers.get(job.kind) ?? {};
    }
  }
}

describe("the backup manager", () => {
  it("makes a snapshot behind what the archive has taken in, then removes and seals what is not needed", async () => {
    const rig = new Rig();
    const making = rig.manager.create({ reason: "manual", comment: "first" });
    expect(rig.manager.status.backupStatus).toBe("IN_PROGRESS");
    const manifest = await making;
    expect(rig.flushCount).toBe(1);
    expect(rig.kinds).toEqual(["create-snapshot", "prune-snapshots", "prune-archive", "seal-segments"]);
    expect(rig.jobs[0]).toMatchObject({ compression: "zstd", key: "secret", hasArchive: true, comment: "first" });
    expect(rig.jobs[1]).toMatchObject({ policy: { newestCount: 4 } });
    expect(rig.jobs[3]).toMatchObject({ compression: "zstd", key: "secret", writing: { generation: "a", segment: 7 } });
    expect(rig.events).toEqual([{ kind: "made", manifest }]);
    expect(rig.manager.status).toMatchObject({ backupStatus: "SUCCESS", lastBackup: manifest, lastError: undefined });
  });

  it("tries a failing backup again, and tells of it only when all tries have failed", async () => {
    const rig = new Rig();
    rig.failures.push(...Array.from({ length: 2 }, () => ({ kind: "create-snapshot" as const, error: FULL })));
    await rig.manager.create({ reason: "schedule" });
    expect(rig.events.map(({ kind }) => kind)).toEqual(["made"]);
    rig.failures.push(...Array.from({ length: 3 }, () => ({ kind: "create-snapshot" as const, error: FULL })));
    await expect(rig.manager.create({ reason: "schedule" })).rejects.toThrow(FULL);
    expect(rig.events.at(-1)).toEqual({ kind: "failed", reason: "schedule", error: FULL });
    expect(rig.manager.status).toMatchObject({ backupStatus: "FAILED", lastError: FULL.message });
    expect(rig.manager.status.lastBackup).toBeDefined();
    await rig.manager.create({ reason: "schedule" });
    expect(rig.manager.status).toMatchObject({ backupStatus: "SUCCESS", lastError: undefined });
  });

  describe("after a start", () => {
    const NOW = systemClock.now();
    const AHEAD_MS = 400 * 86_400_000;
    const GENERATION = {
      old: "20261101T000000000Z-a",
      ahead: "20271101T000000000Z-b",
      newest: "20271101T000000001Z-c",
    };
    const old = createManifest({ createdAt: NOW - 9_000, ...startOf(GENERATION.old) });
    const ahead = createManifest({ createdAt: NOW + AHEAD_MS, ...startOf(GENERATION.ahead) });
    const newest = createManifest({ createdAt: NOW - 5_000, ...startOf(GENERATION.newest) });
    const alone = createManifest({ createdAt: NOW - 1_000 });
    const aheadAlone = createManifest({ createdAt: NOW + AHEAD_MS });

    it.each([
      ["the one made last", [old, newest], newest, true],
      ["not one that was made earlier while the clock was ahead", [old, ahead, newest], newest, true],
      ["the one made last also when the clock was set back since", [old, ahead], ahead, true],
      ["not one of the future without an archive, which has others", [old, aheadAlone, newest], newest, true],
      ["not one of the future, without an archive", [ahead, aheadAlone, alone], alone, false],
      ["one of the future when there is no other", [aheadAlone], aheadAlone, false],
    ])("takes for the last backup %s", async (_, manifests: SnapshotManifest[], last, isArchiving) => {
      await withFolder(async (folder) => {
        const snapshots = snapshotFolderOf(folder);
        mkdirSync(snapshots, { recursive: true });
        for (const manifest of manifests) {
          writeFileSync(join(snapshots, manifestFileNameOf(manifest)), formatManifest(manifest));
          writeFileSync(join(snapshots, dataFileNameOf(manifest)), Buffer.alloc(manifest.storedBytes));
        }
        const settings = () => ({ isCompressed: true, key: undefined, maxBackups: 4, isArchiving });
        const { manager } = new Rig({ databasePath: join(folder, "test.db"), folder, settings });
        await manager.start();
        expect(manager.status.lastBackup?.id).toBe(last.id);
      });
    });
  });

  it("tries only once what no further try mends", async () => {
    const rig = new Rig();
    rig.failures.push({ kind: "create-snapshot", error: new MusterError("DATABASE_CORRUPT", "read: damaged") });
    await expect(rig.manager.create({ reason: "manual" })).rejects.toThrow(errorLike({ code: "DATABASE_CORRUPT" }));
    expect(rig.kinds).toEqual(["create-snapshot"]);
  });

  it("lets a backup count whose housekeeping fails", async () => {
    const rig = new Rig();
    rig.failures.push({ kind: "prune-snapshots", error: FULL });
    await rig.manager.create({ reason: "manual" });
    expect(rig.manager.status.backupStatus).toBe("SUCCESS");
    expect(rig.events.map(({ kind }) => kind)).toEqual(["made"]);
  });

  it("adds up what pruning frees, and passes a dry run on", async () => {
    const rig = new Rig();
    expect(await rig.manager.prune(true)).toEqual({ removedIds: ["00000000"], freedBytes: 15 });
    expect(rig.jobs).toEqual([
      expect.objectContaining({ kind: "prune-snapshots", isDryRun: true }) as unknown,
      expect.objectContaining({ kind: "prune-archive", isDryRun: true }) as unknown,
    ]);
  });

  it("warns of a backup that cannot be read, for whose sake nothing is removed from the archive", async () => {
    const warnings: string[] = [];
    const rig = new Rig({ logger: { ...silentLogger, warn: (message) => void warnings.push(message) } });
    rig.answers.set("prune-archive", { ...NOTHING_PRUNED, unreadable: ["20261120T140509Z-bbbbbbbb.json: EACCES"] });
    await rig.manager.create({ reason: "schedule" });
    expect(warnings).toEqual([
      expect.stringContaining("nothing is removed from the archive: the backup 20261120T140509Z"),
    ]);
  });

  it("tells of a backup that a verification finds unusable, and of no other", async () => {
    const rig = new Rig();
    await rig.manager.verify("1a2b3c4d");
    expect(rig.events).toEqual([]);
    rig.verification = "unusable";
    await rig.manager.verify("1a2b3c4d");
    expect(rig.events).toEqual([{ kind: "damaged", id: "1a2b3c4d", findings: ["row 7 is missing"] }]);
  });

  it("seals without a place while nothing is being archived", async () => {
    const rig = new Rig({ getArchiveStatus: () => createArchiveStatus("") });
    await rig.manager.seal();
    expect(rig.jobs[0]).not.toHaveProperty("writing");
  });

  it("ends a backup in progress when it is stopped, and raises no alarm", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder });
      await database.manager.start();
      const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
      const rig = new Rig({
        ...{ databasePath: database.path, folder: join(folder, "backups") },
        run: (job, options) => runner.run(job, options),
      });
      const making = rig.manager.create({ reason: "schedule" });
      const refused = expect(making).rejects.toThrow(errorLike({ code: "SHUTTING_DOWN" }));
      await new Promise(setImmediate);
      rig.manager.stop();
      await refused;
      expect(rig.events).toEqual([]);
      await database.close();
    });
  });

  it("finds out at the start what there is, and removes what interrupted work has left", async () => {
    await withFolder(async (folder) => {
      const database = createCounterDatabase({ folder });
      await database.manager.start();
      await database.manager.call("counter.add", { name: "a", amount: 1 });
      const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
      const backups = join(folder, "backups");
      const settings = () => ({ isCompressed: false, key: undefined, maxBackups: 4, isArchiving: false });
      const real = { databasePath: database.path, folder: backups, settings };
      const run: BackupManagerOptions["run"] = (job, options) => runner.run(job, options);
      const { id } = await new Rig({ ...real, run }).manager.create({ reason: "manual" });
      mkdirSync(join(backups, "snapshots"), { recursive: true });
      writeFileSync(`${database.path}.restoring`, "unfinished");
      const later = new Rig({ ...real, run });
      expect(later.manager.status.lastBackup).toBeUndefined();
      await later.manager.start();
      expect(later.manager.status.lastBackup).toMatchObject({ id, rows: { counter: 1 } });
      await expect(later.manager.verify(id)).resolves.toMatchObject({ outcome: "sound" });
      await database.close();
    });
  });

  it("says what a restore of the newest state would lack while the archive cannot be written, and refuses it", async () => {
    const behind = createArchiveStatus("a", { pendingSince: Date.UTC(2026, 0, 1), lastError: "EIO" });
    const rig = new Rig({ getArchiveStatus: () => behind });
    rig.answers.set("plan-restore", { warnings: ["another"] });
    expect(await rig.manager.planRestore({ kind: "newest" })).toMatchObject({
      warnings: [expect.stringMatching(/^What was changed since 2026-01-01.* is missing: the archive/), "another"],
    });
    expect(await rig.manager.planRestore({ kind: "instant", at: 0 })).toMatchObject({ warnings: ["another"] });
    await expect(rig.manager.requireArchived()).rejects.toThrow(errorLike({ code: "BACKUP_NOT_FOUND" }));
  });

  it("lets the newest state be restored when all is archived, or only the last write is on its way", async () => {
    for (const changes of [{}, { pendingSince: 5 }]) {
      const rig = new Rig({ getArchiveStatus: () => createArchiveStatus("a", changes) });
      await expect(rig.manager.requireArchived()).resolves.toBeUndefined();
    }
  });
});
