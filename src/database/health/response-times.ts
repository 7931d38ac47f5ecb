import type { OperationRow, Throughput } from "./health-types.ts";
import { ResponseHistogram } from "./response-histogram.ts";

/**
 * Response times over the last minutes. Calls are counted into the slice of the present moment; slices that are older
 * than the window are emptied and used again. Nothing on the way of a call asks for the time: whoever reads, and a timer,
 * say how late it is.
 */

const SLICE_MS = 10_000;
const OPERATION_SLICE_MS = 60_000;
export const MINUTE_MS = 60_000;
export const FIVE_MINUTES_MS = 5 * MINUTE_MS;
/** Enough for every operation of a program; a bound, so that made-up names cannot grow without end. */
const MAX_NAMES = 500;
const OTHER_NAMES = "(other)";

/** A ring of histograms, each for one slice of time. */
class SlidingHistogram {
  readonly #slices: (ResponseHistogram | undefined)[];
  /** Number of the slice that is counted into, since the beginning. */
  #number = 0;
  #current = new ResponseHistogram();

  constructor(sliceCount: number) {
    this.#slices = new Array<undefined>(sliceCount).fill(undefined);
    this.#slices[0] = this.#current;
  }

  get current(): ResponseHistogram {
    return this.#current;
  }

  advanceTo(number: number): void {
    const { length } = this.#slices;
    // After a long sleep every slice is old, and each needs to be emptied once only.
    this.#number = Math.max(this.#number, number - length);
    while (this.#number < number) {
      this.#number++;
      const index = this.#number % length;
      const slice = (this.#slices[index] ??= new ResponseHistogram());
      slice.clear();
      this.#current = slice;
    }
  }

  /** The slice that is counted into and so many before it, as one. */
  sum(earlierCount: number): ResponseHistogram {
    const sum = new ResponseHistogram();
    const { length } = this.#slices;
    for (let back = 0; back <= Math.min(earlierCount, length - 1, this.#number); back++) {
      const slice = this.#slices[(this.#number - back) % length];
      if (slice) sum.add(slice);
    }
    return sum;
  }
}

export class ResponseWindows {
  readonly #startedAt: number;
  #now: number;
  readonly #all = new SlidingHistogram(FIVE_MINUTES_MS / SLICE_MS + 1);
  readonly #byOperation = new Map<string, SlidingHistogram>();
  #sinceTaken = new ResponseHistogram();

  /** Moments are of the monotonic clock. */
  constructor(now: number) {
    this.#startedAt = this.#now = now;
  }

  record(name: string, durationMs: number, isError: boolean): void {
    this.#all.current.record(durationMs, isError);
    this.#sinceTaken.record(durationMs, isError);
    (this.#byOperation.get(name) ?? this.#addOperation(name)).current.record(durationMs, isError);
  }

  advance(now: number): void {
    this.#now = now;
    this.#all.advanceTo(this.#numberOf(SLICE_MS));
    for (const operation of this.#byOperation.values()) operation.advanceTo(this.#numberOf(OPERATION_SLICE_MS));
  }

  /** `windowMs` up to five minutes. The slice that has just begun comes on top. */
  throughput(windowMs: number): Throughput {
    const sum = this.#all.sum(windowMs / SLICE_MS);
    const sinceStartMs = this.#now - this.#startedAt;
    const coveredMs = Math.min(sinceStartMs, windowMs + (sinceStartMs % SLICE_MS));
    return {
      ...sum.times(),
      windowMs,
      errorCount: sum.errorCount,
      errorRate: sum.count === 0 ? 0 : sum.errorCount / sum.count,
      // Right after the start a handful of calls is no rate.
      perSecond: sum.count / (Math.max(coveredMs, 1_000) / 1_000),
    };
  }

  /** Of the last five minutes, by the time they took in all, the most first. */
  operations(): OperationRow[] {
    return [...this.#byOperation]
      .map(([name, operation]) => ({ name, sum: operation.sum(FIVE_MINUTES_MS / OPERATION_SLICE_MS - 1) }))
      .filter(({ sum }) => sum.count > 0)
      .map(({ name, sum }) => ({ name, ...sum.times(), totalMs: sum.totalMs, errorCount: sum.errorCount }))
      .sort((a, b) => b.totalMs - a.totalMs);
  }

  /** What was recorded since the last call of this, or the start. */
  take(): ResponseHistogram {
    const taken = this.#sinceTaken;
    this.#sinceTaken = new ResponseHistogram();
    return taken;
  }

  #numberOf(sliceMs: number): number {
    return Math.floor((this.#now - this.#startedAt) / sliceMs);
  }

  #addOperation(name: string): SlidingHistogram {
    const key = this.#byOperation.size < MAX_NAMES ? name : OTHER_NAMES;
    const known = this.#byOperation.get(key);
    if (known) return known;
    const operation = new SlidingHistogram(FIVE_MINUTES_MS / OPERATION_SLICE_MS);
    operation.advanceTo(this.#numberOf(OPERATION_SLICE_MS));
    this.#byOperation.set(key, operation);
    return operation;
  }
}
