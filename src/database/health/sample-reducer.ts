import type { HealthSample } from "./health-types.ts";

/** More points than this no chart can show. */
export const MAX_POINT_COUNT = 1_000;

const STATUS_ORDER: readonly HealthSample["connectionStatus"][] = ["normal", "read-only", "offline"];

/**
 * Puts samples together where a range has more of them than a chart can show. What is put together keeps its worst
 * figures, so that a short trouble does not vanish from a long range.
 */
export class SampleReducer {
  readonly #from: number;
  readonly #spanMs: number;
  readonly #points: HealthSample[] = [];
  #span = -1;
  /** Samples in the last point. */
  #count = 0;

  constructor(from: number, to: number, maxPointCount = MAX_POINT_COUNT) {
    this.#from = from;
    this.#spanMs = Math.max(1, (to - from + 1) / maxPointCount);
  }

  /** In the order of their moments. */
  add(sample: HealthSample): void {
    const span = Math.floor((sample.at - this.#from) / this.#spanMs);
    const last = this.#points.at(-1);
    if (!last || span > this.#span) {
      this.#points.push(sample);
      this.#span = span;
      this.#count = 1;
      return;
    }
    this.#points[this.#points.length - 1] = merge(last, sample, this.#count);
    this.#count++;
  }

  /** The oldest first. */
  get points(): HealthSample[] {
    return this.#points;
  }
}

/** `a` stands for `count` samples already. */
function merge(a: HealthSample, b: HealthSample, count: number): HealthSample {
  const queryCount = a.queryCount + b.queryCount;
  const errorCount = a.errorCount + b.errorCount;
  const byCalls = (ofA: number, ofB: number): number =>
    queryCount === 0 ? 0 : (ofA * a.queryCount + ofB * b.queryCount) / queryCount;
  const lagMs = Math.max(a.archiveLagMs ?? -1, b.archiveLagMs ?? -1);
  const { archiveLagMs: _own, ...newest } = b;
  return {
    ...newest,
    connectionStatus: STATUS_ORDER.findLast(
      (status) => status === a.connectionStatus || status === b.connectionStatus,
    )!,
    ...{ queryCount, errorCount },
    errorRate: queryCount === 0 ? 0 : errorCount / queryCount,
    perSecond: (a.perSecond * count + b.perSecond) / (count + 1),
    averageResponseMs: byCalls(a.averageResponseMs, b.averageResponseMs),
    p50Ms: byCalls(a.p50Ms, b.p50Ms),
    p95Ms: Math.max(a.p95Ms, b.p95Ms),
    p99Ms: Math.max(a.p99Ms, b.p99Ms),
    queueSize: Math.max(a.queueSize, b.queueSize),
    ...(lagMs < 0 ? {} : { archiveLagMs: lagMs }),
    eventLoopP99Ms: Math.max(a.eventLoopP99Ms, b.eventLoopP99Ms),
    residentBytes: Math.max(a.residentBytes, b.residentBytes),
    ...(a.backupStatus === "FAILED" ? { backupStatus: a.backupStatus } : {}),
  };
}
