import { existsSync, statSync } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { RetryConfig } from "../../resilience/backoff.ts";
import { RetryManager } from "../../resilience/retry-manager.ts";
import type { MaintenanceJob, MaintenanceResult } from "../maintenance/maintenance-job.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import type { MaintenanceRunner } from "../maintenance/maintenance-runner.ts";
import { isPutInPlace, offerPathOf } from "../sqlite/replacement.ts";
import type { ArchiveStatus } from "../sqlite/wal-archive.ts";
import { removeRestoreLeftovers, type RestoreResult } from "./execute-restore.ts";
import type { RestoreDrillResult } from "./restore-drill.ts";
import { formatInstant, type RestoreTarget } from "./restore-facts.ts";
import type { RestorePlanSummary } from "./restore-sources.ts";
import type { RetentionPolicy } from "./retention.ts";
import { isVerified, listSnapshots, type SnapshotCatalogue } from "./snapshot-catalogue.ts";
import { cleanSnapshotLeftovers } from "./snapshot-files.ts";
import type { SnapshotManifest, SnapshotReason } from "./snapshot-manifest.ts";
import { isOfFuture } from "./state-age.ts";
import { describeFailure, describeOffer, describeUnarchived } from "./unarchived.ts";
import type { VerifySnapshotResult } from "./verify-snapshot.ts";

export interface BackupSettings {
  readonly isCompressed: boolean;
  /** Passphrase; undefined = not encrypted. */
  readonly key: string | undefined;
  /** How many verified snapshots are kept. */
  readonly maxBackups: number;
  /** What is kept besides them: the newest of so many days, weeks and months. Default none. */
  readonly keep?: Omit<RetentionPolicy, "newestCount">;
  readonly isArchiving: boolean;
}

export interface BackupManagerOptions {
  readonly databasePath: string;
  /** `DB_BACKUP_DIR`. */
  readonly folder: string;
  readonly settings: () => BackupSettings;
  /** For a backup that fails. */
  readonly retry: () => RetryConfig;
  readonly run: MaintenanceRunner["run"];
  readonly getArchiveStatus: () => ArchiveStatus | undefined;
  /** Has the archive take in what is committed: a snapshot begins where it ends. */
  readonly flushArchive: () => Promise<void>;
  /** Writes something that changes nothing; its id, when it is acknowledged. Without a running bot nobody does. */
  readonly mark?: () => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface BackupRequest {
  readonly reason: SnapshotReason;
  /** At most 200 characters. Default empty. */
  readonly comment?: string;
  readonly onProgress?: ReportProgress;
}

/** What has happened to the backups: for the audit log, alerts and people. */
export type BackupEvent =
  | { readonly kind: "made"; readonly manifest: SnapshotManifest }
  | { readonly kind: "failed"; readonly reason: SnapshotReason; readonly error: MusterError }
  | { readonly kind: "damaged"; readonly id: string; readonly findings: readonly string[] }
  /** Whether the newest state can be restored from the backups. */
  | {
      readonly kind: "drill";
      readonly result: RestoreDrillResult | undefined;
      readonly error: MusterError | undefined;
    };

export interface BackupStatus {
  /** Of the last one that was begun since the start; undefined = none was. */
  readonly backupStatus: "SUCCESS" | "FAILED" | "IN_PROGRESS" | undefined;
  /** The newest verified snapshot, as far as it is known. */
  readonly lastBackup: SnapshotManifest | undefined;
  readonly lastError: string | undefined;
  readonly archive: ArchiveStatus | undefined;
  /** The last state that was restored on trial and found complete, epoch milliseconds; undefined = none since the start. */
  readonly restoreVerifiedAt: number | undefined;
}

/** What no further try mends. */
const LASTING_CODES = ["SHUTTING_DOWN", "INPUT_INVALID", "DATABASE_CORRUPT", "BACKUP_KEY_WRONG"] as const;

/**
 * Makes, lists, verifies and prunes snapshots, and plans restores; each heavy step is a job of the maintenance process.
 * A snapshot is tried several times before it counts as failed, and afterwards what is not needed any more is removed.
 */
export class BackupManager {
  readonly #options: BackupManagerOptions;
  readonly #retry: RetryManager;
  readonly #listeners = new Set<(event: BackupEvent) => void>();
  readonly #stopping = new AbortController();
  #backupStatus: BackupStatus["backupStatus"];
  #lastBackup: SnapshotManifest | undefined;
  #lastError: string | undefined;
  #restoreVerifiedAt: number | undefined;

