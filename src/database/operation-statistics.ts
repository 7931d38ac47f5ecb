import type { Clock } from "../core/clock.ts";

/** Enough for every operation of a program; a bound, so that made-up names cannot grow without end. */
const MAX_NAMES = 500;
const OTHER_NAMES = "(other)";

export interface OperationFigures {
  readonly count: number;
  readonly errorCount: number;
  readonly averageMs: number;
  readonly maxMs: number;
}

export interface OperationStatistics extends OperationFigures {
  /** How long the period was that the figures are about. */
  readonly periodMs: number;
  readonly operationsPerSecond: number;
  readonly errorsPerSecond: number;
  /** Calls that were answered from memory; the other figures are without them. */
  readonly cachedCount: number;
  readonly refusedCount: number;
  readonly queuedCount: number;
  /** Operations that are not in the file: the disk was too slow or too full for them. */
  readonly droppedCount: number;
  /** The names that took the most time in all, the most first. */
  readonly top: readonly ({ readonly name: string } & OperationFigures)[];
}

interface Tally {
  count: number;
  errorCount: number;
  totalMs: number;
  maxMs: number;
}

const newTally = (): Tally => ({ count: 0, errorCount: 0, totalMs: 0, maxMs: 0 });

/** Counts operations over one period after another. */
export class OperationCounter {
  readonly #clock: Clock;
  #startedAt: number;
  #byName = new Map<string, Tally>();
  #cachedCount = 0;
  #refusedCount = 0;
  #queuedCount = 0;
  #droppedCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  count(name: string, outcome: "ok" | "cached" | "refused" | "queued" | "failed", durationMs: number): void {
    if (outcome === "cached") {
      this.#cachedCount++;
      return;
    }
    const tally = this.#byName.get(name) ?? this.#addName(name);
    tally.count++;
    tally.totalMs += durationMs;
    if (durationMs > tally.maxMs) tally.maxMs = durationMs;
    if (outcome === "ok") return;
    if (outcome === "failed") tally.errorCount++;
    else if (outcome === "refused") this.#refusedCount++;
    else this.#queuedCount++;
  }

  countDropped(count: number): void {
    this.#droppedCount += count;
  }

  /** The figures since the last call, or the start; begins a new period. */
  takePeriod(topCount: number): OperationStatistics {
    const now = this.#clock.monotonic();
    const periodMs = now - this.#startedAt;
    const perSecond = (count: number): number => (periodMs > 0 ? (count * 1_000) / periodMs : 0);
    const all = newTally();
    for (const tally of this.#byName.values()) addTo(all, tally);
    const statistics: OperationStatistics = {
      periodMs,
      operationsPerSecond: perSecond(all.count),
      errorsPerSecond: perSecond(all.errorCount),
      ...toFigures(all),
      cachedCount: this.#cachedCount,
      refusedCount: this.#refusedCount,
      queuedCount: this.#queuedCount,
      droppedCount: this.#droppedCount,
      top: [...this.#byName]
        .sort(([, a], [, b]) => b.totalMs - a.totalMs)
        .slice(0, topCount)
        .map(([name, tally]) => ({ name, ...toFigures(tally) })),
    };
    this.#startedAt = now;
    this.#byName = new Map();
    this.#cachedCount = this.#refusedCount = this.#queuedCount = this.#droppedCount = 0;
    return statistics;
  }

  #addName(name: string): Tally {
    const key = this.#byName.size < MAX_NAMES ? name : OTHER_NAMES;
    const known = this.#byName.get(key);
    if (known) return known;
    const tally = newTally();
    this.#byName.set(key, tally);
    return tally;
  }
}

function addTo(sum: Tally, { count, errorCount, totalMs, maxMs }: Tally): void {
  sum.count += count;
  sum.errorCount += errorCount;
  sum.totalMs += totalMs;
  sum.maxMs = Math.max(sum.maxMs, maxMs);
}

function toFigures({ count, errorCount, totalMs, maxMs }: Tally): OperationFigures {
  return { count, errorCount, averageMs: count === 0 ? 0 : totalMs / count, maxMs };
}
