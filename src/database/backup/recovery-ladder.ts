import { access, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { isMusterError, toError, type MusterError } from "../../core/errors.ts";
import type { RecoveryLog } from "../../resilience/recovery-log.ts";
import type { MaintenanceJob, MaintenanceResult } from "../maintenance/maintenance-job.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { listQuarantineFolders, offerPathOf } from "../sqlite/replacement.ts";
import type { RestoreResult } from "./execute-restore.ts";
import type { ArchiveFindings } from "./inspect-archive.ts";
import { readDatabaseState } from "./missing-database.ts";
import {
  countSalvaged,
  describeFinding,
  describeSalvage,
  describeUncovered,
  isCovered,
  type RecoveryReport,
  type RecoveryStep,
  type RecoveryStepName,
} from "./recovery-report.ts";
import type { SalvageResult } from "./salvage.ts";

/**
 * The ladder, from its highest rung down: the archive to the last commit; a backup with what can be salvaged from the
 * damaged file; the backup alone; nothing. It leaves the result, verified, as `<database>.offered` and exchanges nothing.
 * Nobody may have the database's files open meanwhile.
 */

/** A damaged table of millions of rows may take its time; what was read until then counts. */
const SALVAGE_LIMIT_MS = 10 * 60_000;

export type RunJob = <Job extends MaintenanceJob>(
  job: Job,
  onProgress?: ReportProgress,
) => Promise<MaintenanceResult<Job>>;

export interface LadderOptions {
  readonly databasePath: string;
  readonly backupFolder: string;
  readonly key: string | undefined;
  /** Off: whatever an archive of earlier times holds says nothing about this database. */
  readonly isArchiving: boolean;
  readonly run: RunJob;
  readonly recovery: RecoveryLog;
  readonly now: () => number;
  readonly onProgress: ReportProgress;
}

/** Never throws but SHUTTING_DOWN: what fails is in the report. */
export async function climb(finding: MusterError, options: LadderOptions): Promise<RecoveryReport> {
  const climber = new Climber(options, finding);
  return climber.climb();
}

class Climber {
  readonly #options: LadderOptions;
  readonly #finding: MusterError;
  readonly #foundAt: number;
  readonly #steps: RecoveryStep[] = [];

  constructor(options: LadderOptions, finding: MusterError) {
    this.#options = options;
    this.#finding = finding;
    this.#foundAt = options.now();
  }

  async climb(): Promise<RecoveryReport> {
    const damagedPath = await findDamaged(this.#options.databasePath);
    const findings = this.#options.isArchiving ? await this.#inspect(damagedPath) : undefined;
    const restored = await this.#restore();
    if (!restored) return this.#finish({ missing: this.#steps.map(({ detail }) => detail) });
    const isComplete = isCovered(findings, restored);
    const { reachedAt, rows } = restored;
    const way = restored.appliedSegmentCount > 0 ? "archive" : "snapshot";
    if (isComplete) {
      const isThere = (await readDatabaseState(damagedPath)) === "present";
      const missing = isThere ? describeUncovered(findings) : [];
      return this.#finish({ route: way, reachedAt, rows, isComplete, missing });
    }
    const missing = [...restored.warnings, ...describeUncovered(findings), ...restored.skipped];
    const isFileNewer = restored.warnings.length > 0 || findings === undefined || findings.chain === "none";
    const salvage = await this.#salvage(damagedPath, isFileNewer);
    if (salvage) missing.push(...describeSalvage(salvage));
    const isSalvaged = salvage !== undefined && countSalvaged(salvage) > 0;
    return this.#finish({ route: isSalvaged ? "salvage" : way, reachedAt, rows, missing, salvage });
  }

  /** Also completes the archive, from the log that is there. */
  #inspect(databasePath: string): Promise<ArchiveFindings | undefined> {
    const { backupFolder, key } = this.#options;
    const job = { kind: "inspect-archive", databasePath, backupFolder, compareLimitBytes: 0 } as const;
    return this.#attempt("inspect", { ...job, ...(key === undefined ? {} : { key }) }, ({ chain, archivedUntil }) => {
      const until = archivedUntil === undefined ? "nowhere" : new Date(archivedUntil).toISOString();
      return `the archive reaches to ${until}, and is ${chain} with the database's log`;
    });
  }

  #restore(): Promise<RestoreResult | undefined> {
    const { databasePath, backupFolder, key } = this.#options;
    const job = { kind: "restore", databasePath, backupFolder, target: { kind: "newest" }, isOffer: true } as const;
    return this.#attempt("archive", { ...job, ...(key === undefined ? {} : { key }) }, (result) => {
      const { snapshotId, appliedSegmentCount, reachedAt, warnings, skipped } = result;
      const notes = [...skipped, ...warnings].map((note) => `; ${note}`).join("");
      return `snapshot ${snapshotId} and ${appliedSegmentCount} segments, up to ${new Date(reachedAt).toISOString()}${notes}`;
    });
  }

  async #salvage(damagedPath: string, isNewerIfUnknown: boolean): Promise<SalvageResult | undefined> {
    const targetPath = offerPathOf(this.#options.databasePath);
    const job = { kind: "salvage", damagedPath, targetPath, isNewerIfUnknown, timeLimitMs: SALVAGE_LIMIT_MS } as const;
    return this.#attempt("salvage", job, (result) => [`${countSalvaged(result)} rows`, ...result.problems].join("; "));
  }

  async #attempt<Job extends MaintenanceJob>(
    step: RecoveryStepName,
    job: Job,
    describe: (result: MaintenanceResult<Job>) => string,
  ): Promise<MaintenanceResult<Job> | undefined> {
    const { recovery, run, onProgress } = this.#options;
    const action = recovery.begin(`recover-${step}`, "database");
    try {
      const result = await run(job, ({ share }) => onProgress({ step, ...(share === undefined ? {} : { share }) }));
      const detail = describe(result);
      action.succeed(detail);
      this.#steps.push({ step, outcome: "succeeded", detail });
      return result;
    } catch (error) {
      action.fail(error);
      if (isMusterError(error, "SHUTTING_DOWN")) throw error;
      this.#steps.push({ step, outcome: "failed", detail: toError(error).message });
      return undefined;
    }
  }

  #finish(result: Partial<RecoveryReport>): RecoveryReport {
    const nothing = { route: undefined, reachedAt: undefined, salvage: undefined, quarantineFolder: undefined };
    return {
      ...{ foundAt: this.#foundAt, finishedAt: this.#options.now(), finding: describeFinding(this.#finding) },
      ...{ steps: this.#steps, isComplete: false, missing: [], rows: {}, ...nothing, ...result },
    };
  }
}

/** Where the damaged file is: a rescue that failed has moved it to the newest folder of the quarantine. */
async function findDamaged(databasePath: string): Promise<string> {
  const hasLog = await access(`${databasePath}-wal`).then(
    () => true,
    () => false,
  );
  if (hasLog || (await readDatabaseState(databasePath)) === "present") return databasePath;
  const newest = listQuarantineFolders(databasePath).at(-1);
  if (newest === undefined) return databasePath;
  // Of an earlier recovery: that file's rows are in the database that is missing now.
  const isReported = (await readdir(newest)).includes(REPORT_NAME);
  return isReported ? databasePath : join(newest, basename(databasePath));
}

export const REPORT_NAME = "recovery-report.json";
