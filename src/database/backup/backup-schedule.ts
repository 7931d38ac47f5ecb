import type { Clock } from "../../core/clock.ts";
import { isMusterError } from "../../core/errors.ts";
import { Interval } from "../../core/interval.ts";
import type { Logger } from "../../core/logger.ts";
import { CronJob, type Schedule } from "../maintenance/cron-schedule.ts";
import { ArchiveWatch, type ArchiveEvent } from "./archive-watch.ts";
import type { BackupManager } from "./backup-manager.ts";
import type { SnapshotManifest, SnapshotReason } from "./snapshot-manifest.ts";
import { isOfFuture } from "./state-age.ts";

export interface BackupScheduleSettings {
  readonly isEnabled: boolean;
  /** When backups are made; undefined = every `intervalMs`. */
  readonly expression: string | undefined;
  readonly intervalMs: number;
  /** When it is tried whether the newest state can be restored. */
  readonly drillExpression: string;
  /** How long a commit may wait to be archived, milliseconds. */
  readonly archiveIntervalMs: number;
}

export interface BackupScheduleOptions {
  readonly backups: Pick<BackupManager, "create" | "drill" | "seal" | "status">;
  readonly settings: () => BackupScheduleSettings;
  /** Before a scheduled backup: damage that is in it already cannot be told from what was meant. */
  readonly scrub?: () => Promise<unknown>;
  readonly onArchiveEvent: (event: ArchiveEvent) => void;
  /** Whether there is a database that can be read now. */
  readonly isAvailable: () => boolean;
  readonly schedule: Schedule;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Those who come back after a restart are served first. */
const START_DELAY_MS = 10_000;
/** So long there is nothing that brings a new generation's writes back. */
const LOOK_INTERVAL_MS = 1_000;
/** After all tries of a backup have failed: the cause is more than a moment's. */
const PAUSE_AFTER_FAILURE_MS = 10 * 60_000;
const SEAL_INTERVAL_MS = 15 * 60_000;

/**
 * When backups are made: at the moments of a cron expression or so many hours after the last one, and whenever there is
 * nothing to restore from, because there is no backup yet or because the archive had to begin anew and needs one to
 * start from. One that fails is owed: it is tried again after a pause.
 */
export class BackupSchedule {
  readonly #options: BackupScheduleOptions;
  readonly #looking: Interval;
  readonly #archive = new ArchiveWatch();
  readonly #snapshots: CronJob;
  readonly #drills: CronJob;
  // Monotonic: a clock that is set back must not keep backups away until it has caught up.
  #startedAt = 0;
  #pausedUntil = -Infinity;
  /** The newest backup, and when it was made: the wall clock is asked once, when it is first seen. */
  #last: { readonly id: string; readonly madeAt: number } | undefined;
  /** A moment of the expression has come, and its backup failed. */
  #isOwed = false;
  #sealedAt = -Infinity;
  #sealedSegment = "";
  #running: Promise<void> | undefined;
  #drilling: Promise<void> | undefined;

