import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { RetryConfig } from "../../resilience/backoff.ts";
import type { RecoveryLog } from "../../resilience/recovery-log.ts";
import { PageScrubber, type PageScrubberOptions } from "../integrity/page-scrubber.ts";
import type { Schedule } from "../maintenance/cron-schedule.ts";
import type { MaintenanceRunner } from "../maintenance/maintenance-runner.ts";
import { REPLACED } from "../sqlite/replacement.ts";
import type { SqliteEngine } from "../sqlite/sqlite-engine.ts";
import { ArchiveCanary } from "./archive-canary.ts";
import { ARCHIVE_FOLDER } from "./archive-index.ts";
import type { ArchiveEvent } from "./archive-watch.ts";
import { BackupManager, hasFindings, type BackupEvent, type BackupSettings } from "./backup-manager.ts";
import { BackupSchedule, type BackupScheduleSettings } from "./backup-schedule.ts";
import { Restorer, type RunExclusively } from "./restorer.ts";

export type BackupsSettings = BackupSettings & BackupScheduleSettings;

export interface BackupsOptions {
  readonly databasePath: string;
  /** `DB_BACKUP_DIR`. */
  readonly folder: string;
  readonly settings: () => BackupsSettings;
  /** Whether there is a database that can be read now. */
  readonly isAvailable: () => boolean;
  readonly engine: SqliteEngine;
  /** Writes something that changes nothing; its id, when it is acknowledged. */
  readonly mark: () => Promise<string>;
  readonly run: MaintenanceRunner["run"];
  readonly cron: Schedule;
  readonly exclusively: RunExclusively;
  readonly recovery: RecoveryLog;
  readonly onEvent: (event: BackupEvent | ArchiveEvent) => void;
  readonly onRepaired: PageScrubberOptions["onRepaired"];
  /** The database is damaged: a backup met it, or the archive says so. */
  readonly onDamage: (error: MusterError) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A backup may fail for want of room or because of a lock, and both take longer to pass than a write waits. */
const RETRY: RetryConfig = { maxAttempts: 4, baseDelay: 5_000, maxDelay: 60_000, backoffMultiplier: 3 };

/** What keeps the database in other places and brings it back from there, put together for a running bot. */
export class Backups {
  readonly name = "backups";
  readonly manager: BackupManager;
  readonly schedule: BackupSchedule;
  readonly canary: ArchiveCanary;
  readonly restorer: Restorer;
  readonly scrubber: PageScrubber;
  readonly #options: Pick<BackupsOptions, "engine" | "onDamage" | "onEvent" | "logger">;
  #endListening = (): void => undefined;

  constructor({ cron, onEvent, onRepaired, isAvailable, engine, recovery, exclusively, ...options }: BackupsOptions) {
    const { databasePath, folder, mark, run, settings, clock, logger } = options;
    this.manager = new BackupManager({
      ...options,
      retry: () => RETRY,
      getArchiveStatus: () => engine.archiveStatus,
      flushArchive: () => engine.flushArchive(),
    });
    this.#options = { engine, onDamage: options.onDamage, onEvent, logger };
    this.manager.onEvent(onEvent);
    this.manager.onEvent((event) => {
      if (event.kind !== "failed") return;
      if (event.error.code === "DATABASE_CORRUPT") options.onDamage(event.error);
      // What a copy has, the database has, or the disk that both are on.
      else if (hasFindings(event.error)) void this.#holdAgainstArchive();
    });
    const backups = this.manager;
    this.scrubber = new PageScrubber({
      ...{ databasePath, backupFolder: folder, settings, run, engine, recovery, onRepaired, clock, logger },
    });
    this.schedule = new BackupSchedule({
      ...{ backups, settings, isAvailable, clock, logger },
      scrub: () => this.scrubber.scrub(),
      schedule: cron,
      onArchiveEvent: onEvent,
    });
    this.canary = new ArchiveCanary({
      ...{ mark, clock },
      archiveFolder: join(folder, ARCHIVE_FOLDER),
      isAvailable: () => isAvailable() && engine.archiveStatus !== undefined,
      onError: (error) => logger.warn("measuring the archive's lag failed", { error }),
    });
    this.restorer = new Restorer({ databasePath, backups, engine, run, recovery, exclusively, clock });
  }

  /** Never rejects: a bot whose backups are out of reach works on, and its backups are tried again. */
  async start(): Promise<void> {
    this.#endListening = this.#options.engine.onStateChange((state) => {
      // Tables that are not as they were may be another program's, or a changed byte: only the archive can tell.
      if (state.kind === "offline" && isMusterError(state.cause, "SCHEMA_MISMATCH")) void this.#holdAgainstArchive();
    });
    await this.#lookAtBackups();
    this.schedule.start();
    this.canary.start();
  }

  async stop(): Promise<void> {
    this.#endListening();
    this.manager.stop();
    await this.canary.stop();
    await this.schedule.stop();
  }

  async #lookAtBackups(): Promise<void> {
    const { onEvent, logger } = this.#options;
    try {
      await this.manager.start();
    } catch (thrown) {
      const error = new MusterError("BACKUP_FAILED", `look at the backups: ${toError(thrown).message}`, {
        ...{ hint: "Look at the disk of DB_BACKUP_DIR. The bot works on, and tries to make a backup.", cause: thrown },
      });
      logger.error("the backups are out of reach", { error });
      onEvent({ kind: "failed", reason: "start", error });
    }
  }

  /** Mends pages that are not what was written to them. Where the archive cannot tell, the scheduled check has to. */
  async #holdAgainstArchive(): Promise<void> {
    const { onDamage, logger } = this.#options;
    try {
      const outcome = await this.scrubber.scrub();
      if (outcome.kind === "damaged") onDamage(outcome.error);
    } catch (error) {
      logger.warn("the database could not be held against the archive", { error });
    }
  }
}

/** What the audit log keeps of it: plain data. */
export function describeBackupEvent(event: BackupEvent | ArchiveEvent): {
  readonly action: string;
  readonly isSuccess: boolean;
  readonly target: string;
  readonly details: Record<string, string | number | string[]>;
} {
  switch (event.kind) {
    case "made": {
      const { id, reason, databaseBytes, storedBytes } = event.manifest;
      return { action: "backup.create", isSuccess: true, target: id, details: { reason, databaseBytes, storedBytes } };
    }
    case "failed": {
      const details = { reason: event.reason, code: event.error.code };
      return { action: "backup.create", isSuccess: false, target: "database", details };
    }
    case "damaged":
      return {
        action: "backup.verify",
        isSuccess: false,
        target: event.id,
        details: { findings: [...event.findings] },
      };
    case "drill": {
      const { result, error } = event;
      const details = result
        ? { ...{ reachedAt: result.reachedAt, durationMs: result.durationMs }, warnings: [...result.warnings] }
        : { code: error?.code ?? "INTERNAL" };
      const isSuccess = result?.isComplete === true;
      return { action: "backup.drill", isSuccess, target: result?.snapshotId ?? "backups", details };
    }
    case "archive-gap": {
      const { generation, reason } = event;
      // After a restore it is in order.
      const isSuccess = reason === REPLACED;
      return { action: "archive.gap", isSuccess, target: generation, details: { reason } };
    }
    case "archive-behind":
      return { action: "archive.behind", isSuccess: false, target: "archive", details: { lagMs: event.lagMs } };
    case "archive-recovered":
      return { action: "archive.recovered", isSuccess: true, target: "archive", details: {} };
  }
}