  constructor(options: BackupManagerOptions) {
    const { clock, retry, logger } = options;
    this.#options = options;
    this.#retry = new RetryManager({
      clock,
      config: retry,
      // What a copy was found to have, the next would have as well.
      isRetryable: (error) => !isMusterError(error, ...LASTING_CODES) && !hasFindings(error),
      onRetry: ({ attempt, delayMs, error }) =>
        logger.warn("a backup failed, trying again", { attempt, delayMs, error }),
    });
  }

  onEvent(listener: (event: BackupEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get status(): BackupStatus {
    return {
      backupStatus: this.#backupStatus,
      lastBackup: this.#lastBackup,
      lastError: this.#lastError,
      archive: this.#options.getArchiveStatus(),
      restoreVerifiedAt: this.#restoreVerifiedAt,
    };
  }

  /** Removes what interrupted work left behind, and finds out what there is. */
  async start(): Promise<void> {
    const { databasePath, folder, logger } = this.#options;
    await removeRestoreLeftovers(databasePath);
    const removed = await cleanSnapshotLeftovers(folder);
    if (removed.length > 0) logger.info("leftovers of interrupted backups removed", { count: removed.length });
    const { problems } = await this.list();
    for (const { id, message } of problems) logger.warn("a backup cannot be used", { id, message });
  }

  stop(): void {
    this.#stopping.abort(new MusterError("SHUTTING_DOWN", "make a backup: the program is stopping"));
  }

  /** The newest first. */
  async list(): Promise<SnapshotCatalogue> {
    const { folder, settings, clock } = this.#options;
    const catalogue = await listSnapshots(folder);
    const verified = catalogue.snapshots.map(({ manifest }) => manifest).filter(isVerified);
    const { isArchiving } = settings();
    const now = clock.now();
    // Where no archive tells the order, one of the future would stay the newest, and never be made up for by another.
    const isNewest = (backup: SnapshotManifest): boolean =>
      (isArchiving && backup.archive !== null) || !isOfFuture(backup, now);
    this.#lastBackup = verified.find(isNewest) ?? verified[0];
    return catalogue;
  }

  /** Throws BACKUP_FAILED when all tries have failed. */
  async create({ reason, comment = "", onProgress }: BackupRequest): Promise<SnapshotManifest> {
    const { databasePath, folder, settings, retry, flushArchive } = this.#options;
    this.#backupStatus = "IN_PROGRESS";
    try {
      const { manifest } = await this.#retry.execute(
        "make a backup",
        async () => {
          const { isCompressed, key, isArchiving } = settings();
          await flushArchive();
          return this.#run(
            {
              ...{ kind: "create-snapshot", databasePath, backupFolder: folder, reason, comment, key },
              ...{ compression: isCompressed ? "zstd" : "none", hasArchive: isArchiving },
            },
            onProgress,
          );
        },
        { signal: this.#stopping.signal, maxAttempts: retry().maxAttempts },
      );
      this.#backupStatus = "SUCCESS";
      this.#lastBackup = manifest;
      this.#lastError = undefined;
      this.#tell({ kind: "made", manifest });
      await this.#tidy();
      return manifest;
    } catch (thrown) {
      const error = toBackupError(thrown);
      this.#backupStatus = "FAILED";
      this.#lastError = error.message;
      if (error.code !== "SHUTTING_DOWN") this.#tell({ kind: "failed", reason, error });
      throw error;
    }
  }

  /** Unpacks a snapshot and looks over all of it. Throws BACKUP_NOT_FOUND. */
  async verify(id: string, onProgress?: ReportProgress): Promise<VerifySnapshotResult> {
    const { folder, settings } = this.#options;
    const result = await this.#run(
      { kind: "verify-snapshot", backupFolder: folder, id, key: settings().key },
      onProgress,
    );
    if (result.outcome === "unusable") this.#tell({ kind: "damaged", id, findings: result.findings });
    return result;
  }

  /** Removes snapshots beyond the number that is kept, and what of the archive no other needs. */
  async prune(isDryRun = false): Promise<{ readonly removedIds: readonly string[]; readonly freedBytes: number }> {
    const { folder, settings, logger } = this.#options;
    const { maxBackups, keep } = settings();
    const policy = { newestCount: maxBackups, ...keep };
    const snapshots = await this.#run({ kind: "prune-snapshots", backupFolder: folder, policy, isDryRun });
    const archive = await this.#run({ kind: "prune-archive", backupFolder: folder, isDryRun });
    for (const backup of archive.unreadable) logger.warn(`nothing is removed from the archive: the backup ${backup}`);
    return { removedIds: snapshots.remove, freedBytes: snapshots.freedBytes + archive.freedBytes };
  }

  /** Compresses and encrypts what of the archive is not written to any more. */
  async seal(): Promise<void> {
    const { folder, settings, getArchiveStatus } = this.#options;
    const { isCompressed, key } = settings();
    const writing = getArchiveStatus();
    await this.#run({
      ...{ kind: "seal-segments", backupFolder: folder, compression: isCompressed ? "zstd" : "none" },
      ...(key === undefined ? {} : { key }),
      ...(writing === undefined || writing.generation === "" ? {} : { writing }),
    });
  }

  /**
   * Completes the archive from the log beside the database, which nobody may have open: a process that was killed has not
   * archived its last changes. Resolves to what the database may have that its backups lack, in words. Databases and
   * archives of up to `compareLimitBytes` together are compared where nothing else tells.
   */
  async completeArchive(compareLimitBytes: number): Promise<string | undefined> {
    const { databasePath, folder, settings } = this.#options;
    const { isArchiving, key } = settings();
    const isThere = [databasePath, `${databasePath}-wal`].some((path) => existsSync(path));
    // One that a restore has put there, and nothing was written to, came from the backups.
    if (!isArchiving || !isThere || isPutInPlace(databasePath)) return undefined;
    try {
      const findings = await this.#run({
        ...{ kind: "inspect-archive", databasePath, backupFolder: folder, compareLimitBytes },
        ...(key === undefined ? {} : { key }),
      });
      return describeUnarchived(findings);
    } catch (error) {
      if (isMusterError(error, "SHUTTING_DOWN")) throw error;
      return describeFailure(toError(error).message);
    }
  }

  /** What a restore would do and bring. Throws BACKUP_NOT_FOUND, with what can be had instead. */
  async planRestore(target: RestoreTarget): Promise<RestorePlanSummary> {
    const behind = target.kind === "newest" ? await this.#findUnarchived() : undefined;
    const { databasePath, folder } = this.#options;
    const plan = await this.#run({ kind: "plan-restore", backupFolder: folder, target });
    const offeredAt = statSync(offerPathOf(databasePath), { throwIfNoEntry: false })?.mtimeMs;
    const offer = offeredAt === undefined ? [] : [describeOffer(offeredAt)];
    return { ...plan, warnings: [...(behind === undefined ? [] : [behind]), ...plan.warnings, ...offer] };
  }

  /** Throws BACKUP_NOT_FOUND while the archive does not take in what is committed: the newest state could not be restored. */
  async requireArchived(): Promise<void> {
    const behind = await this.#findUnarchived();
    if (behind !== undefined) throw createBehindError(behind);
  }

  /** Puts the database together beside the present one, which is not touched, as `<database>.prepared`. */
  async prepareRestore(target: RestoreTarget, onProgress?: ReportProgress): Promise<RestoreResult> {
    const { databasePath, folder, settings, flushArchive } = this.#options;
    await flushArchive();
    const { key } = settings();
    return this.#run(
      {
        ...{ kind: "restore", databasePath, backupFolder: folder, target, isPrepared: true },
        ...(key === undefined ? {} : { key }),
      },
      onProgress,
    );
  }

  /** Restores the newest state on trial, and looks whether the last write is in it. Rejects when it cannot be restored. */
  async drill(onProgress?: ReportProgress): Promise<RestoreDrillResult> {
    const { folder, settings, mark, flushArchive } = this.#options;
    if (!mark) throw new MusterError("CONFLICT", "try the backups: that needs a running bot");
    try {
      const markId = await mark();
      await flushArchive();
      const { key } = settings();
      const result = await this.#run(
        { kind: "restore-drill", backupFolder: folder, markId, ...(key === undefined ? {} : { key }) },
        onProgress,
      );
      if (result.isComplete) this.#restoreVerifiedAt = result.reachedAt;
      this.#tell({ kind: "drill", result, error: undefined });
      return result;
    } catch (thrown) {
      const error = toBackupError(thrown);
      if (error.code !== "SHUTTING_DOWN") this.#tell({ kind: "drill", result: undefined, error });
      throw error;
    }
  }

  /** What is committed and cannot be archived now, in words. */
  async #findUnarchived(): Promise<string | undefined> {
    await this.#options.flushArchive();
    const { pendingSince, lastError } = this.#options.getArchiveStatus() ?? {};
    // A write that has come since is archived in its turn; what counts is that the archive does not take it.
    if (pendingSince === undefined || lastError === undefined) return undefined;
    return `What was changed since ${formatInstant(pendingSince)} is missing: the archive cannot be written.`;
  }

  /** What follows a snapshot is housekeeping: the snapshot counts, whether it succeeds or not. */
  async #tidy(): Promise<void> {
    try {
      await this.prune();
      await this.seal();
    } catch (error) {
      if (!isMusterError(error, "SHUTTING_DOWN")) this.#options.logger.warn("tidying the backups failed", { error });
    }
  }

  #run<Job extends MaintenanceJob>(job: Job, onProgress?: ReportProgress): Promise<MaintenanceResult<Job>> {
    const { signal } = this.#stopping;
    return this.#options.run(job, { signal, ...(onProgress === undefined ? {} : { onProgress }) });
  }

  #tell(event: BackupEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** The newest state cannot be restored, as what is told of it is in no backup. */
export function createBehindError(unarchived: string): MusterError {
  return new MusterError("BACKUP_NOT_FOUND", `restore the newest state: ${unarchived}`, {
    hint: "Give the archive its disk back first, or restore to an earlier moment, if what came after it may be lost.",
  });
}

/** The copy was made, and is not as it should be. */
export function hasFindings(error: unknown): boolean {
  return isMusterError(error, "BACKUP_FAILED") && error.details?.["findings"] !== undefined;
}

function toBackupError(error: unknown): MusterError {
  if (error instanceof MusterError) return error;
  return new MusterError("BACKUP_FAILED", `make a backup: ${toError(error).message}`, { cause: error });
}
