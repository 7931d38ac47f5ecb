import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { ArchiveEvent } from "../../src/database/backup/archive-watch.ts";
import type { BackupRequest, BackupStatus } from "../../src/database/backup/backup-manager.ts";
import { BackupSchedule, type BackupScheduleSettings } from "../../src/database/backup/backup-schedule.ts";
import type { SnapshotManifest } from "../../src/database/backup/snapshot-manifest.ts";
import { createManifest, startOf } from "./backup-fixtures.ts";
import { ManualClock } from "./manual-clock.ts";

const HOUR_MS = 3_600_000;

export interface Attempt {
  readonly at: number;
  readonly reason: string;
  readonly isSuccess: boolean;
}

/** A schedule on a clock that is set by hand, and backups that are made, or fail, as the test says. */
export class ScheduleRig {
  readonly clock = new ManualClock();
  readonly attempts: Attempt[] = [];
  readonly archiveEvents: ArchiveEvent[] = [];
  settings: BackupScheduleSettings = {
    ...{ isEnabled: true, expression: undefined, intervalMs: 6 * HOUR_MS },
    ...{ drillExpression: "0 5 * * *", archiveIntervalMs: 1_000 },
  };
  isAvailable = true;
  /** Whether the next backup succeeds. */
  succeeds = (): boolean => true;
  /** Backups that are begun wait for it. */
  gate: Promise<void> = Promise.resolve();
  status: BackupStatus = {
    ...{ backupStatus: undefined, lastBackup: undefined, lastError: undefined, archive: undefined },
    restoreVerifiedAt: undefined,
  };
  sealCount = 0;
  drillCount = 0;
  readonly #crons = new Map<string, () => void>();
  readonly schedule: BackupSchedule;

  constructor() {
    const readStatus = (): BackupStatus => this.status;
    this.schedule = new BackupSchedule({
      backups: {
        create: (request) => this.#create(request),
        drill: () => {
          this.drillCount++;
          return Promise.reject(new MusterError("SHUTTING_DOWN", "try: not here"));
        },
        seal: async () => void this.sealCount++,
        get status() {
          return readStatus();
        },
      },
      settings: () => this.settings,
      isAvailable: () => this.isAvailable,
      onArchiveEvent: (event) => this.archiveEvents.push(event),
      schedule: (expression, run) => {
        this.#crons.set(expression, run);
        return () => this.#crons.delete(expression);
      },
      clock: this.clock,
      logger: silentLogger,
    });
  }

  get expressions(): string[] {
    return [...this.#crons.keys()];
  }

  /** A moment of this expression comes. */
  async fire(expression: string): Promise<void> {
    this.#crons.get(expression)?.();
    await settle();
  }

  async advance(durationMs: number): Promise<void> {
    this.clock.advance(durationMs);
    await settle();
  }

  /** In steps that are short enough for everything to come when it is due, within `stepMs`. */
  async pass(durationMs: number, stepMs = 5_000): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += stepMs) await this.advance(stepMs);
  }

  async #create({ reason }: BackupRequest): Promise<SnapshotManifest> {
    const at = this.clock.now();
    const isSuccess = this.succeeds();
    this.attempts.push({ at, reason, isSuccess });
    await this.gate;
    if (!isSuccess) throw new MusterError("BACKUP_FAILED", "make a backup: as asked");
    const generation = this.status.archive?.generation ?? "";
    const manifest = createManifest({ createdAt: at, ...(generation === "" ? {} : startOf(generation)) });
    this.status = { ...this.status, lastBackup: manifest };
    return manifest;
  }
}

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  await new Promise(setImmediate);
}
