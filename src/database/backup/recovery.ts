import { statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sleep, type Clock } from "../../core/clock.ts";
import { FOLDER_MODE, writeFileDurably } from "../../core/durable-file.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import { Interval } from "../../core/interval.ts";
import type { Logger } from "../../core/logger.ts";
import type { GracefulDegradation } from "../../resilience/graceful-degradation.ts";
import type { RecoveryLog } from "../../resilience/recovery-log.ts";
import { isProvedDamage } from "../integrity/page-scrubber.ts";
import { isSound } from "../maintenance/integrity-check.ts";
import type { MaintenanceRunner } from "../maintenance/maintenance-runner.ts";
import { offerPathOf, quarantineFolderAt } from "../sqlite/replacement.ts";
import type { SqliteEngine } from "../sqlite/sqlite-engine.ts";
import { COMPARE_LIMIT_BYTES, describeChange, describeLoss, isAsItWasLeft } from "./archive-findings.ts";
import type { ArchiveFindings, InspectArchiveJob } from "./inspect-archive.ts";
import { decideStart, readDatabaseState, readStartFacts } from "./missing-database.ts";
import { climb, REPORT_NAME, type RunJob } from "./recovery-ladder.ts";
import { summarize, type RecoveryReport } from "./recovery-report.ts";

/**
 * What happens when the database is found damaged or gone: whether it really is gets confirmed by a look from another
 * process; then nobody uses it any more while the ladder is climbed, and the result takes its place, or is offered to a
 * person. When no rung holds, the bot stays without a database, says so, and tries again from time to time: the disk
 * with the backups may come back. One recovery at a time; the bot itself runs on throughout.
 */

export interface RecoverySettings {
  /** `DB_AUTO_RECOVER`. */
  readonly isAutomatic: boolean;
  readonly key: string | undefined;
  readonly isArchiving: boolean;
}

export type RecoveryState =
  | { readonly kind: "idle" }
  | {
      readonly kind: "confirming" | "recovering";
      readonly since: number;
      readonly finding: string;
      readonly step?: string;
      readonly share?: number;
    }
  /** A restored database waits for `accept()` as `<database>.offered`. */
  | { readonly kind: "offered"; readonly since: number; readonly finding: string; readonly offer: RecoveryOffer }
  /** No rung held: there is no database until a person acts, or another try succeeds. */
  | { readonly kind: "failed"; readonly since: number; readonly finding: string; readonly reason: string };

export interface RecoveryOffer {
  readonly reachesAt: number | undefined;
  readonly isComplete: boolean;
  readonly warnings: readonly string[];
  readonly rows: Readonly<Record<string, number>>;
}

export interface RecoveryStatus {
  readonly state: RecoveryState;
  /** Of the last one since the start. */
  readonly lastReport: RecoveryReport | undefined;
  /** What the start found about the database that is no damage, but somebody should know. */
  readonly notice: string | undefined;
}

