import type { LoggedOperation, OperationOutcome } from "../../database/operation-log.ts";

/**
 * Counts of calls to the database since the start, for `/metrics`. On the way of every call, so it is additions in
 * arrays and nothing else; prom-client's own histogram costs a hash of its labels each time.
 */

/** Upper bounds of the histogram's buckets, seconds: from an answer out of memory to one that nobody waits for any more. */
export const CALL_BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BUCKETS_MS = Float64Array.from(CALL_BUCKETS_SECONDS, (seconds) => seconds * 1_000);
/** Far more than there are operations: a bound, so that made-up names cannot grow without end. */
const MAX_NAMES = 200;
const OTHER_NAMES = "other";

export interface DurationFigures {
  readonly outcome: OperationOutcome;
  readonly count: number;
  readonly sumSeconds: number;
  /** By bucket, not cumulative; the last is for what is above all bounds. */
  readonly buckets: readonly number[];
}

export interface OperationFigures {
  readonly name: string;
  readonly outcome: OperationOutcome;
  readonly count: number;
  readonly sumSeconds: number;
}

interface Tally {
  count: number;
  sumMs: number;
}

export class CallFigures {
  readonly #byOutcome = new Map<OperationOutcome, Tally & { readonly buckets: Float64Array }>();
  readonly #byName = new Map<string, Map<OperationOutcome, Tally>>();

  record({ name, outcome, durationMs }: Pick<LoggedOperation, "name" | "outcome" | "durationMs">): void {
    let total = this.#byOutcome.get(outcome);
    if (!total) {
      total = { count: 0, sumMs: 0, buckets: new Float64Array(BUCKETS_MS.length + 1) };
      this.#byOutcome.set(outcome, total);
    }
    total.count++;
    total.sumMs += durationMs;
    let bucket = 0;
    while (bucket < BUCKETS_MS.length && durationMs > BUCKETS_MS[bucket]!) bucket++;
    total.buckets[bucket]!++;
    const tally = this.#tallyOf(name, outcome);
    tally.count++;
    tally.sumMs += durationMs;
  }

  durations(): readonly DurationFigures[] {
    return [...this.#byOutcome].map(([outcome, { count, sumMs, buckets }]) => ({
      ...{ outcome, count, sumSeconds: sumMs / 1_000 },
      buckets: [...buckets],
    }));
  }

  operations(): readonly OperationFigures[] {
    return [...this.#byName].flatMap(([name, tallies]) =>
      [...tallies].map(([outcome, { count, sumMs }]) => ({ name, outcome, count, sumSeconds: sumMs / 1_000 })),
    );
  }

  #tallyOf(name: string, outcome: OperationOutcome): Tally {
    let tallies = this.#byName.get(name);
    if (!tallies) {
      if (this.#byName.size >= MAX_NAMES && name !== OTHER_NAMES) return this.#tallyOf(OTHER_NAMES, outcome);
      tallies = new Map();
      this.#byName.set(name, tallies);
    }
    let tally = tallies.get(outcome);
    if (!tally) {
      tally = { count: 0, sumMs: 0 };
      tallies.set(outcome, tally);
    }
    return tally;
  }
}
