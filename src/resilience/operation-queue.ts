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
import { join } from "node:path";
import { sleep, type Clock } from "../core/clock.ts";
import { isMusterError, MusterError, toError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { SpoolBacklog, type Priority } from "./spool-backlog.ts";
import { DeadLetters } from "./spool-dead-letters.ts";
import type { OpenSpoolHandle } from "./spool-file.ts";
import { Spool, type SpoolEntry } from "./spool.ts";

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
  /** How files are opened. Default: those of the disk. */
  readonly openHandle?: OpenSpoolHandle;
}

type Entry = SpoolEntry<QueuedOperation>;

/** Between two batches a more urgent operation can go ahead. */
const BATCH_SIZE = 200;
const DEFAULT_MAX_ENTRIES = 100_000;
const DEFAULT_SEGMENT_BYTES = 4 * 1024 ** 2;
/** What `error.code` says when a disk, or a user's share of it, is full. */
const NO_SPACE_CODES = ["ENOSPC", "EDQUOT"];

export class OperationQueue {
  readonly #options: OperationQueueOptions;
  readonly #spool: Spool<QueuedOperation>;
  readonly #deadLetters: DeadLetters<QueuedOperation>;
  readonly #backlog = new SpoolBacklog<QueuedOperation>();
  readonly #saving = new Set<Promise<Entry>>();
  readonly #closed = new AbortController();
  #opening: Promise<void> | undefined;
  #isOpen = false;
  #draining: Promise<DrainResult> | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: OperationQueueOptions) {
    const { folder, clock, logger, segmentBytes = DEFAULT_SEGMENT_BYTES, openHandle } = options;
    const handles = openHandle === undefined ? {} : { openHandle };
    this.#options = options;
    this.#spool = new Spool({ folder, clock, logger, segmentBytes, ...handles });
    this.#deadLetters = new DeadLetters({ path: join(folder, "dead-letter.ndjson"), logger, ...handles });
  }

  /** Reads what waits from earlier runs. Rejects when the folder cannot be used. */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Those being saved included, so that whoever asks "is anything before me?" gets the right answer. */
  get size(): number {
    return this.#backlog.size + this.#saving.size;
  }

  /** When the operation that has waited longest was asked for, epoch milliseconds. */
  get oldestAt(): number | undefined {
    return this.#backlog.oldestAt;
  }

  /** The next ones, in the order in which they will be applied. */
  list(limit: number): readonly QueuedOperation[] {
    return this.#backlog.list(limit).map(({ value }) => value);
  }

  /**
   * Resolves when the operation is on the disk. Throws QUEUE_FULL beyond `maxEntries`, QUEUE_WRITE_FAILED when the disk
   * does not take it, INPUT_INVALID when it is not JSON data; then it was not saved.
   */
  async enqueue(operation: Omit<QueuedOperation, "retryCount" | "maxRetries">): Promise<void> {
    const { maxEntries = () => DEFAULT_MAX_ENTRIES, maxRetries } = this.#options;
    this.#requireOpen(operation.operation);
    if (this.size >= maxEntries()) {
      throw new MusterError("QUEUE_FULL", `save ${operation.operation}: ${this.size} operations wait already`, {
        hint: "Bring the database back; the queue then empties itself.",
      });
    }
    await this.#save(toPlainData({ ...operation, retryCount: 0, maxRetries: maxRetries() }));
    this.#options.onChange?.();
  }

  /** Applies what waits, also what comes meanwhile, until nothing is left or the database is away. */
  drain(): Promise<DrainResult> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  /** Finishes the batch and the saving in progress. What still waits is there when it is opened again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<void> {
    const usedSequence = await this.#deadLetters.open();
    const entries = await this.#spool.open(usedSequence);
    const isDead = (entry: Entry): boolean => this.#deadLetters.has(entry);
    for (const entry of entries) if (!isDead(entry)) this.#backlog.put(entry);
    await this.#spool.finish(entries.filter(isDead).map(({ sequence }) => sequence));
    this.#isOpen = true;
    if (this.size > 0) this.#options.logger.info("operations wait for the database", { count: this.size });
  }

  #requireOpen(what: string): void {
    if (this.#closing) throw new MusterError("SHUTTING_DOWN", `save or apply ${what}: the queue is closed`);
    if (!this.#isOpen) throw new MusterError("INTERNAL", `save or apply ${what}: the queue is not open yet`);
  }

  async #save(operation: QueuedOperation): Promise<void> {
    const saving = this.#spool.save(operation);
    this.#saving.add(saving);
    try {
      this.#backlog.put(await saving);
    } catch (error) {
      throw createWriteError(operation, error, this.#options.folder);
    } finally {
      this.#saving.delete(saving);
    }
  }

  async #drain(): Promise<DrainResult> {
    let applied = 0;
    let deadLettered = 0;
    try {
      await this.#opening;
      this.#requireOpen("queued operations");
      while (!this.#closed.signal.aborted && this.size > 0) {
        const batch = this.#backlog.nextBatch(BATCH_SIZE);
        if (batch.length === 0) {
          await Promise.allSettled(this.#saving);
          continue;
        }
        const outcomes = await this.#options.apply(batch.map(({ value }) => value));
        applied += await this.#finishApplied(batch.filter((_, index) => outcomes[index]?.kind === "applied"));
        deadLettered += await this.#countFailures(batch, outcomes);
        if (outcomes.length === 0 || outcomes.some(isUnavailable)) break;
      }
    } finally {
      // Here and not when the promise has settled: who asks in between would get an answer without his operation.
      this.#draining = undefined;
    }
    return { applied, deadLettered, remaining: this.size };
  }

  async #finishApplied(entries: readonly Entry[]): Promise<number> {
    await this.#leave(entries);
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
      this.#backlog.put(counted);
      await this.#spool.replace(entry.sequence, value);
      if (outcome.retryAfterMs !== undefined) await this.#wait(outcome.retryAfterMs);
    }
    return deadLettered;
  }

  async #giveUp(entry: Entry, error: unknown): Promise<void> {
    const { clock, logger, onDeadLetter } = this.#options;
    const { value } = entry;
    await this.#deadLetters.add({ ...entry, error, at: clock.now() });
    await this.#leave([entry]);
    const { id, operation, retryCount } = value;
    logger.error("a queued operation failed for good", { operationId: id, operation, retryCount, error });
    onDeadLetter?.(value, error);
  }

  async #leave(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    for (const entry of entries) this.#backlog.remove(entry);
    await this.#spool.finish(entries.map(({ sequence }) => sequence));
    this.#options.onChange?.();
  }

  /** Ends early when the queue is closed. */
  async #wait(delayMs: number): Promise<void> {
    const { signal } = this.#closed;
    await sleep(this.#options.clock, delayMs, signal).catch(() => undefined);
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    await this.#opening?.catch(() => undefined);
    // Whoever asked for it hears of its failure.
    await this.#draining?.catch(() => undefined);
    await Promise.allSettled(this.#saving);
    await this.#spool.close();
    await this.#deadLetters.close();
  }
}