/** For the audit log and alerts: plain data. */
export interface RecoveryIncident {
  readonly kind: "recovered" | "offered" | "failed" | "declined" | "reopened" | "notice";
  readonly summary: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface RecoveryOptions {
  readonly databasePath: string;
  readonly backupFolder: string;
  readonly settings: () => RecoverySettings;
  readonly engine: Pick<SqliteEngine, "withFilesReleased" | "status" | "onStateChange" | "expectFile">;
  readonly degradation: GracefulDegradation;
  readonly run: MaintenanceRunner["run"];
  readonly recovery: RecoveryLog;
  readonly onIncident: (incident: RecoveryIncident) => Promise<void> | void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** As often as this a database may be called damaged and be found sound before it counts as damaged all the same. */
const MAX_SOUND_COUNT = 3;
const SOUND_WINDOW_MS = 60_000;
/** A disk that destroys every database that is put on it is not mended by another. */
const MAX_RECOVERY_COUNT = 3;
const RECOVERY_WINDOW_MS = 60 * 60_000;
/** A file that is missing may come back with its disk. */
const MISSING_GRACE_MS = 5_000;
const MAX_TRIES = 4;
const TRY_PAUSE_MS = 500;
/** A disk that was full has room again soon, or not for hours: each pause is twice the one before it, up to the longest. */
const FIRST_RETRY_MS = 10_000;
const LONGEST_RETRY_MS = 10 * 60_000;
const WATCH_INTERVAL_MS = 5_000;
const DAMAGE_CODES = ["DATABASE_CORRUPT", "DATABASE_MISSING"] as const;

type Decision =
  | { readonly kind: "accept" | "retry" }
  /** `restore` puts another database in place and tells whether it did. */
  | { readonly kind: "decline"; readonly restore?: () => Promise<boolean> };

export class Recovery {
  readonly name = "recovery";
  readonly #options: RecoveryOptions;
  readonly #watching: Interval;
  readonly #stopping = new AbortController();
  #state: RecoveryState = { kind: "idle" };
  #lastReport: RecoveryReport | undefined;
  #notice: string | undefined;
  #running: Promise<void> | undefined;
  /** A restore that a person asked for is in progress. */
  #isYielding = false;
  /** Why the last one ended without a result. */
  #failure: unknown;
  #decide: ((decision: Decision) => void) | undefined;
  #soundAt: number[] = [];
  #recoveredAt: number[] = [];
  #endListening: (() => void)[] = [];

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#watching = new Interval({
      clock: options.clock,
      everyMs: () => WATCH_INTERVAL_MS,
      run: () => this.#watch(),
      onError: (error) => options.logger.error("watching for damage failed", { error }),
    });
  }

  status(): RecoveryStatus {
    return { state: this.#state, lastReport: this.#lastReport, notice: this.#notice };
  }

  /**
   * Before the database is opened: sees to it that none is made where there was one, and that one which lost what was
   * archived is not taken for sound. `hadLock`: whether the data folder's lock was there before this start.
   */
  async prepareStart(hadLock: boolean): Promise<void> {
    const { engine, degradation, databasePath, backupFolder, logger } = this.#options;
    const decision = decideStart(await readStartFacts({ databasePath, backupFolder, hadLock }));
    if (decision.kind === "first-run") return this.#listen();
    // From here on a missing file is a loss.
    engine.expectFile();
    if (decision.kind === "restore" || decision.kind === "missing") logger.error(decision.found);
    if (decision.kind === "missing") {
      const reason = new MusterError("DATABASE_MISSING", `open the database: ${decision.found}`, {
        hint: decision.areBackupsUnreadable ? UNREADABLE_HINT : BEGIN_ANEW_HINT,
      });
      degradation.transition({ kind: "offline", reason, since: this.#options.clock.now() });
      await this.#tell("failed", decision.found, {});
    }
    // Without an earlier start there is nothing that an archive could tell.
    if (decision.kind === "open" && hadLock) await this.#checkAgainstArchive();
    this.#listen();
  }

  start(): void {
    this.#watching.start();
  }

  /** Ends what waits for a person; a job in progress is ended by whoever runs the jobs. */
  async stop(): Promise<void> {
    for (const end of this.#endListening.splice(0)) end();
    this.#stopping.abort(new MusterError("SHUTTING_DOWN", "recover the database: the program is stopping"));
    await this.#watching.stop();
    await this.#running;
  }

  /** Something found the database damaged. `isChecked`: a full check did. Never throws; one at a time. */
  report(finding: MusterError, isChecked = false): void {
    // Whatever is wrong with a database that is being exchanged, the other one has to show first.
    if (this.#running || this.#isYielding || this.#stopping.signal.aborted) return;
    this.#failure = undefined;
    this.#running = this.#handle(finding, isChecked)
      .catch((error: unknown) => {
        this.#failure = error;
        if (!isMusterError(error, "SHUTTING_DOWN")) this.#options.logger.error("recovery failed", { error });
      })
      .finally(() => {
        this.#running = undefined;
        this.#state = { kind: "idle" };
      });
  }

  /** Resolves when nothing is being recovered, nor waits for a decision. */
  async settle(): Promise<void> {
    await this.#running;
  }

  /**
   * Has the offered database take its place, or tries again after a failure. Throws BACKUP_NOT_FOUND when there is
   * neither, and what kept it from its place.
   */
  async accept(): Promise<RecoveryReport | undefined> {
    this.#requireDecision()({ kind: "accept" });
    await this.#running;
    if (this.#failure !== undefined) throw toError(this.#failure);
    return this.#lastReport;
  }

  /** Lets the database be opened as it is. What was offered stays beside it until the next restore. */
  async decline(): Promise<void> {
    this.#requireDecision()({ kind: "decline" });
    await this.#running;
  }

  /**
   * Runs `restore`, which puts another database in place, and lets nothing be recovered meanwhile: both put their file
   * together under the same name. `isReleased`: a damaged database waits for a decision, so nobody has its files open;
   * then this decides. Throws CONFLICT while another restore or a recovery is in progress.
   */
  async yieldTo<Result>(restore: (isReleased: boolean) => Promise<Result>): Promise<Result> {
    if (this.#decide) return this.#declineFor(() => restore(true));
    if (this.#running || this.#isYielding) {
      throw new MusterError("CONFLICT", "restore the database: it is being recovered or restored already");
    }
    this.#isYielding = true;
    try {
      return await restore(false);
    } finally {
      this.#isYielding = false;
    }
  }

  /**
   * When the restore fails, rejects with its error, and the offer stands as before; if its file is gone by then, another
   * is made.
   */
  async #declineFor<Result>(restore: () => Promise<Result>): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const settle = async (): Promise<boolean> => {
      try {
        resolve(await restore());
        return true;
      } catch (error) {
        reject(toError(error));
        return false;
      }
    };
    this.#requireDecision()({ kind: "decline", restore: settle });
    // Whoever asked must not wait for ever when something ends the recovery before the restore has begun.
    void this.#running?.then(() => reject(toError(this.#failure)));
    const result = await promise;
    await this.#running;
    return result;
  }

  #requireDecision(): (decision: Decision) => void {
    if (this.#decide) return this.#decide;
    throw new MusterError("BACKUP_NOT_FOUND", "decide about a recovered database: none is offered");
  }

  #listen(): void {
    const { engine, degradation } = this.#options;
    this.#endListening = [
      engine.onStateChange((state) => {
        if ("cause" in state && isMusterError(state.cause, ...DAMAGE_CODES)) this.report(state.cause);
      }),
      degradation.onChange((state) => {
        if (state.kind !== "normal" && isMusterError(state.reason, ...DAMAGE_CODES)) this.report(state.reason);
      }),
    ];
  }

  /** What was reported while another thing was wrong as well. */
  #watch(): void {
    const { state } = this.#options.degradation;
    if (state.kind === "offline" && isMusterError(state.reason, ...DAMAGE_CODES)) this.report(state.reason);
  }

  /** A stop that was clean and a file that nobody touched since need no look. */
  async #checkAgainstArchive(): Promise<void> {
    const { databasePath, backupFolder, settings, logger } = this.#options;
    const { isArchiving, key } = settings();
    if (!isArchiving || isAsItWasLeft(databasePath, backupFolder)) return;
    const findings = await this.#inspectArchive({
      ...{ kind: "inspect-archive", databasePath, backupFolder, compareLimitBytes: COMPARE_LIMIT_BYTES },
      ...(key === undefined ? {} : { key }),
    });
    if (!findings) return;
    const loss = describeLoss(findings);
    if (loss !== undefined && settings().isAutomatic) {
      // The start waits for it, but for no person: what cannot be recovered is told, and opened as it is.
      await this.#recover(new MusterError("DATABASE_CORRUPT", `check the database: ${loss}`), (run) => run(), false);
      this.#state = { kind: "idle" };
      if (this.#lastReport?.route !== undefined) return;
    }
    const notice = loss ?? describeChange(findings);
    if (notice === undefined) return;
    this.#notice = notice;
    logger.error(notice, { ...findings });
    await this.#tell("notice", notice, { ...findings });
  }

  /** Undefined when nothing can be said of it. */
  async #inspectArchive(job: InspectArchiveJob): Promise<ArchiveFindings | undefined> {
    try {
      return await this.#insist(job);
    } catch (error) {
      if (isMusterError(error, "SHUTTING_DOWN")) return undefined;
      this.#options.logger.warn("the database was not held against its archive", { error });
      this.#notice = `the database was opened without being held against its archive: ${toError(error).message}`;
      await this.#tell("notice", this.#notice, {});
      return undefined;
    }
  }

  async #handle(finding: MusterError, isChecked: boolean): Promise<void> {
    const { clock, logger, engine } = this.#options;
    this.#state = { kind: "confirming", since: clock.now(), finding: finding.message };
    const confirmed = await this.#confirm(finding, isChecked);
    if (!confirmed) {
      const action = this.#options.recovery.begin("reopen", "database");
      logger.warn("the database was called damaged and is sound; it is opened anew", { error: finding });
      try {
        await engine.withFilesReleased(finding, async () => undefined);
        action.succeed("a check from another process found nothing");
      } catch (error) {
        action.fail(error);
      }
      await this.#tell("reopened", finding.message, {});
      return;
    }
    logger.error("the database is damaged, recovering it", { error: confirmed });
    await this.#recover(confirmed, (run) => engine.withFilesReleased(createAwayError(confirmed), run));
  }

  /** What is wrong for certain; undefined when it was a fault that passed, or cannot be told. */
  async #confirm(finding: MusterError, isChecked: boolean): Promise<MusterError | undefined> {
    const { databasePath, clock } = this.#options;
    if ((await readDatabaseState(databasePath)) !== "present") {
      await sleep(clock, MISSING_GRACE_MS, this.#stopping.signal);
      if ((await readDatabaseState(databasePath)) !== "present") return finding;
    }
    if (isProvedDamage(finding)) return finding;
    const depth = isChecked ? "full" : "quick";
    const { lines } = await this.#run({ kind: "integrity-check", path: databasePath, depth });
    if (!isSound(lines)) {
      const details = { findings: lines.slice(0, 20) };
      return new MusterError("DATABASE_CORRUPT", `check the database: ${lines[0] ?? "it is damaged"}`, {
        details,
        cause: finding,
      });
    }
    const now = clock.now();
    this.#soundAt = [...this.#soundAt.filter((at) => now - at < SOUND_WINDOW_MS), now];
    return this.#soundAt.length >= MAX_SOUND_COUNT ? finding : undefined;
  }

  /** `release` runs what it is given while nobody has the files open. */
  async #recover(
    finding: MusterError,
    release: (run: () => Promise<void>) => Promise<void>,
    mayWait = true,
  ): Promise<void> {
    const { clock, recovery, logger } = this.#options;
    const action = recovery.begin("recover", "database");
    let report: RecoveryReport | undefined;
    try {
      await release(async () => {
        report = await this.#recoverReleased(finding, mayWait);
      });
    } catch (error) {
      // After an exchange: the new database does not open, which the engine goes on trying.
      if (!report) {
        action.fail(error);
        throw error;
      }
      logger.error("the recovered database does not open", { error });
    }
    if (!report) {
      action.fail(new MusterError("BACKUP_NOT_FOUND", "recover the database: what was recovered was declined"));
      await this.#tell("declined", finding.message, {});
      return;
    }
    this.#recoveredAt.push(clock.now());
    this.#soundAt = [];
    const summary = summarize(report);
    action.succeed(summary);
    logger.error(`the database was damaged: ${summary}`, { finding: report.finding, rows: report.rows });
    await this.#tell("recovered", summary, describeReport(report));
  }

  /** Undefined when the result was declined. */
  async #recoverReleased(finding: MusterError, mayWait: boolean): Promise<RecoveryReport | undefined> {
    const { settings, clock } = this.#options;
    let failedCount = 0;
    let toldReason: string | undefined;
    for (let isAccepted = false; ;) {
      const since = clock.now();
      this.#state = { kind: "recovering", since, finding: finding.message };
      const report = this.#refuseEndless(finding, isAccepted) ?? (await this.#climb(finding, since));
      this.#lastReport = report;
      if (report.route === undefined) {
        const reason = summarize(report);
        this.#state = { kind: "failed", since, finding: finding.message, reason };
        // Once, however often it is tried.
        if (reason !== toldReason) await this.#announce("failed", finding, reason, report);
        toldReason = reason;
        failedCount++;
        if (!mayWait) return undefined;
      } else if (settings().isAutomatic || isAccepted) {
        return this.#exchange(report);
      } else {
        this.#state = { kind: "offered", since, finding: finding.message, offer: toOffer(report) };
        toldReason = undefined;
        await this.#announce("offered", finding, summarize(report), report);
      }
      const decision = await this.#awaitOutcome(this.#state, retryPauseMs(failedCount));
      if (decision === "decline") return undefined;
      if (decision === "accept" && report.route !== undefined) return this.#exchange(report);
      isAccepted = decision === "accept";
    }
  }

  /** A decline whose restore fails is none, as long as the offer is what it was. */
  async #awaitOutcome(
    waiting: Extract<RecoveryState, { finding: string }>,
    retryAfterMs: number,
  ): Promise<Decision["kind"]> {
    const { databasePath, clock } = this.#options;
    for (;;) {
      this.#state = waiting;
      const decision = await this.#awaitDecision(waiting.kind === "failed" ? retryAfterMs : undefined);
      if (decision.kind !== "decline" || !decision.restore) return decision.kind;
      const offerFile = identifyOffer(databasePath);
      this.#state = { kind: "recovering", since: clock.now(), finding: waiting.finding };
      if (await decision.restore()) return "decline";
      if (identifyOffer(databasePath) !== offerFile) return "retry";
    }
  }

  #refuseEndless(finding: MusterError, isAccepted: boolean): RecoveryReport | undefined {
    const now = this.#options.clock.now();
    this.#recoveredAt = this.#recoveredAt.filter((at) => now - at < RECOVERY_WINDOW_MS);
    if (isAccepted || this.#recoveredAt.length < MAX_RECOVERY_COUNT) return undefined;
    const missing = [`It was recovered ${MAX_RECOVERY_COUNT} times within the last hour: look at the disk first.`];
    return {
      ...{ foundAt: now, finishedAt: now, finding: finding.message, steps: [], missing, rows: {}, isComplete: false },
      ...{ route: undefined, reachedAt: undefined, salvage: undefined, quarantineFolder: undefined },
    };
  }

  #climb(finding: MusterError, since: number): Promise<RecoveryReport> {
    const { databasePath, backupFolder, settings, recovery, clock } = this.#options;
    const { key, isArchiving } = settings();
    return climb(finding, {
      ...{ databasePath, backupFolder, key, isArchiving, recovery, run: this.#insist },
      now: () => clock.now(),
      onProgress: ({ step, share }) => {
        this.#state = {
          ...{ kind: "recovering", since, finding: finding.message, step },
          ...(share === undefined ? {} : { share }),
        };
      },
    });
  }

  async #exchange(report: RecoveryReport): Promise<RecoveryReport> {
    const { databasePath, clock, logger } = this.#options;
    const folder = quarantineFolderAt(databasePath, clock.now());
    await this.#run({ kind: "exchange-database", databasePath, quarantineFolder: folder });
    const detail = "the damaged files are kept, and what was recovered has taken their place";
    const steps = [...report.steps, { step: "exchange", outcome: "succeeded", detail } as const];
    this.#lastReport = { ...report, steps, finishedAt: clock.now(), quarantineFolder: folder };
    try {
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
      await writeFileDurably(join(folder, REPORT_NAME), `${JSON.stringify(this.#lastReport, undefined, 2)}\n`);
    } catch (error) {
      // The database is in its place; what is written there is in the log and the audit log as well.
      logger.error("the report of the recovery could not be written", { error });
    }
    return this.#lastReport;
  }

  /** Without a number it is not tried again by itself. */
  async #awaitDecision(retryAfterMs: number | undefined): Promise<Decision> {
    const { promise, resolve, reject } = Promise.withResolvers<Decision>();
    const { signal } = this.#stopping;
    const decide = (decision: Decision): void => {
      // At once: a second decision must not be lost, but be told that there is nothing to decide.
      this.#decide = undefined;
      resolve(decision);
    };
    const onStop = (): void => {
      this.#decide = undefined;
      reject(signal.reason as Error);
    };
    this.#decide = decide;
    signal.addEventListener("abort", onStop, { once: true });
    if (signal.aborted) onStop();
    const cancel =
      retryAfterMs === undefined
        ? undefined
        : this.#options.clock.schedule(retryAfterMs, () => decide({ kind: "retry" }));
    try {
      return await promise;
    } finally {
      cancel?.();
      signal.removeEventListener("abort", onStop);
    }
  }

  async #announce(
    kind: "offered" | "failed",
    finding: MusterError,
    summary: string,
    report: RecoveryReport,
  ): Promise<void> {
    const { logger, degradation, clock } = this.#options;
    const hint =
      kind === "offered"
        ? "Accept it (/dbbackup restore), or restore another backup."
        : "Restore a backup by hand, or mend what the log names; it is tried again by itself, after ten minutes at the latest.";
    const reason = new MusterError("DATABASE_CORRUPT", `use the database: ${summary}`, { hint, cause: finding });
    degradation.transition({ kind: "offline", reason, since: clock.now() });
    logger.error(kind === "offered" ? "a recovered database is offered" : "the database cannot be recovered", {
      error: reason,
    });
    await this.#tell(kind, summary, describeReport(report));
  }

  /** What cannot be told is logged, and ends no recovery. */
  async #tell(kind: RecoveryIncident["kind"], summary: string, details: RecoveryIncident["details"]): Promise<void> {
    try {
      await this.#options.onIncident({ kind, summary, details });
    } catch (error) {
      this.#options.logger.error("a recovery could not be audited", { kind, summary, error: toError(error) });
    }
  }

  /** A process that died has found nothing, and nothing that it did counts: another one does the job. */
  readonly #insist: RunJob = async (job, onProgress) => {
    const { clock, logger } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#run(job, onProgress);
      } catch (error) {
        if (!isMusterError(error, "INTERNAL") || attempt === MAX_TRIES) throw error;
        logger.warn("a job of the recovery did not end, it is done again", { kind: job.kind, attempt, error });
      }
      await sleep(clock, TRY_PAUSE_MS * attempt, this.#stopping.signal);
    }
  };

  readonly #run: RunJob = (job, onProgress) => {
    const { signal } = this.#stopping;
    return this.#options.run(job, { signal, ...(onProgress === undefined ? {} : { onProgress }) });
  };
}

