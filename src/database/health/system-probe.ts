import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../../core/clock.ts";
import type { SystemReport } from "./health-types.ts";

type EventLoopDelay = SystemReport["eventLoopDelay"];

const PROGRAM = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};
const RESOLUTION_MS = 20;
/** With fewer measurements the former figures say more. */
const MIN_MEASUREMENTS = 50;
const NS_PER_MS = 1e6;

/** What this process needs of its machine, and how long the event loop keeps others waiting. */
export class SystemProbe {
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #startedMonotonic: number;
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #lastDelay: EventLoopDelay = { meanMs: 0, p99Ms: 0, maxMs: 0 };
  #cpuShare = 0;
  #cpu = process.cpuUsage();
  #cpuMonotonic: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#startedMonotonic = this.#cpuMonotonic = clock.monotonic();
  }

  start(): void {
    this.#delays.enable();
  }

  stop(): void {
    this.#delays.disable();
  }

  get uptimeMs(): number {
    return this.#clock.monotonic() - this.#startedMonotonic;
  }

  report(): SystemReport {
    const { rss, heapUsed, heapTotal } = process.memoryUsage();
    return {
      version: PROGRAM.version,
      nodeVersion: process.versions.node,
      startedAt: this.#startedAt,
      uptimeMs: this.uptimeMs,
      eventLoopDelay: this.#delays.count < MIN_MEASUREMENTS ? this.#withNewest() : this.#measure(),
      memory: { residentBytes: rss, heapUsedBytes: heapUsed, heapTotalBytes: heapTotal },
      cpuShare: this.#cpuShare,
    };
  }

  /** Begins a new period, after the sample of the one that ends was taken. */
  beginPeriod(): void {
    if (this.#delays.count > 0) this.#lastDelay = this.#measure();
    this.#delays.reset();
  }

  /** Use of the processor since the last call. */
  measureCpu(): void {
    const now = this.#clock.monotonic();
    const { user, system } = process.cpuUsage(this.#cpu);
    const elapsedMs = now - this.#cpuMonotonic;
    if (elapsedMs > 0) this.#cpuShare = (user + system) / 1_000 / elapsedMs;
    this.#cpu = process.cpuUsage();
    this.#cpuMonotonic = now;
  }

  /** A long stall shows at once, also while there is little else to go by. */
  #withNewest(): EventLoopDelay {
    if (this.#delays.count === 0) return this.#lastDelay;
    return { ...this.#lastDelay, maxMs: Math.max(this.#lastDelay.maxMs, this.#measure().maxMs) };
  }

  #measure(): EventLoopDelay {
    const { mean, max } = this.#delays;
    // What is measured is the time between two timers, which is that long when nothing is in their way.
    const toDelayMs = (ns: number): number => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS);
    return { meanMs: toDelayMs(mean), p99Ms: toDelayMs(this.#delays.percentile(99)), maxMs: toDelayMs(max) };
  }
}
