import type { Clock } from "../core/clock.ts";
import { toError } from "../core/errors.ts";
import { createId } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";

/** One thing that the program did to mend itself: what was tried, on what, when, and how it ended. */
export interface RecoveryAction {
  readonly id: string;
  /** What was done: `"restart-writer"`, `"reopen"`, `"rescue"`, `"replay-queue"`, … */
  readonly action: string;
  readonly target: string;
  /** Epoch milliseconds, as is `finishedAt`. */
  readonly startedAt: number;
  readonly finishedAt?: number;
  readonly outcome: "running" | "succeeded" | "failed";
  /** What it brought, or why it failed. */
  readonly detail?: string;
  /** From 1, when the action is one of several tries. */
  readonly attempt?: number;
}

/** Ends a recovery action; what ended it first stands. */
export interface RunningRecovery {
  succeed(detail?: string): void;
  fail(error: unknown): void;
}

export interface RecoveryFilter {
  /** Begun at or after this moment, epoch milliseconds. */
  readonly since?: number;
  readonly action?: string;
  /** At most this many, the newest. */
  readonly limit?: number;
}

export interface RecoveryLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many actions are kept in memory. Default 500. */
  readonly capacity?: number;
}

type RecoveryEnd = Pick<RecoveryAction, "detail"> & { readonly outcome: "succeeded" | "failed" };

const DEFAULT_CAPACITY = 500;

/** The last recovery actions, for people to look at; every one of them is in the log as well. */
export class RecoveryLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #capacity: number;
  readonly #listeners = new Set<(action: RecoveryAction) => void>();
  /** Oldest first. */
  readonly #actions = new Map<string, RecoveryAction>();

  constructor({ clock, logger, capacity = DEFAULT_CAPACITY }: RecoveryLogOptions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#capacity = capacity;
  }

  begin(action: string, target: string, attempt?: number): RunningRecovery {
    const startedAt = this.#clock.now();
    const begun: RecoveryAction = {
      id: createId(startedAt),
      action,
      target,
      startedAt,
      outcome: "running",
      ...(attempt === undefined ? {} : { attempt }),
    };
    this.#keep(begun);
    this.#logger.info("recovery action began", describe(begun));
    this.#tell(begun);
    const finish = this.#createFinish(begun);
    return {
      succeed: (detail) => finish({ outcome: "succeeded", ...(detail === undefined ? {} : { detail }) }),
      fail: (error) => finish({ outcome: "failed", detail: toError(error).message }, error),
    };
  }

  /** Newest first. */
  list({ since = -Infinity, action, limit = Infinity }: RecoveryFilter = {}): readonly RecoveryAction[] {
    return [...this.#actions.values()]
      .filter((entry) => entry.startedAt >= since && (action === undefined || entry.action === action))
      .reverse()
      .slice(0, limit);
  }

  /** Calls back when an action begins and when it ends. Listeners must not throw. Returns what ends it. */
  onAction(listener: (action: RecoveryAction) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #createFinish(begun: RecoveryAction): (end: RecoveryEnd, error?: unknown) => void {
    const startedMonotonic = this.#clock.monotonic();
    let isFinished = false;
    return (end, error) => {
      if (isFinished) return;
      isFinished = true;
      const finished: RecoveryAction = { ...begun, ...end, finishedAt: this.#clock.now() };
      // Not when it has been dropped for newer ones meanwhile: it would come back as the newest.
      if (this.#actions.has(begun.id)) this.#actions.set(begun.id, finished);
      const durationMs = Math.round(this.#clock.monotonic() - startedMonotonic);
      if (end.outcome === "succeeded") {
        this.#logger.info("recovery action succeeded", { ...describe(finished), durationMs });
      } else {
        this.#logger.warn("recovery action failed", { ...describe(begun), durationMs, error });
      }
      this.#tell(finished);
    };
  }

  #keep(begun: RecoveryAction): void {
    this.#actions.set(begun.id, begun);
    if (this.#actions.size <= this.#capacity) return;
    const kept = [...this.#actions.values()];
    // The oldest that has ended, so that what still runs stays in sight; the oldest of all when none has.
    const dispensable = kept.find(({ outcome }) => outcome !== "running") ?? kept[0]!;
    this.#actions.delete(dispensable.id);
  }

  #tell(action: RecoveryAction): void {
    for (const listener of this.#listeners) listener(action);
  }
}

function describe({ id, action, target, attempt, detail }: RecoveryAction): Record<string, unknown> {
  return {
    recoveryId: id,
    action,
    target,
    ...(attempt === undefined ? {} : { attempt }),
    ...(detail === undefined ? {} : { detail }),
  };
}