const BEGIN_ANEW_HINT =
  "Restore a backup (npm run muster -- restore) or put the file back. To begin anew on purpose, move away what the message names, with the data folder's lock, and start again.";

const UNREADABLE_HINT =
  "Give the bot the right to read that folder, or bring its disk back: it is tried again by itself, after ten minutes at the latest. If there never was a database, remove the data folder's lock as well and start again.";

function createAwayError(finding: MusterError): MusterError {
  return new MusterError(
    "DATABASE_CORRUPT",
    `use the database: it is damaged and being recovered: ${finding.message}`,
    {
      hint: "It is recovered by itself; the log says how far that is.",
      cause: finding,
    },
  );
}

function retryPauseMs(failedCount: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (failedCount - 1), LONGEST_RETRY_MS);
}

/** Another file at the same path is another offer. */
function identifyOffer(databasePath: string): number | undefined {
  return statSync(offerPathOf(databasePath), { throwIfNoEntry: false })?.ino;
}

function toOffer({ reachedAt, isComplete, missing, rows }: RecoveryReport): RecoveryOffer {
  return { reachesAt: reachedAt, isComplete, warnings: missing, rows };
}

function describeReport({
  route,
  reachedAt,
  isComplete,
  missing,
  quarantineFolder,
  steps,
}: RecoveryReport): Record<string, unknown> {
  return {
    ...{ route: route ?? null, reachedAt: reachedAt ?? null, isComplete, missing: missing.slice(0, 20) },
    ...{
      quarantineFolder: quarantineFolder ?? null,
      steps: steps.map(({ step, outcome, detail }) => `${step} ${outcome}: ${detail}`),
    },
  };
}