  constructor(options: BackupScheduleOptions) {
    this.#options = options;
    const { clock, logger } = options;
    this.#snapshots = new CronJob(options.schedule, () => void this.#make("schedule"));
    this.#drills = new CronJob(options.schedule, () => void this.#drill());
    this.#looking = new Interval({
      clock,
      everyMs: () => LOOK_INTERVAL_MS,
      run: () => this.#look(),
      onError(error) {
        if (!isMusterError(error, "SHUTTING_DOWN")) logger.error("looking after the backups failed", { error });
      },
    });
  }

  start(): void {
    this.#startedAt = this.#options.clock.monotonic();
    this.#looking.start();
    this.apply();
  }

  async stop(): Promise<void> {
    this.#snapshots.stop();
    this.#drills.stop();
    await this.#looking.stop();
    await Promise.all([this.#running, this.#drilling]);
  }

  /** Takes up the settings as they are now. */
  apply(): void {
    const { isEnabled, expression, drillExpression } = this.#options.settings();
    this.#snapshots.set(isEnabled ? expression : undefined);
    this.#drills.set(isEnabled ? drillExpression : undefined);
  }

  async #look(): Promise<void> {
    const { clock, isAvailable, settings, backups, onArchiveEvent } = this.#options;
    const now = clock.monotonic();
    const { archiveIntervalMs } = settings();
    for (const event of this.#archive.look(backups.status.archive, archiveIntervalMs)) onArchiveEvent(event);
    // A backup that is being made is not waited for: the archive may need somebody's attention meanwhile.
    if (this.#running || !isAvailable() || now < this.#pausedUntil) return;
    const reason = settings().isEnabled ? this.#findReason(now) : undefined;
    if (now < this.#startedAt + START_DELAY_MS && reason !== "new-generation") return;
    if (reason) void this.#make(reason);
    else if (this.#isSealingDue(now)) await backups.seal();
  }

  #findReason(now: number): SnapshotReason | undefined {
    const { backups, settings, clock } = this.#options;
    const { lastBackup, archive } = backups.status;
    if (!lastBackup) return "start";
    if (archive && archive.generation !== "" && !startsGeneration(lastBackup, archive.generation))
      return "new-generation";
    const { expression, intervalMs } = settings();
    if (expression !== undefined) return this.#isOwed ? "schedule" : undefined;
    if (this.#last?.id !== lastBackup.id) {
      // How old one of the future is nobody knows: better one too many than none for so long.
      const ageMs = isOfFuture(lastBackup, clock.now()) ? Infinity : Math.max(0, clock.now() - lastBackup.createdAt);
      this.#last = { id: lastBackup.id, madeAt: now - ageMs };
    }
    return now - this.#last.madeAt >= intervalMs ? "schedule" : undefined;
  }

  /** Segments are closed by checkpoints: on an idle bot there is none, and nothing to do. */
  #isSealingDue(now: number): boolean {
    const { archive } = this.#options.backups.status;
    if (!archive || now - this.#sealedAt < SEAL_INTERVAL_MS) return false;
    this.#sealedAt = now;
    const place = `${archive.generation} ${archive.segment}`;
    const hasNew = place !== this.#sealedSegment;
    this.#sealedSegment = place;
    return hasNew;
  }

  /** Never rejects: a failed backup has been told of. One at a time. */
  #make(reason: SnapshotReason): Promise<void> {
    this.#running ??= this.#tryMake(reason).finally(() => (this.#running = undefined));
    return this.#running;
  }

  #drill(): Promise<void> {
    const { backups, isAvailable, logger } = this.#options;
    if (!isAvailable()) return Promise.resolve();
    this.#drilling ??= backups
      .drill()
      .then(
        () => undefined,
        (error: unknown) => {
          if (!isMusterError(error, "SHUTTING_DOWN")) logger.error("the backups could not be tried", { error });
        },
      )
      .finally(() => (this.#drilling = undefined));
    return this.#drilling;
  }

  async #tryMake(reason: SnapshotReason): Promise<void> {
    const { backups, clock, logger } = this.#options;
    try {
      const { scrub } = this.#options;
      if (reason === "schedule" && scrub) await this.#check(scrub);
      const { id, databaseBytes, storedBytes } = await backups.create({ reason });
      this.#isOwed = false;
      logger.info("backup made", { id, reason, databaseBytes, storedBytes });
    } catch (error) {
      if (isMusterError(error, "SHUTTING_DOWN")) return;
      this.#pausedUntil = clock.monotonic() + PAUSE_AFTER_FAILURE_MS;
      this.#isOwed = reason === "schedule";
      logger.error("no backup could be made", { reason, error });
    }
  }

  /** A backup of what may be damaged is better than none: the archive still has what was there before. */
  async #check(scrub: () => Promise<unknown>): Promise<void> {
    try {
      await scrub();
    } catch (error) {
      if (isMusterError(error, "SHUTTING_DOWN")) throw error;
      this.#options.logger.error("the pages of the database were not checked before the backup", { error });
    }
  }
}

/** Whether the generation can be restored with this snapshot. */
function startsGeneration({ archive }: SnapshotManifest, generation: string): boolean {
  return archive?.from.generation === generation;
}
