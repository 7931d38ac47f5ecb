import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MusterError } from "../../../src/core/errors.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import type { RestoreResult } from "../../../src/database/backup/execute-restore.ts";
import type { ArchiveFindings } from "../../../src/database/backup/inspect-archive.ts";
import { Recovery, type RecoveryState } from "../../../src/database/backup/recovery.ts";
import type { MaintenanceJob } from "../../../src/database/maintenance/maintenance-job.ts";
import type { MaintenanceRunner } from "../../../src/database/maintenance/maintenance-runner.ts";
import { offerPathOf } from "../../../src/database/sqlite/replacement.ts";
import { GracefulDegradation } from "../../../src/resilience/graceful-degradation.ts";
import { RecoveryLog } from "../../../src/resilience/recovery-log.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const FINDINGS: ArchiveFindings = {
  ...{ chain: "complete", archivedUntil: 1, isChangedSince: false, lostFrameCount: 0 },
  ...{ differingPageCount: undefined, uncomparable: undefined, isEarlierState: false },
};

/** Recovery on a clock that is set by hand; the jobs do nothing but what the test says, and write the offer's file. */
export class RecoveryRig {
  readonly clock = new ManualClock();
  readonly folder = mkdtempSync(join(tmpdir(), "muster-recovery-"));
  readonly databasePath = join(this.folder, "muster.db");
  readonly incidents: string[] = [];
  readonly jobs: MaintenanceJob["kind"][] = [];
  readonly degradation = new GracefulDegradation();
  /** What a check of the database finds. */
  lines: readonly string[] = ["page 2 is never used"];
  /** What keeps a job from succeeding. */
  readonly failures = new Map<MaintenanceJob["kind"], Error>();
  isAutomatic = true;
  /** How often the files were opened again. */
  openCount = 0;
  readonly recovery: Recovery;

  constructor() {
    const { clock, databasePath, degradation } = this;
    writeFileSync(databasePath, "damaged");
    this.recovery = new Recovery({
      ...{ databasePath, degradation, clock, logger: silentLogger, backupFolder: join(this.folder, "backups") },
      settings: () => ({ isAutomatic: this.isAutomatic, key: undefined, isArchiving: true }),
      engine: {
        withFilesReleased: (_, run) => run().finally(() => this.openCount++),
        status: () => {
          throw new Error("nobody asks");
        },
        onStateChange: () => () => undefined,
        expectFile: () => undefined,
      },
      run: (async (job: MaintenanceJob) => this.#run(job)) as MaintenanceRunner["run"],
      recovery: new RecoveryLog({ clock, logger: silentLogger }),
      onIncident: ({ kind }) => void this.incidents.push(kind),
    });
  }

  get state(): RecoveryState {
    return this.recovery.status().state;
  }
  /** undefined when there is none. */
  get offerFile(): number | undefined {
    return statSync(offerPathOf(this.databasePath), { throwIfNoEntry: false })?.ino;
  }
  countJobs(kind: MaintenanceJob["kind"]): number {
    return this.jobs.filter((job) => job === kind).length;
  }

  /** Somebody calls the database damaged; resolves when nothing more happens by itself. */
  async report(): Promise<void> {
    this.recovery.report(new MusterError("DATABASE_CORRUPT", "read a page: it is damaged"));
    await this.until("idle", "offered", "failed");
  }

  async until(...kinds: RecoveryState["kind"][]): Promise<void> {
    // The fakes answer at once; what takes its time is the file system, and on a busy disk an fsync takes seconds.
    const giveUpAt = Date.now() + 30_000;
    while (Date.now() < giveUpAt) {
      if (kinds.includes(this.state.kind)) return;
      await this.turn();
    }
    throw new Error(`the recovery is ${this.state.kind}, not ${kinds.join(" or ")}`);
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  writeOffer(): void {
    const path = offerPathOf(this.databasePath);
    // As a restore does: the new file is there before the former one goes.
    writeFileSync(`${path}.new`, "recovered");
    renameSync(`${path}.new`, path);
  }

  async close(): Promise<void> {
    await this.recovery.stop();
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true });
  }

  #run(job: MaintenanceJob): unknown {
    this.jobs.push(job.kind);
    const failure = this.failures.get(job.kind);
    if (failure) throw failure;
    switch (job.kind) {
      case "integrity-check":
        return { depth: job.depth, lines: this.lines, foreignKeyViolations: [], durationMs: 1 };
      case "inspect-archive":
        return FINDINGS;
      case "restore":
        this.writeOffer();
        return this.#createResult();
      case "exchange-database":
        rmSync(offerPathOf(this.databasePath));
        return { quarantineFolder: job.quarantineFolder };
      default:
        throw new Error(`nobody does ${job.kind}`);
    }
  }

  #createResult(): RestoreResult {
    return {
      ...{ path: offerPathOf(this.databasePath), snapshotId: "aaaaaaaa", reachedAt: this.clock.now() },
      ...{ appliedSegmentCount: 1, appliedFrameCount: 1, skipped: [], warnings: [], rows: { user: 3 } },
      ...{ schemaVersion: 1, foreignKeyViolations: 0, databaseBytes: 4096, durationsMs: {} },
    };
  }
}
