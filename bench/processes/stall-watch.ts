import { monitorEventLoopDelay } from "node:perf_hooks";

export interface Stalls {
  readonly maxMs: number;
  readonly p99Ms: number;
  readonly p50Ms: number;
}

const RESOLUTION_MS = 1;
const SETTLE_MS = 50;
const NANOSECONDS_PER_MS = 1e6;

/** How long the main thread of this process let its timers wait. The timer's own millisecond is taken off. */
export class StallWatch {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;

  readonly start = async (): Promise<void> => {
    this.#histogram?.disable();
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
    // It counts from its second tick on: a stall before that would not be seen.
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  };

  readonly stop = (): Stalls => {
    const histogram = this.#histogram;
    if (!histogram) throw new Error("the watch was not started");
    histogram.disable();
    const toMs = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS);
    return {
      maxMs: toMs(histogram.max),
      p99Ms: toMs(histogram.percentile(99)),
      p50Ms: toMs(histogram.percentile(50)),
    };
  };
}
