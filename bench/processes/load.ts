/** The loops that ask: the same for everything that is measured. */

export interface Callers {
  readonly callers: number;
  readonly durationMs: number;
}

/** How many records each subject holds before reads are measured. */
export const RECORD_COUNT = 1_000;

/**
 * Calls per second. What answers at once is called in a plain loop, whatever the number of callers: waiting for it would
 * only cost it turns of the event loop. Everything else is called by so many at a time, each again when it has its answer.
 */
export async function measureRate(
  call: (number: number) => unknown,
  { callers, durationMs }: Callers,
): Promise<number> {
  let number = 0;
  const startedAt = performance.now();
  const endAt = startedAt + durationMs;
  const first = call(number++);
  if (isThenable(first)) {
    await first;
    const caller = async (): Promise<void> => {
      while (performance.now() < endAt) await call(number++);
    };
    await Promise.all(Array.from({ length: callers }, caller));
  } else {
    while (performance.now() < endAt) call(number++);
  }
  return (number / (performance.now() - startedAt)) * 1_000;
}

export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0, count: sorted.length };
}

export interface SteadyLoad {
  /** Ends it, and tells how long calls took, in milliseconds, and how many failed. */
  stop(): Promise<Spread & { readonly failedCount: number; readonly perSecond: number }>;
}

const TICK_MS = 5;

/** Calls at a rate, whether or not earlier ones have answered: as people do. */
export function startSteadyLoad(call: (number: number) => unknown, perSecond: number): SteadyLoad {
  const latencies: number[] = [];
  const open = new Set<Promise<void>>();
  let failedCount = 0;
  let number = 0;
  const startedAt = performance.now();
  const one = async (): Promise<void> => {
    const askedAt = performance.now();
    try {
      await call(number++);
      latencies.push(performance.now() - askedAt);
    } catch {
      failedCount++;
    }
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
    // What a stall held up is not made up for all at once.
    for (let made = 0; number < due && made < perSecond / 10 + 1; made++) {
      const running = one().finally(() => open.delete(running));
      open.add(running);
    }
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      const seconds = (performance.now() - startedAt) / 1_000;
      await Promise.all(open);
      return { ...spreadOf(latencies), failedCount, perSecond: latencies.length / seconds };
    },
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === "function";
}
