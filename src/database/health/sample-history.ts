import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { HealthSample } from "./health-types.ts";
import { SampleFiles } from "./sample-files.ts";
import { SampleReducer } from "./sample-reducer.ts";

export interface SampleHistoryOptions {
  /** undefined = in memory only. */
  readonly folder: string | undefined;
  readonly keepDays: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A day at the default interval. They answer for the last hours without the disk, which may be what is in trouble. */
const MEMORY_COUNT = 2_880;
const PRUNE_INTERVAL_MS = 6 * 3_600_000;

/** The samples of the past: the newest in memory, all of them in files. */
export class SampleHistory {
  readonly #options: SampleHistoryOptions;
  readonly #files: SampleFiles | undefined;
  readonly #recent: HealthSample[] = [];
  #prunedAt = -Infinity;
  #isFailing = false;

  constructor(options: SampleHistoryOptions) {
    this.#options = options;
    this.#files = options.folder === undefined ? undefined : new SampleFiles(options.folder);
  }

  get last(): HealthSample | undefined {
    return this.#recent.at(-1);
  }

  /** Resolves when it is in the file, or the disk has not taken it: then it is known until the program ends. */
  async add(sample: HealthSample): Promise<void> {
    this.#recent.push(sample);
    if (this.#recent.length > MEMORY_COUNT) this.#recent.shift();
    if (!this.#files) return;
    try {
      await this.#files.append(sample);
      await this.#prune(this.#files);
      this.#isFailing = false;
    } catch (error) {
      // Once for each time it begins: a full disk fails every time.
      if (!this.#isFailing) this.#options.logger.warn("health samples cannot be written", { error });
      this.#isFailing = true;
    }
  }

  /** Between two moments, both included, the oldest first; at most about 1,000. */
  async list(from: number, to: number): Promise<HealthSample[]> {
    const firstRecentAt = this.#recent[0]?.at ?? Infinity;
    const recent = this.#recent.filter(({ at }) => at >= from && at <= to);
    const reducer = new SampleReducer();
    if (from < firstRecentAt) {
      await this.#files?.read(from, Math.min(to, firstRecentAt - 1), (sample) => reducer.add(sample));
    }
    for (const sample of recent) reducer.add(sample);
    return reducer.list();
  }

  async #prune(files: SampleFiles): Promise<void> {
    const { clock, keepDays } = this.#options;
    if (clock.monotonic() - this.#prunedAt < PRUNE_INTERVAL_MS) return;
    await files.prune(clock.now(), keepDays());
    this.#prunedAt = clock.monotonic();
  }
}
