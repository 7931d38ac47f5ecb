/*
 * Operations that wait for the database. Each is on the disk before `enqueue` resolves, and stays there until it was
 * applied or has become a dead letter, whatever ends the process in between. After a crash one may be applied again: it
 * carries the same id, by which whoever applies it knows it.
 *
 * Order: all HIGH, then MEDIUM, then LOW; within a priority as they were enqueued. A new HIGH one overtakes waiting LOW
 * ones; nothing overtakes within a priority. An operation that fails is tried again in its place, before the next of
 * its priority, and at once, because a failure of its own (a constraint, an unknown name) does not go away by waiting;
 * one that says it is temporary is waited for. After `maxRetries` failures it moves to `dead-letter.ndjson`, and the
 * next one's turn comes. When a dead letter cannot be written, draining ends with that error and the operation stays:
 * passing it over would break the order, and dropping it the promise.
 */
import { sleep, type Clock } from "../core/clock.ts";
import { isMusterError, MusterError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Priority } from "./spool-backlog.ts";
import type { DeadLetter, DeadLetterError } from "./spool-dead-letters.ts";
import { createSpoolError, toPlainData } from "./spool-errors.ts";
import type { OpenSpoolHandle } from "./spool-file.ts";
import { SpoolStore } from "./spool-store.ts";
import type { SpoolEntry } from "./spool.ts";

export interface QueuedOperation {
  /** The operation's id: the same in every replay. */
  readonly id: string;
  readonly operation: string;
  /** Plain JSON data. */
  readonly parameters: unknown;
  /** When it was asked for, epoch milliseconds. */
  readonly timestamp: number;
  /** How often it failed for a reason of its own. */
  readonly retryCount: number;
  /** After this many failures it is a dead letter. */
  readonly maxRetries: number;
  readonly priority: Priority;
}

/** What people may see of a waiting operation. */
export type WaitingOperation = Omit<QueuedOperation, "parameters">;

/** What people may see of an operation that was given up. */
export interface DeadLetterSummary extends WaitingOperation {
  /** When it was given up, epoch milliseconds. */
  readonly deadAt: number;
  readonly error: Omit<DeadLetterError, "stack">;
}

export type ApplyOutcome =
  | { readonly kind: "applied" }
  /** The database is away again: draining stops, and nothing is counted. */
  | { readonly kind: "unavailable"; readonly error: unknown }
  /** The operation itself failed; with `retryAfterMs` the failure is temporary, and the next try waits that long. */
  | { readonly kind: "failed"; readonly error: unknown; readonly retryAfterMs?: number };

export interface DrainResult {
  readonly applied: number;
  readonly deadLettered: number;
  readonly remaining: number;
}

export interface OperationQueueOptions {
  /** The spool's folder, made when it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many operations may wait. Default 100,000. */
  readonly maxEntries?: () => number;
  /** What an operation that is enqueued now gets as its `maxRetries`. */
  readonly maxRetries: () => number;
  /**
   * Applies operations of one priority one after another, each once for its id, and says for each how it ended. It is
   * to end with the first that was not applied (the rest is given again): only then does nothing overtake a failed one.
   * What it throws ends the draining and counts for nothing.
   */
  readonly apply: (operations: readonly QueuedOperation[]) => Promise<readonly ApplyOutcome[]>;
  /** Must not throw. */
  readonly onDeadLetter?: (operation: QueuedOperation, error: unknown) => void;
  /** Something began to wait, or waits no longer. Must not throw. */
  readonly onChange?: () => void;
  /** From this size on a new file is begun. Default 4 MB. */
  readonly segmentBytes?: number;
  /** The file of dead letters is not larger; the oldest are dropped for newer ones. Default 2 MB, some 3,000 of them. */
  readonly deadLetterBytes?: number;
  /** How files are opened. Default: those of the disk. */
  readonly openHandle?: OpenSpoolHandle;
}

type Entry = SpoolEntry<QueuedOperation>;

/** Between two batches a more urgent operation can go ahead. */
const BATCH_SIZE = 200;
const DEFAULT_MAX_ENTRIES = 100_000;
const DEFAULT_SEGMENT_BYTES = 4 * 1024 ** 2;
const DEFAULT_DEAD_LETTER_BYTES = 2 * 1024 ** 2;
/** Replies are deferred by then: waiting costs a member little, and refusing costs the write. */
const OPENING_LIMIT_MS = 10_000;
const DEFAULT_LISTED = 100;
const MAX_LISTED = 1_000;

export class OperationQueue {
  readonly #options: OperationQueueOptions;
  readonly #store: SpoolStore<QueuedOperation>;
  readonly #closed = new AbortController();
  #isOpenWanted = false;
  #draining: Promise<DrainResult> | undefined;
  /** Somebody asked for a drain since the last batch was handed over: perhaps the database has come back meanwhile. */
  #isDrainWanted = false;
  /** The last drain applied everything, so what comes now need not wait for somebody to ask for another. */
  #isFlowing = false;
  #closing: Promise<void> | undefined;

