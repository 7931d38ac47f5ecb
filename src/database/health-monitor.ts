import type { Settings } from "../config/settings.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { Backups } from "./backup/backups.ts";
import type { DatabaseManager } from "./database-manager.ts";
import type { StorageEngine } from "./engine.ts";
import type {
  GatewayReport,
  HealthReport,
  HealthSample,
  OperationRow,
  SlowQuery,
  Suggestion,
} from "./health/health-types.ts";
import type { IntegrityMonitor } from "./integrity/integrity-monitor.ts";
import type { LoggedOperation } from "./operation-log.ts";

export interface HealthMonitorOptions {
  /** undefined = in memory: then there are no files, and samples are kept in memory only. */
  readonly databasePath: string | undefined;
  readonly database: Pick<DatabaseManager, "health">;
  readonly engine: Pick<StorageEngine, "statements">;
  readonly degradation: Pick<GracefulDegradation, "state">;
  /** undefined with a database in memory. */
  readonly backups: Pick<Backups, "manager" | "schedule" | "canary"> | undefined;
  readonly integrity: Pick<IntegrityMonitor, "last">;
  readonly gateway: () => GatewayReport;
  readonly settings: () => Settings;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Hears of each sample, with the report of the same moment. Must not throw. */
export type SampleListener = (sample: HealthSample, report: HealthReport) => void;

/** What is known of the health of the program and its database, as it is and as it was. */
export class HealthMonitor {
  readonly name = "health";
  readonly #options: HealthMonitorOptions;
  readonly #listeners = new Set<SampleListener>();

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#options;
  }

  async stop(): Promise<void> {
    await Promise.resolve();
  }

  /** Notes one call of the database. Never waits or throws. */
  record(operation: LoggedOperation): void {
    void operation;
  }

  /** From memory, at once. */
  report(): HealthReport {
    throw new Error("not built yet");
  }

  /** Between two moments, oldest first; at most about 1,000: where there are more, several are put together as one. */
  samples(from: number, to: number): Promise<HealthSample[]> {
    void [from, to];
    return Promise.resolve([]);
  }

  /** Of the last five minutes, by the time they took in all, the most first. */
  operations(): OperationRow[] {
    return [];
  }

  /** The newest first. */
  slowQueries(): SlowQuery[] {
    return [];
  }

  suggestions(): Suggestion[] {
    return [];
  }

  /** Calls back on each sample; returns what ends it. */
  onSample(listener: SampleListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
