import { isMusterError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";

/** Until what could not be done is tried again. */
const RETRY_DELAY_MS = 5_000;

export interface GuildWorkOptions {
  /** How many servers are worked on at a time. */
  readonly concurrency: number;
  /** False, or a MusterError, when something is left that another try may do. */
  readonly run: (guildId: string) => Promise<boolean>;
  /** Whether it is of any use to try now; `wake` when that changes. */
  readonly canRun: () => boolean;
  readonly schedule: (delayMs: number, run: () => void) => () => void;
  readonly logger: Logger;
}

/**
 * One kind of work that is asked for by server: some at a time, never twice at once for the same, in the order in which
 * they came. What cannot be done now stays asked for.
 */
export class GuildWork {
  readonly #options: GuildWorkOptions;
  readonly #waiting = new Set<string>();
  readonly #postponed = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  #cancelRetry: (() => void) | undefined;
  #isStopped = false;

  constructor(options: GuildWorkOptions) {
    this.#options = options;
  }

  /** At once when possible. While the server is being worked on, it is worked on once more afterwards. */
  request(guildId: string): void {
    this.#postponed.delete(guildId);
    this.#waiting.add(guildId);
    this.#fill();
  }

  requestLater(guildId: string): void {
    this.#postponed.add(guildId);
    this.#retryLater();
  }

  /** What could not be done may be possible now. */
  wake(): void {
    for (const guildId of this.#postponed) this.#waiting.add(guildId);
    this.#postponed.clear();
    this.#fill();
  }

  /** Resolves when nothing is left that can be done now. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    await this.settle();
  }

  #fill(): void {
    const { concurrency, canRun } = this.#options;
    for (const guildId of this.#waiting) {
      if (this.#isStopped || this.#running.size >= concurrency) return;
      if (!canRun()) {
        this.#retryLater();
        return;
      }
      if (this.#running.has(guildId)) continue;
      this.#waiting.delete(guildId);
      const run = this.#run(guildId).finally(() => {
        this.#running.delete(guildId);
        this.#fill();
      });
      this.#running.set(guildId, run);
    }
  }

  async #run(guildId: string): Promise<void> {
    const { run, logger } = this.#options;
    try {
      if (!(await run(guildId))) this.requestLater(guildId);
    } catch (error) {
      logger.error("server not brought in line", { guildId, error });
      if (isMusterError(error)) this.requestLater(guildId);
    }
  }

  #retryLater(): void {
    if (this.#isStopped || this.#cancelRetry) return;
    this.#cancelRetry = this.#options.schedule(RETRY_DELAY_MS, () => {
      this.#cancelRetry = undefined;
      this.wake();
    });
  }
}
