import { dirname, join } from "node:path";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../core/clock.ts";
import { Interval } from "../core/interval.ts";
import type { Logger } from "../core/logger.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import { toBackupSettings } from "./backup/backup-settings.ts";
import type { Backups } from "./backup/backups.ts";
import type { DatabaseManager } from "./database-manager.ts";
import { createBackupReport } from "./health/backup-report.ts";
import { measureDatabaseFiles, type DatabaseFilesSize } from "./health/database-files.ts";
import { createDatabaseReport, createSample, toHealthMetrics, type HealthMetrics } from "./health/database-report.ts";
import type {
  BackupReport,
  GatewayReport,
  HealthReport,
  HealthSample,
  OperationRow,
  SlowQuery,
  Suggestion,
} from "./health/health-types.ts";
import { findProblems, toHealthStatus } from "./health/problems.ts";
import { MINUTE_MS, ResponseWindows } from "./health/response-times.ts";
import { SampleHistory } from "./health/sample-history.ts";
import { SizeKeeper, type SizeKeeperOptions } from "./health/size-keeper.ts";
import { SlowQueries, type PlanSource } from "./health/slow-queries.ts";
import { findSuggestions } from "./health/suggestions.ts";
import { SystemProbe } from "./health/system-probe.ts";
import type { IntegrityMonitor } from "./integrity/integrity-monitor.ts";
import type { LoggedOperation } from "./operation-log.ts";

export interface HealthMonitorOptions {
  /** undefined = in memory: then there are no files, and samples are kept in memory only. */
  readonly databasePath: string | undefined;
  readonly database: Pick<DatabaseManager, "health">;
  readonly engine: PlanSource;
  readonly degradation: Pick<GracefulDegradation, "state">;
  /** undefined with a database in memory. */
  readonly backups: Pick<Backups, "manager" | "canary"> | undefined;
  readonly integrity: Pick<IntegrityMonitor, "last">;
  readonly gateway: () => GatewayReport;
  readonly settings: () => Settings;
  /** What can go when the database comes near its limit, and who does the heavy part; undefined in memory. */
  readonly size: Pick<SizeKeeperOptions, "cleanUps" | "run" | "onWork"> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Hears of each sample, with the report of the same moment. Must not throw. */
export type SampleListener = (sample: HealthSample, report: HealthReport) => void;

/** Between two looks at the time, calls count for the slice of time before. */
const ADVANCE_INTERVAL_MS = 1_000;
const MAX_READER_LOOKS = 240;
const NO_BACKUPS: BackupReport = { archive: { isEnabled: false, status: "off" } };

/**
 * What is known of the health of the program and its database, as it is and as it was. Each call is counted on its way;
 * everything else is looked at when somebody asks, or when a sample is due.
 */
export class HealthMonitor {
  readonly name = "health";
  readonly #options: HealthMonitorOptions;
  readonly #windows: ResponseWindows;
  readonly #system: SystemProbe;
  readonly #history: SampleHistory;
  readonly #slowQueries: SlowQueries;
  readonly #size: SizeKeeper | undefined;
  readonly #sampling: Interval;
  readonly #advancing: Interval;
  readonly #listeners = new Set<SampleListener>();
  #files: DatabaseFilesSize | undefined;
  #sampledMonotonic: number;
  #formerQueueSize = 0;
  #lastBackupDurationMs: number | undefined;
  readonly #readerLooks = { count: 0, waitingCount: 0 };

