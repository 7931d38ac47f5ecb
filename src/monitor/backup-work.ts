import { isMusterError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { formatSizeBytes } from "../core/units.ts";
import { formatInstant, type RestoreTarget } from "../database/backup/restore-facts.ts";
import type { JobReport, RestorePlanReport } from "./api-types.ts";
import { HttpRefusal } from "./http-error.ts";
import type { Jobs } from "./jobs.ts";
import type { FinishedWork, MonitorBackups } from "./monitor-sources.ts";
import { toSafeText } from "./safe-text.ts";

export interface BackupWorkOptions {
  readonly backups: MonitorBackups;
  readonly jobs: Jobs;
  /** Hears of each piece of work that has ended. Must not throw. */
  readonly onWork: (work: FinishedWork) => void;
  readonly logger: Logger;
}

/** What the dashboard can have done about backups; the same as `/dbbackup` does. */
export class BackupWork {
  readonly #options: BackupWorkOptions;

  constructor(options: BackupWorkOptions) {
    this.#options = options;
  }

  create(comment: string): JobReport {
    const { backups, jobs } = this.#options;
    return jobs.begin("backup", (onProgress) =>
      this.#audited("backup.create", "database", { comment }, async () => {
        const { id, storedBytes } = await backups.manager.create({ reason: "manual", comment, onProgress });
        return { target: id, message: `Backup ${id} is made and verified, ${formatSizeBytes(storedBytes)}.` };
      }),
    );
  }

  /** Throws a refusal when there is no such backup. */
  async verify(id: string): Promise<JobReport> {
    const { backups, jobs } = this.#options;
    const { snapshots, problems } = await backups.manager.list();
    if (!snapshots.some(({ manifest }) => manifest.id === id) && !problems.some((problem) => problem.id === id)) {
      throw new HttpRefusal(404, "BACKUP_NOT_FOUND", "There is no such backup.", "Look at the list of backups.");
    }
    return jobs.begin("verify", (onProgress) =>
      this.#audited("backup.verify", id, {}, async () => {
        const result = await backups.manager.verify(id, onProgress);
        if (result.outcome === "sound") return { target: id, message: `Backup ${id} is sound.` };
        throw new HttpRefusal(
          409,
          result.code,
          `Backup ${id} cannot be used: ${toSafeText(result.findings.join("; "))}`,
        );
      }),
    );
  }

  async plan(target: RestoreTarget): Promise<RestorePlanReport> {
    const { snapshotId, reachesAt, archive, warnings } = await this.#options.backups.manager.planRestore(target);
    return {
      backup: snapshotId,
      restoredUntil: reachesAt,
      segmentCount: archive === undefined ? 0 : archive.lastSegment - archive.firstSegment + 1,
      warnings: warnings.map(toSafeText),
    };
  }

  /** Throws a refusal while a damaged database is being recovered. */
  restore(target: RestoreTarget): JobReport {
    const { backups, jobs } = this.#options;
    if (isRecovering(backups)) {
      throw new HttpRefusal(409, "CONFLICT", "The database is being recovered.", "Wait until that has ended.");
    }
    return jobs.begin("restore", (onProgress) =>
      this.#audited("backup.restore", describeTarget(target), {}, async () => {
        const outcome = await backups.restorer.restore(target, onProgress);
        const { snapshotId, reachedAt, warnings } = outcome;
        const until = formatInstant(reachedAt);
        const done = `Restored to ${until} from backup ${snapshotId}. The former database is kept in quarantine.`;
        return {
          target: snapshotId,
          message: [done, ...warnings.map(toSafeText)].join(" "),
          details: { reachedAt },
        };
      }),
    );
  }

  /** The entry is written when the work has ended: before a restore it would be in the database that is set aside. */
  async #audited(
    action: FinishedWork["action"],
    target: string,
    details: FinishedWork["details"],
    run: () => Promise<{ target: string; message: string; details?: FinishedWork["details"] }>,
  ): Promise<string> {
    const { onWork } = this.#options;
    try {
      const done = await run();
      onWork({ action, target: done.target, isSuccess: true, details: { ...details, ...done.details } });
      return done.message;
    } catch (error) {
      onWork({ action, target, isSuccess: false, details: { ...details, code: codeOf(error) } });
      throw error;
    }
  }
}

function codeOf(error: unknown): string {
  if (error instanceof HttpRefusal) return error.code;
  return isMusterError(error) ? error.code : "INTERNAL";
}

/** It puts a file of its own together, under the same name. */
function isRecovering({ recovery }: MonitorBackups): boolean {
  const kind = recovery?.status().state.kind;
  return kind === "confirming" || kind === "recovering";
}

function describeTarget(target: RestoreTarget): string {
  if (target.kind === "snapshot") return target.id;
  return target.kind === "newest" ? "newest" : formatInstant(target.at);
}