/** An operation that was refused because the program is stopping did not fail: it would be a dead letter for nothing. */
function isUnavailable(outcome: ApplyOutcome): boolean {
  if (outcome.kind === "applied") return false;
  return outcome.kind === "unavailable" || isMusterError(outcome.error, "SHUTTING_DOWN");
}

/** As it will be read after a restart: what the caller changes later, or JSON leaves out, makes no difference between the two. */
function toPlainData(operation: QueuedOperation): QueuedOperation {
  try {
    return JSON.parse(JSON.stringify(operation)) as QueuedOperation;
  } catch (error) {
    throw new MusterError("INPUT_INVALID", `save ${operation.operation}: its parameters are not plain JSON data`, {
      cause: error,
    });
  }
}

function createWriteError({ operation }: QueuedOperation, error: unknown, folder: string): MusterError {
  const cause = toError(error) as NodeJS.ErrnoException;
  const isFull = NO_SPACE_CODES.includes(cause.code ?? "");
  const reason = isFull ? "the disk of the queue is full" : cause.message;
  return new MusterError("QUEUE_WRITE_FAILED", `save ${operation} for later: ${reason}`, {
    cause,
    hint: isFull ? `Free space on the disk that holds ${folder}.` : `Check that ${folder} can be written to.`,
  });
}
