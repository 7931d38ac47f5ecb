import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError, type ErrorCode } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { GracefulDegradation } from "../../resilience/graceful-degradation.ts";
import type { DatabaseManager } from "../database-manager.ts";
import { CronJob, type Schedule } from "../maintenance/cron-schedule.ts";
import type { BrokenReference, IntegrityCheckJob, IntegrityReport } from "../maintenance/integrity-check.ts";
import { planNextStep } from "./check-plan.ts";
import type { DamagedRowsMoved } from "./damaged-rows.ts";
import type { DuplicatesResolved } from "./duplicates.ts";
import type { ForeignKeyViolation } from "./integrity-operations.ts";
import type { RowsMoved } from "./moved-rows.ts";
import type { ScrubOutcome } from "./page-scrubber.ts";

/**
 * Looks for damage: quickly after each start, thoroughly on a schedule, and mends what can be mended in place. Looking is
 * done in the maintenance process, mending by write operations like any other. Before anything is mended the full check
 * has the word: an index that lost an entry makes orphans of good rows, and is to be rebuilt first.
 */

export type CheckKind = "start" | "scheduled" | "requested";

export interface CheckResult {
  readonly kind: CheckKind;
  /** When it began, epoch milliseconds. */
  readonly at: number;
  readonly durationMs: number;
  readonly outcome: "ok" | "repaired" | "damaged" | "failed";
  /** What was found, in words, at most 100; empty when all is well. */
  readonly findings: readonly string[];
}

export interface IntegrityIncident {
  readonly kind:
    | "indexes-rebuilt"
    | "duplicates-resolved"
    | "damaged-rows-quarantined"
    | "orphans-quarantined"
    | "pages-repaired"
    | "damage-found";
  /** Plain data, names and numbers only: for the audit log. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface IntegrityMonitorOptions {
  /** undefined = in memory: then the operations look, because no other process can. */
  readonly path: string | undefined;
  readonly database: Pick<DatabaseManager, "call">;
  readonly degradation: GracefulDegradation;
  /** Has the maintenance process look at the file. */
  readonly inspect: (job: IntegrityCheckJob, options: { readonly signal: AbortSignal }) => Promise<IntegrityReport>;
  /** Holds each page against the archive, and mends what it can; undefined where there is none. */
  readonly scrub?: (signal: AbortSignal) => Promise<ScrubOutcome | undefined>;
  readonly schedule: Schedule;
  /** `DB_INTEGRITY_SCHEDULE`. */
  readonly expression: string;
  readonly onIncident: (incident: IntegrityIncident) => Promise<void> | void;
  /** Damage that cannot be mended in place: DATABASE_CORRUPT. */
  readonly onCorrupt: (error: MusterError) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The first members to come back after a restart are served first. */
const START_DELAY_MS = 2_000;
/** A rebuilt index may bring to light what it hid; more rounds than this mean that mending does not help. */
const MAX_ROUNDS = 8;
const FINDING_LIMIT = 100;
const NAMED_PAGES = 20;

/** Mending that is refused by the database itself will be refused again. */
const DAMAGE_CODES = [
  "DATABASE_CORRUPT",
  "CONSTRAINT_VIOLATED",
  "QUERY_FAILED",
] as const satisfies readonly ErrorCode[];

/** Where a check is: what it has found, and whether anything was mended. */
interface CheckRun {
  readonly findings: string[];
  isRepaired: boolean;
}

export class IntegrityMonitor {
  readonly #options: IntegrityMonitorOptions;
  readonly #scheduled: CronJob;
  #expression: string;
  #endWaiting = (): void => undefined;
  #running: Promise<CheckResult | undefined> | undefined;
  #last: CheckResult | undefined;
  /** Ends what runs when the monitor stops; undefined = it does not run. */
  #stopping: AbortController | undefined;

  constructor(options: IntegrityMonitorOptions) {
    this.#options = options;
    this.#expression = options.expression;
    this.#scheduled = new CronJob(options.schedule, () => void this.check("scheduled"));
  }

