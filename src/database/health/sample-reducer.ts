import type { HealthSample } from "./health-types.ts";

/** More points than this no chart can show. */
export const MAX_POINT_COUNT = 1_000;

const STATUS_ORDER: readonly HealthSample["connectionStatus"][] = ["normal", "read-only", "offline"];

/** So many times as many are kept at most before they are put together. */
const BUFFER_FACTOR = 4;

interface Point {
  readonly sample: HealthSample;
  /** For how many samples it stands. */
  readonly count: number;
}

/**
 * Puts samples together where a range has more of them than a chart can show. What is put together keeps its worst
 * figures, so that a short trouble does not vanish from a long range. Needs the same memory for any number of samples.
 */
export class SampleReducer {
  readonly #maxCount: number;
  #points: Point[] = [];

  constructor(maxCount = MAX_POINT_COUNT) {
    this.#maxCount = maxCount;
  }

  /** In the order of their moments. */
  add(sample: HealthSample): void {
    this.#points.push({ sample, count: 1 });
    if (this.#points.length >= this.#maxCount * BUFFER_FACTOR) this.#reduce();
  }

  /** The oldest first, at most `maxCount`. */
  list(): HealthSample[] {
    if (this.#points.length > this.#maxCount) this.#reduce();
    return this.#points.map(({ sample }) => sample);
  }

  /** Those that lie in the same part of the range become one. */
  #reduce(): void {
    const firstAt = this.#points[0]!.sample.at;
    const spanMs = (this.#points.at(-1)!.sample.at - firstAt + 1) / this.#maxCount;
    const reduced: Point[] = [];
    let lastSpan = -1;
    for (const point of this.#points) {
      // A clock that was set back must not bring more points than there are spans.
      const span = Math.max(Math.floor((point.sample.at - firstAt) / spanMs), lastSpan);
      const last = reduced.at(-1);
      if (last && span === lastSpan) reduced[reduced.length - 1] = merge(last, point);
      else reduced.push(point);
      lastSpan = span;
    }
    this.#points = reduced;
  }
}

function merge(first: Point, second: Point): Point {
  const [a, b] = [first.sample, second.sample];
  const count = first.count + second.count;
  const queryCount = a.queryCount + b.queryCount;
  const errorCount = a.errorCount + b.errorCount;
  const byCalls = (ofA: number, ofB: number): number =>
    queryCount === 0 ? 0 : (ofA * a.queryCount + ofB * b.queryCount) / queryCount;
  const lagMs = Math.max(a.archiveLagMs ?? -1, b.archiveLagMs ?? -1);
  const { archiveLagMs: _own, ...newest } = b;
  const sample: HealthSample = {
    ...newest,
    connectionStatus: STATUS_ORDER.findLast(
      (status) => status === a.connectionStatus || status === b.connectionStatus,
    )!,
    ...{ queryCount, errorCount },
    errorRate: queryCount === 0 ? 0 : errorCount / queryCount,
    perSecond: (a.perSecond * first.count + b.perSecond * second.count) / count,
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
  return { sample, count };
}