  constructor(options: HealthMonitorOptions) {
    const { clock, logger, settings, databasePath } = options;
    this.#options = options;
    this.#windows = new ResponseWindows(clock.monotonic());
    this.#sampledMonotonic = clock.monotonic();
    this.#system = new SystemProbe(clock);
    this.#history = new SampleHistory({
      folder: databasePath === undefined ? undefined : join(dirname(databasePath), "metrics"),
      keepDays: () => settings().METRICS_RETENTION_DAYS,
      ...{ clock, logger },
    });
    options.backups?.manager.onEvent((event) => {
      // Later verifications renew the moment in the manifest.
      if (event.kind === "made") this.#lastBackupDurationMs = event.manifest.verifiedAt - event.manifest.createdAt;
    });
    this.#slowQueries = new SlowQueries({ plans: options.engine, clock, logger });
    if (options.size && databasePath !== undefined) {
      const maxBytes = (): number => settings().DB_MAX_SIZE;
      this.#size = new SizeKeeper({ ...options.size, databasePath, maxBytes, clock, logger });
    }
    this.#advancing = new Interval({
      clock,
      everyMs: () => ADVANCE_INTERVAL_MS,
      run: () => this.#windows.advance(clock.monotonic()),
      onError: (error) => logger.error("counting calls failed", { error }),
    });
    this.#sampling = new Interval({
      clock,
      everyMs: () => settings().DB_HEALTH_CHECK_INTERVAL,
      run: () => this.#check(),
      onError: (error) => logger.error("the health check failed", { error }),
    });
  }

  async start(): Promise<void> {
    this.#system.start();
    this.#advancing.start();
    this.#sampling.start();
    await this.#measureFiles();
  }

  async stop(): Promise<void> {
    this.#system.stop();
    await this.#advancing.stop();
    await this.#sampling.stop();
    await this.#size?.stop();
  }

  /** Notes one call of the database; costs about a tenth of a microsecond, and never waits or throws. */
  record({ name, steps, at, outcome, code, durationMs }: LoggedOperation): void {
    // An answer from memory asks the database nothing.
    if (outcome === "cached") return;
    // One that was queued because of a fault has met that fault.
    const isError = outcome === "failed" || (outcome === "queued" && code !== undefined);
    this.#windows.record(name, durationMs, isError);
    // What was refused or put into the queue did not take its time in the database.
    if (durationMs < this.#options.settings().DB_SLOW_QUERY || outcome === "refused" || outcome === "queued") return;
    const names = steps && steps.length > 0 ? new Set(steps.map((step) => step.name)) : [name];
    for (const operation of names) this.#slowQueries.note({ at, operation, durationMs });
  }

  /** From memory, at once; file sizes as of the last health check. */
  report(): HealthReport {
    const { database, degradation, integrity, gateway, settings, clock } = this.#options;
    const at = clock.now();
    const current = settings();
    this.#windows.advance(clock.monotonic());
    const facts = {
      at,
      database: createDatabaseReport({
        health: database.health(),
        state: degradation.state,
        windows: this.#windows,
        files: this.#files,
        maxBytes: current.DB_MAX_SIZE,
        lastCheck: integrity.last,
      }),
      backups: this.#reportBackups(at),
      system: this.#system.report(),
      gateway: gateway(),
    };
    const problems = findProblems(
      { ...facts, formerQueueSize: this.#formerQueueSize },
      {
        warningResponseMs: current.ALERT_WARNING_RESPONSE,
        criticalResponseMs: current.ALERT_CRITICAL_RESPONSE,
        warningErrorRate: current.ALERT_WARNING_ERROR_RATE,
        criticalErrorRate: current.ALERT_CRITICAL_ERROR_RATE,
      },
    );
    return { ...facts, status: toHealthStatus(problems), problems };
  }

  /** Of the last sample; undefined before the first. */
  metrics(): HealthMetrics | undefined {
    const { last } = this.#history;
    return last && toHealthMetrics(last);
  }

  /** Between two moments, oldest first; at most about 1,000: where there are more, several are put together as one. */
  samples(from: number, to: number): Promise<HealthSample[]> {
    return this.#history.list(from, to);
  }

  /** Of the last five minutes, by the time they took in all, the most first. */
  operations(): OperationRow[] {
    this.#windows.advance(this.#options.clock.monotonic());
    return this.#windows.operations();
  }

  /** The newest first. */
  slowQueries(): SlowQuery[] {
    return [...this.#slowQueries.list];
  }

  /** Better settings, as far as the figures show a reason. */
  suggestions(): Suggestion[] {
    const { settings } = this.#options;
    return findSuggestions({
      ...this.report(),
      lastBackupDurationMs: this.#lastBackupDurationMs,
      readerLooks: this.#readerLooks,
      settings: settings(),
    });
  }

  /** Calls back on each sample; returns what ends it. */
  onSample(listener: SampleListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #reportBackups(now: number): BackupReport {
    const { backups, settings } = this.#options;
    if (!backups) return NO_BACKUPS;
    const { manager, canary } = backups;
    return createBackupReport({
      status: manager.status,
      settings: toBackupSettings(settings()),
      canaryLagMs: canary.lagMs,
      now,
    });
  }

  async #check(): Promise<void> {
    await this.#measureFiles();
    await this.#slowQueries.explain();
    this.#keepSize();
    if (this.#options.settings().DB_MONITORING_ENABLED) await this.#takeSample();
  }

  #keepSize(): void {
    const { degradation, clock } = this.#options;
    if (!this.#files) return;
    this.#windows.advance(clock.monotonic());
    this.#size?.look({
      files: this.#files,
      isAvailable: degradation.state.kind === "normal",
      perSecond: this.#windows.throughput(MINUTE_MS).perSecond,
      uptimeMs: this.#system.uptimeMs,
    });
  }

  async #measureFiles(): Promise<void> {
    const { databasePath, logger } = this.#options;
    if (databasePath === undefined) return;
    try {
      this.#files = await measureDatabaseFiles(databasePath);
    } catch (error) {
      // A figure that is missing says more than one that is old.
      this.#files = undefined;
      logger.warn("the database's files cannot be measured", { error });
    }
  }

  async #takeSample(): Promise<void> {
    const { clock } = this.#options;
    this.#system.measureCpu();
    const report = this.report();
    const { at, database, backups, system } = report;
    const now = clock.monotonic();
    const elapsedMs = now - this.#sampledMonotonic;
    const sample = createSample({ at, taken: this.#windows.take(), elapsedMs, database, backups, system });
    this.#sampledMonotonic = now;
    this.#formerQueueSize = database.queue.size;
    this.#lookAtReaders(database.pool.waiting);
    this.#system.beginPeriod();
    for (const listener of this.#listeners) listener(sample, report);
    await this.#history.add(sample);
  }

  /** The past counts for less and less. */
  #lookAtReaders(waiting: number): void {
    const looks = this.#readerLooks;
    if (looks.count >= MAX_READER_LOOKS) {
      looks.count = Math.floor(looks.count / 2);
      looks.waitingCount = Math.floor(looks.waitingCount / 2);
    }
    looks.count++;
    if (waiting > 0) looks.waitingCount++;
  }
}