  /** The last check that was not left out. */
  get last(): CheckResult | undefined {
    return this.#last;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Returns at once: the first check follows a moment after the database is ready. */
  start(): void {
    if (this.#stopping) return;
    this.#stopping = new AbortController();
    this.#scheduled.set(this.#expression);
    this.#checkOnceReady();
  }

  /** Applies at once. */
  setSchedule(expression: string): void {
    this.#expression = expression;
    if (this.#stopping) this.#scheduled.set(expression);
  }

  /** Ends a look in progress; waits for what is being mended. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#stopping = undefined;
    this.#endWaiting();
    this.#scheduled.stop();
    await this.#running;
  }

  /**
   * Checks now; never rejects. While one runs, its result is given to whoever asks for another. Undefined while the
   * database is away or the monitor is stopped: then there is nothing to be told apart from the trouble that is known.
   */
  check(kind: CheckKind): Promise<CheckResult | undefined> {
    this.#running ??= this.#check(kind).finally(() => (this.#running = undefined));
    return this.#running;
  }

  #checkOnceReady(): void {
    const { clock, degradation } = this.#options;
    const cancelTimer = clock.schedule(START_DELAY_MS, () => {
      if (degradation.state.kind === "normal") {
        void this.check("start");
        return;
      }
      this.#endWaiting = degradation.onChange(({ kind }) => {
        if (kind !== "normal") return;
        this.#endWaiting();
        if (this.#stopping) this.#checkOnceReady();
      });
    });
    this.#endWaiting = cancelTimer;
  }

  async #check(kind: CheckKind): Promise<CheckResult | undefined> {
    const { clock, degradation, logger } = this.#options;
    if (!this.#stopping || degradation.state.kind !== "normal") return undefined;
    const at = clock.now();
    const startedAt = clock.monotonic();
    const run: CheckRun = { findings: [], isRepaired: false };
    let outcome: CheckResult["outcome"];
    try {
      const isMended = kind === "start" || !this.#options.scrub || (await this.#scrub(this.#options.scrub, run));
      outcome = isMended ? await this.#inspectAndMend(kind === "start" ? "quick" : "full", run) : "damaged";
    } catch (error) {
      outcome = await this.#explainFailure(error, run);
    }
    const durationMs = Math.round(clock.monotonic() - startedAt);
    this.#last = { kind, at, durationMs, outcome, findings: run.findings.slice(0, FINDING_LIMIT) };
    logger.info("integrity check done", { kind, outcome, durationMs, findingCount: run.findings.length });
    return this.#last;
  }

  /** What SQLite's checks cannot see comes first: they look at what is there then. False when it cannot be mended. */
  async #scrub(scrub: NonNullable<IntegrityMonitorOptions["scrub"]>, run: CheckRun): Promise<boolean> {
    const outcome = await scrub(this.#stopping?.signal ?? AbortSignal.abort());
    if (outcome?.kind === "damaged") {
      await this.#giveUp([outcome.error.message], run, outcome.error);
      return false;
    }
    if (outcome?.kind === "repaired") {
      run.findings.push(
        `pages that were not what was written to them: ${outcome.pages.slice(0, NAMED_PAGES).join(", ")}`,
      );
      run.isRepaired = true;
    }
    return true;
  }

  /** One look after another, each followed by what it calls for, until nothing is left to do. */
  async #inspectAndMend(first: IntegrityReport["depth"], run: CheckRun): Promise<CheckResult["outcome"]> {
    let report = await this.#look(first);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const step = planNextStep(report);
      if (step.kind === "done") return run.isRepaired ? "repaired" : "ok";
      if (step.kind === "give-up") break;
      if (step.kind === "report") return this.#reportEvidence(report.lines, run);
      if (step.kind === "rebuild" && !(await this.#rebuild(step.indexes, report.lines, run))) break;
      if (step.kind === "quarantine-damaged" && !(await this.#quarantineDamaged(step.tables, report.lines, run))) break;
      if (step.kind === "quarantine-orphans") {
        await this.#quarantineOrphans(step.tables, report.foreignKeyViolations, run);
      }
      report = await this.#look("full");
    }
    await this.#giveUp(describeReport(report), run);
    return "damaged";
  }

  async #look(depth: IntegrityReport["depth"]): Promise<IntegrityReport> {
    const { path, inspect } = this.#options;
    const signal = this.#stopping?.signal ?? AbortSignal.abort();
    return path === undefined ? this.#lookInMemory() : inspect({ kind: "integrity-check", path, depth }, { signal });
  }

  /** There is no closer look than this one. */
  async #lookInMemory(): Promise<IntegrityReport> {
    const { clock } = this.#options;
    const startedAt = clock.monotonic();
    const lines = await this.#call<string[]>("quickCheck", {});
    const violations = await this.#call<ForeignKeyViolation[]>("listForeignKeyViolations", {});
    return {
      depth: "full",
      lines,
      foreignKeyViolations: violations.map(({ table, parent }) => ({ table, parent, rowCount: 1 })),
      durationMs: Math.round(clock.monotonic() - startedAt),
    };
  }

  /** Building an index anew takes nothing away: it is tried before any row is moved. False when nothing could be done. */
  async #rebuild(indexes: readonly string[], lines: readonly string[], run: CheckRun): Promise<boolean> {
    this.#options.logger.error("damaged indexes found, rebuilding them", { indexes, lines });
    const [rebuilt, refused]: [string[], string[]] = [[], []];
    try {
      // Each in a call of its own: one of a large table takes its time, and one that cannot be mended undoes no other.
      for (const index of indexes) {
        if (await this.#tryRebuild(index)) rebuilt.push(index);
        else refused.push(index);
      }
    } finally {
      await this.#tell("indexes-rebuilt", { findings: lines, rebuilt, isComplete: rebuilt.length === indexes.length });
    }
    const isResolved = refused.length > 0 && (await this.#resolveDuplicates(refused));
    if (rebuilt.length === 0 && !isResolved) return false;
    run.findings.push(...lines);
    run.isRepaired = true;
    return true;
  }

  /** False when the table holds rows that are equal under the index. */
  async #tryRebuild(index: string): Promise<boolean> {
    try {
      await this.#call("rebuildIndexes", { indexes: [index] });
      return true;
    } catch (error) {
      if (isMusterError(error, "CONSTRAINT_VIOLATED")) return false;
      throw error;
    }
  }

  /** False for tables whose rows stay where they are. */
  async #resolveDuplicates(indexes: readonly string[]): Promise<boolean> {
    const rebuiltIndexes: string[] = [];
    await this.#moveAll("duplicates-resolved", { indexes, rebuiltIndexes }, async () => {
      const resolved = await this.#call<DuplicatesResolved>("resolveDuplicates", { indexes });
      rebuiltIndexes.push(...resolved.rebuiltIndexes);
      return resolved;
    });
    return rebuiltIndexes.length > 0;
  }

  /** False when none of the tables has a row that is found to be at fault: then nothing here can mend it. */
  async #quarantineDamaged(tables: readonly string[], lines: readonly string[], run: CheckRun): Promise<boolean> {
    this.#options.logger.error("rows that break the rules of their tables found, moving them to the quarantine", {
      lines,
    });
    let movedCount = 0;
    for (const table of tables) {
      let after: DamagedRowsMoved["after"] = null;
      await this.#moveAll("damaged-rows-quarantined", { table, findings: lines }, async () => {
        const moved: DamagedRowsMoved = await this.#call("quarantineDamaged", { table, after });
        after = moved.after;
        movedCount += moved.movedCount;
        return moved;
      });
    }
    if (movedCount === 0) return false;
    run.findings.push(...lines);
    run.isRepaired = true;
    return true;
  }

  async #quarantineOrphans(
    tables: readonly string[],
    violations: readonly BrokenReference[],
    run: CheckRun,
  ): Promise<void> {
    this.#options.logger.error("rows that refer to nothing found, moving them to the quarantine", { violations });
    run.findings.push(...violations.map(describeViolation));
    await this.#moveAll("orphans-quarantined", { violations }, () =>
      this.#call<RowsMoved>("quarantineOrphans", { tables }),
    );
    run.isRepaired = true;
  }

  /** One portion after another until all is done. Whatever ends it before, what was moved until then is told. */
  async #moveAll(
    kind: IntegrityIncident["kind"],
    details: IntegrityIncident["details"],
    moveSome: () => Promise<RowsMoved>,
  ): Promise<void> {
    const movedByTable: Record<string, number> = {};
    try {
      for (let isDone = false; !isDone;) {
        const moved = await moveSome();
        for (const [table, count] of Object.entries(moved.movedByTable)) {
          movedByTable[table] = (movedByTable[table] ?? 0) + count;
        }
        isDone = moved.isDone;
      }
    } finally {
      if (Object.keys(movedByTable).length > 0) await this.#tell(kind, { ...details, movedByTable });
    }
  }

  /** Nothing is called damaged for what somebody did to evidence: a restore would take the evidence with it. */
  async #reportEvidence(lines: readonly string[], run: CheckRun): Promise<"damaged"> {
    run.findings.push(...lines);
    this.#options.logger.error("rows that are evidence break the rules of their tables; they stay as they are", {
      lines,
    });
    await this.#tell("damage-found", { findings: lines.slice(0, FINDING_LIMIT) });
    return "damaged";
  }

  async #giveUp(findings: readonly string[], run: CheckRun, error = createDamage(findings)): Promise<void> {
    run.findings.push(...findings);
    this.#options.logger.error("the database is damaged", { error });
    await this.#tell("damage-found", { findings: findings.slice(0, FINDING_LIMIT) });
    this.#options.onCorrupt(error);
  }

  async #explainFailure(error: unknown, run: CheckRun): Promise<"damaged" | "failed"> {
    if (isMusterError(error, ...DAMAGE_CODES)) {
      await this.#giveUp([error.message], run);
      return "damaged";
    }
    if (!isMusterError(error, "SHUTTING_DOWN")) this.#options.logger.error("integrity check failed", { error });
    run.findings.push(toError(error).message);
    return "failed";
  }

  /** What cannot be told is logged, and ends no check. */
  async #tell(kind: IntegrityIncident["kind"], details: IntegrityIncident["details"]): Promise<void> {
    try {
      await this.#options.onIncident({ kind, details });
    } catch (error) {
      this.#options.logger.error("an incident of the integrity check could not be told", { kind, details, error });
    }
  }

  async #call<Result>(operation: string, input: unknown): Promise<Result> {
    return (await this.#options.database.call(`integrity.${operation}`, input)) as Result;
  }
}

function createDamage(findings: readonly string[]): MusterError {
  return new MusterError("DATABASE_CORRUPT", `check the database: ${findings[0] ?? "it is damaged"}`, {
    hint: "The bot recovers it by itself where it can (docs/restore.md); keep the damaged file.",
    details: { findings: findings.slice(0, FINDING_LIMIT) },
  });
}

function describeReport({ lines, foreignKeyViolations }: IntegrityReport): string[] {
  return [...lines.filter((line) => line !== "ok"), ...foreignKeyViolations.map(describeViolation)];
}

function describeViolation({ table, parent, rowCount }: BrokenReference): string {
  return `${rowCount} rows of ${table} refer to no row of ${parent}`;
}
