import type {
  HealthReport,
  HealthSample,
  OperationRow,
  SlowQuery,
  Suggestion,
} from "../database/health/health-types.ts";

/** What the monitor shows of the program's health. All but the samples, which are on the disk, is in memory. */
export interface HealthSource {
  report(): HealthReport;
  /** The oldest first, from `from` up to `to`, both epoch milliseconds. */
  samples(from: number, to: number): Promise<readonly HealthSample[]>;
  operations(): readonly OperationRow[];
  slowQueries(): readonly SlowQuery[];
  suggestions(): readonly Suggestion[];
  /** Calls back with each new sample. Returns what ends it. */
  onSample(listener: (sample: HealthSample) => void): () => void;
}
