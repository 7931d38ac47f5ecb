import type { Clock } from "../core/clock.ts";
import { createId } from "../core/ids.ts";
import { Interval } from "../core/interval.ts";
import type { Logger } from "../core/logger.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { Store } from "./store.ts";
import { MAX_USAGE_ENTRIES, type UsageEntry } from "./usage.ts";

/**
 * Notes how commands are used, behind their backs: entries wait in memory for some seconds and are written together, so
 * that no command waits for it and a busy server costs one write. While the database is away they stay in memory, up to
 * a bound; at a stop they go with the other writes that wait. A killed process loses the last seconds of them.
 */

const FLUSH_DELAY_MS = 5_000;
/** Some 200 bytes each. Beyond it the oldest are given up: these are statistics. */
const MAX_WAITING = 10_000;
const PRUNE_INTERVAL_MS = 86_400_000;
const PRUNE_LIMIT = 1_000;
const DAY_MS = 86_400_000;

export interface UsageLogOptions {
  readonly store: { readonly usage: Pick<Store["usage"], "record" | "prune"> };
  readonly degradation: Pick<GracefulDegradation, "state">;
  readonly retentionDays: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class UsageLog {
  readonly name = "usage log";
  readonly #options: UsageLogOptions;
  readonly #pruning: Interval;
  #waiting: UsageEntry[] = [];
  #cancelFlush: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: UsageLogOptions) {
    this.#options = options;
    this.#pruning = new Interval({
      clock: options.clock,
      everyMs: () => PRUNE_INTERVAL_MS,
      run: () => this.prune(),
      onError: (error) => options.logger.warn("old records of command use were not deleted", { error }),
    });
  }

  start(): void {
    this.#pruning.start();
    this.#pruning.trigger();
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    await this.#pruning.stop();
    this.#cancelFlush?.();
    await this.flush();
  }

  /** Never waits or throws. */
  record(entry: Omit<UsageEntry, "id">): void {
    this.#waiting.push({ ...entry, id: createId(entry.at) });
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
    this.#schedule();
  }

  /** Resolves when all that waits has been written, or could not be. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Deletes what is older than the retention says, a little at a time. */
  async prune(): Promise<void> {
    if (this.#options.degradation.state.kind !== "normal") return;
    const keepDays = this.#options.retentionDays();
    const before = Math.max(this.#options.clock.now() - keepDays * DAY_MS, 0);
    let deleted: number;
    do deleted = await this.#options.store.usage.prune({ before, keepDays, limit: PRUNE_LIMIT });
    while (deleted === PRUNE_LIMIT);
  }

  #schedule(): void {
    this.#cancelFlush ??= this.#options.clock.schedule(FLUSH_DELAY_MS, () => {
      this.#cancelFlush = undefined;
      if (this.#options.degradation.state.kind === "normal") void this.flush();
      else this.#schedule();
    });
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const entries = this.#waiting.slice(0, MAX_USAGE_ENTRIES);
      try {
        await this.#options.store.usage.record({ entries });
      } catch (error) {
        this.#options.logger.debug("records of command use could not be written yet", { error });
        this.#schedule();
        return;
      }
      const written = new Set(entries);
      this.#waiting = this.#waiting.filter((entry) => !written.has(entry));
    }
  }
}