  constructor(options: OperationQueueOptions) {
    const { folder, clock, logger, openHandle } = options;
    this.#options = options;
    this.#store = new SpoolStore({
      ...{ folder, clock, logger, openingLimitMs: OPENING_LIMIT_MS },
      segmentBytes: options.segmentBytes ?? DEFAULT_SEGMENT_BYTES,
      deadLetterBytes: options.deadLetterBytes ?? DEFAULT_DEAD_LETTER_BYTES,
      ...(openHandle === undefined ? {} : { openHandle }),
    });
  }

  /**
   * Reads what waits from earlier runs, without holding up the event loop. Throws QUEUE_WRITE_FAILED when the folder
   * cannot be used; then it can be called again, and the next `enqueue` does so. Nothing when it is open.
   */
  async open(): Promise<void> {
    const { logger, folder } = this.#options;
    const isFirst = this.#store.opened === undefined;
    this.#isOpenWanted = true;
    await this.#store.open().catch((error: unknown) => {
      throw createSpoolError("open the queue", error, folder);
    });
    if (isFirst && this.size > 0) logger.info("operations wait for the database", { count: this.size });
  }

  /**
   * Those being saved included, so that whoever asks "is anything before me?" gets the right answer. Before the queue is
   * open it does not know what waits from earlier runs.
   */
  get size(): number {
    return this.#store.size;
  }

  /** When the operation that has waited longest was asked for, epoch milliseconds. */
  get oldestAt(): number | undefined {
    return this.#store.oldestAt;
  }

  /** How many were given up and are kept. */
  get deadLetterCount(): number {
    return this.#store.deadLetters.length;
  }

  /** The next ones, at most 1,000, in the order in which they will be applied. */
  list(limit = DEFAULT_LISTED): readonly WaitingOperation[] {
    return this.#store.list(Math.min(limit, MAX_LISTED)).map(({ value }) => withoutParameters(value));
  }

  /** Those given up, at most 1,000, newest first. */
  listDeadLetters(limit = DEFAULT_LISTED): readonly DeadLetterSummary[] {
    const newestFirst = this.#store.deadLetters.toReversed();
    return newestFirst.slice(0, Math.min(limit, MAX_LISTED)).map(summarize);
  }

  /**
   * Resolves when the operation is on the disk; one whose id waits already is not saved twice. Waits up to 10 s for the
   * queue to be open. Throws QUEUE_FULL beyond `maxEntries`, QUEUE_WRITE_FAILED when the disk does not take it,
   * INPUT_INVALID when it is not JSON data or larger than 1 MB; then it was not saved.
   */
  async enqueue(operation: Omit<QueuedOperation, "retryCount" | "maxRetries">): Promise<void> {
    const doing = `save ${operation.operation} for later`;
    this.#requireRunning(doing);
    const twin = this.#store.whenSaved(operation.id);
    if (!twin) this.#requireRoom(doing, 1);
    const value = toPlainData({ ...operation, retryCount: 0, maxRetries: this.#options.maxRetries() });
    await this.#save(doing, twin ?? this.#store.save(value));
  }

  /** Puts one back into the queue, with its id and all its tries. Throws NOT_FOUND, and what `enqueue` throws. */
  async replayDeadLetter(id: string): Promise<void> {
    const doing = `replay dead letter ${id}`;
    await this.#requireOpen(doing);
    const letter = this.#store.findDeadLetter(id);
    if (!letter) throw new MusterError("NOT_FOUND", `${doing}: there is none`);
    await this.#replay(doing, [letter]);
  }

  /** Puts all back, the oldest first. Returns how many. Throws what `enqueue` throws; those put back until then are. */
  async replayDeadLetters(): Promise<number> {
    const doing = "replay dead letters";
    await this.#requireOpen(doing);
    const letters = this.#store.deadLetters;
    let replayedCount = 0;
    for (let start = 0; start < letters.length; start += BATCH_SIZE) {
      replayedCount += await this.#replay(doing, letters.slice(start, start + BATCH_SIZE));
    }
    return replayedCount;
  }

  /**
   * Applies what waits, also what comes meanwhile, until nothing is left or the database is away. Called while it is in
   * progress, it tries once more before it ends because the database was away.
   */
  drain(): Promise<DrainResult> {
    this.#isDrainWanted = true;
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  /** Finishes the batch and the saving in progress. What still waits is there when it is opened again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #requireRunning(doing: string): void {
    if (this.#closing) throw new MusterError("SHUTTING_DOWN", `${doing}: the queue is closed`);
    if (!this.#isOpenWanted) throw new MusterError("INTERNAL", `${doing}: the queue is not open yet`);
    // It could not be opened; perhaps it can by now. Whoever waits for it hears when not.
    if (!this.#store.opened) void this.#store.open().catch(() => undefined);
  }

  async #requireOpen(doing: string): Promise<void> {
    this.#requireRunning(doing);
    await this.#store.opened?.catch((error: unknown) => {
      throw createSpoolError(doing, error, this.#options.folder);
    });
  }

  #requireRoom(doing: string, count: number): void {
    const { maxEntries = () => DEFAULT_MAX_ENTRIES } = this.#options;
    if (this.size + count <= maxEntries()) return;
    throw new MusterError("QUEUE_FULL", `${doing}: ${this.size} operations wait already`, {
      hint: "Bring the database back; the queue then empties itself.",
    });
  }

  async #save<Result>(doing: string, saving: Promise<Result>): Promise<Result> {
    const { folder, onChange } = this.#options;
    const result = await saving.catch((error: unknown) => {
      throw createSpoolError(doing, error, folder);
    });
    onChange?.();
    // Otherwise it would lie there until somebody asks for the next drain.
    if (this.#isFlowing && !this.#draining && !this.#closing) this.#startDraining();
    return result;
  }

  async #replay(doing: string, letters: readonly DeadLetter<QueuedOperation>[]): Promise<number> {
    this.#requireRoom(doing, letters.length);
    const maxRetries = this.#options.maxRetries();
    const renew = (value: QueuedOperation): QueuedOperation => ({ ...value, retryCount: 0, maxRetries });
    const replayed = await this.#save(doing, this.#store.replay(letters, renew));
    const ids = replayed.map(({ value }) => value.id);
    if (ids.length > 0) this.#options.logger.info("dead letters were put back into the queue", { ids });
    return ids.length;
  }

  #startDraining(): void {
    this.drain().catch((error: unknown) => {
      this.#options.logger.error("applying queued operations failed", { error });
    });
  }

  async #drain(): Promise<DrainResult> {
    let applied = 0;
    let deadLettered = 0;
    let isEmptied = false;
    this.#isFlowing = false;
    try {
      await this.#requireOpen("apply queued operations");
      while (!this.#closed.signal.aborted && this.size > 0) {
        const batch = this.#store.nextBatch(BATCH_SIZE);
        if (batch.length === 0) {
          await this.#store.settle();
          continue;
        }
        this.#isDrainWanted = false;
        const outcomes = await this.#options.apply(batch.map(({ value }) => value));
        applied += await this.#finishApplied(batch.filter((_, index) => outcomes[index]?.kind === "applied"));
        deadLettered += await this.#countFailures(batch, outcomes);
        const isAway = outcomes.length === 0 || outcomes.some(isUnavailable);
        if (isAway && !this.#isDrainWanted) break;
      }
      isEmptied = applied > 0 && this.size === 0;
    } finally {
      // Here and not when the promise has settled: who asks in between would get an answer without his operation.
      this.#draining = undefined;
      this.#isFlowing = isEmptied;
    }
    return { applied, deadLettered, remaining: this.size };
  }

  async #finishApplied(entries: readonly Entry[]): Promise<number> {
    if (entries.length === 0) return 0;
    await this.#store.finish(entries);
    this.#options.onChange?.();
    return entries.length;
  }

  /** Returns how many became dead letters. */
  async #countFailures(batch: readonly Entry[], outcomes: readonly ApplyOutcome[]): Promise<number> {
    let deadLettered = 0;
    for (const [index, outcome] of outcomes.entries()) {
      const entry = batch[index];
      if (!entry || outcome.kind !== "failed" || isUnavailable(outcome)) continue;
      const value = { ...entry.value, retryCount: entry.value.retryCount + 1 };
      const counted = { ...entry, value };
      if (value.retryCount >= value.maxRetries) {
        await this.#giveUp(counted, outcome.error);
        deadLettered++;
        continue;
      }
      await this.#store.replace(counted);
      if (outcome.retryAfterMs !== undefined) await this.#wait(outcome.retryAfterMs);
    }
    return deadLettered;
  }

  async #giveUp(entry: Entry, error: unknown): Promise<void> {
    const { logger, onDeadLetter, onChange } = this.#options;
    await this.#store.giveUp(entry, error);
    const { id, operation, retryCount } = entry.value;
    logger.error("a queued operation failed for good", { operationId: id, operation, retryCount, error });
    onDeadLetter?.(entry.value, error);
    onChange?.();
  }

  /** Ends early when the queue is closed. */
  async #wait(delayMs: number): Promise<void> {
    const { signal } = this.#closed;
    await sleep(this.#options.clock, delayMs, signal).catch(() => undefined);
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    // Whoever asked for it hears of its failure.
    await this.#draining?.catch(() => undefined);
    await this.#store.close();
  }
}

/** An operation that was refused because the program is stopping did not fail: it would be a dead letter for nothing. */
function isUnavailable(outcome: ApplyOutcome): boolean {
  if (outcome.kind === "applied") return false;
  return outcome.kind === "unavailable" || isMusterError(outcome.error, "SHUTTING_DOWN");
}

function withoutParameters({ parameters: _, ...operation }: QueuedOperation): WaitingOperation {
  return operation;
}

function summarize({ value, at, error: { stack: _, ...error } }: DeadLetter<QueuedOperation>): DeadLetterSummary {
  return { ...withoutParameters(value), deadAt: at, error };
}
