import type { HealthSample } from "../database/health/health-types.ts";

/**
 * At most `maxCount` samples that tell the same: neighbours become one. Counts are added up, averages weighted by calls;
 * of percentiles, queue, lag and delay the worst is kept; states are the worst, sizes and backups the last.
 */
export function thinSamples(samples: readonly HealthSample[], maxCount: number): readonly HealthSample[] {
  if (samples.length <= maxCount) return samples;
  const groupSize = Math.ceil(samples.length / maxCount);
  const groups = Array.from({ length: Math.ceil(samples.length / groupSize) }, (_, index) =>
    samples.slice(index * groupSize, (index + 1) * groupSize),
  );
  return groups.map(merge);
}

function merge(group: readonly HealthSample[]): HealthSample {
  const last = group.at(-1)!;
  const queryCount = sum(group.map((sample) => sample.queryCount));
  const errorCount = sum(group.map((sample) => sample.errorCount));
  const lags = group.flatMap(({ archiveLagMs }) => (archiveLagMs === undefined ? [] : [archiveLagMs]));
  const failed = group.find(({ backupStatus }) => backupStatus === "FAILED");
  return {
    ...last,
    connectionStatus: worstState(group),
    queryCount,
    errorCount,
    errorRate: queryCount === 0 ? 0 : sum(group.map((sample) => sample.errorRate * sample.queryCount)) / queryCount,
    perSecond: sum(group.map((sample) => sample.perSecond)) / group.length,
    averageResponseMs:
      queryCount === 0 ? 0 : sum(group.map((sample) => sample.averageResponseMs * sample.queryCount)) / queryCount,
    p50Ms: middle(group.filter((sample) => sample.queryCount > 0).map((sample) => sample.p50Ms)),
    p95Ms: Math.max(...group.map((sample) => sample.p95Ms)),
    p99Ms: Math.max(...group.map((sample) => sample.p99Ms)),
    queueSize: Math.max(...group.map((sample) => sample.queueSize)),
    eventLoopP99Ms: Math.max(...group.map((sample) => sample.eventLoopP99Ms)),
    ...(lags.length > 0 && { archiveLagMs: Math.max(...lags) }),
    ...(failed && { backupStatus: "FAILED" as const }),
  };
}

function worstState(group: readonly HealthSample[]): HealthSample["connectionStatus"] {
  const states = new Set(group.map((sample) => sample.connectionStatus));
  return states.has("offline") ? "offline" : states.has("read-only") ? "read-only" : "normal";
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function middle(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}
