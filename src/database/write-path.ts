import { toError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { ApplyOutcome, OperationQueue, QueuedOperation } from "../resilience/operation-queue.ts";
import { noteQueuedWrite } from "./call-notes.ts";
import { BATCH, type Call, type CallRecords } from "./call-records.ts";
import type { EngineCalls } from "./engine-calls.ts";
import type { ErrorHandler } from "./error-handler.ts";
import type { OperationCatalogue, ValidatedWrite } from "./operation-catalogue.ts";
import type { OperationStep, Priority } from "./operation.ts";
import type { ReadCache } from "./read-cache.ts";
import { isOutcomeUnknown, markOutcomeUnknown } from "./unknown-outcome.ts";
import { WriteOrder, type WritePlace } from "./write-order.ts";

/**
 * The way of a write: to the engine, or, when the database is away and the write may wait, to the queue, from which it
 * is applied later under the same id, so once. Writes that may wait keep the order in which they were asked for: while
 * something waits in the queue or is being tried again, those that come after it get behind it, and what is on its way
 * to the engine is waited for before a later one goes to the queue.
 */

export type CreateQueue = (
  apply: (operations: readonly QueuedOperation[]) => Promise<ApplyOutcome[]>,
) => OperationQueue;

/** Writes that wait for the database, since when the oldest does, and how many were given up. */
export interface QueueBacklog {
  readonly size: number;
  readonly oldestAt: number | undefined;
  readonly deadLetterCount: number;
}

/** The queue, for people to look at. */
export type QueueView = Pick<OperationQueue, "size" | "list" | "listDeadLetters">;

export interface WritePathOptions {
  readonly catalogue: OperationCatalogue;
  readonly records: CallRecords;
  readonly calls: EngineCalls;
  readonly cache: ReadCache;
  readonly degradation: GracefulDegradation;
  readonly errors: ErrorHandler;
  readonly createQueue: CreateQueue | undefined;
  readonly logger: Logger;
}

/** Ends the retries of a write, because one before it has gone to the queue. */
class MustFollow extends Error {}

export class WritePath {
  readonly #options: WritePathOptions;
  readonly #queue: OperationQueue | undefined;
  readonly #order = new WriteOrder();
  #chainCount = 0;
  #isDraining = false;

  constructor(options: WritePathOptions) {
    this.#options = options;
    this.#queue = options.createQueue?.((operations) => this.#applyQueued(operations));
  }

  /** undefined = writes cannot wait. */
  get queue(): QueueView | undefined {
    return this.#queue;
  }

  get backlog(): QueueBacklog {
    const { size = 0, oldestAt, deadLetterCount = 0 } = this.#queue ?? {};
    return { size, oldestAt, deadLetterCount };
  }

  async open(): Promise<void> {
    await this.#queue?.open();
  }

  async close(): Promise<void> {
    await this.#queue?.close();
  }

  /** Results in order of the steps; undefined when it waits in the queue. The call is recorded, whatever comes of it. */
  async write(call: Call, { priority, tags }: ValidatedWrite): Promise<unknown[] | undefined> {
    const { records } = this.#options;
    try {
      const results =
        priority === undefined || !this.#queue
          ? await this.#apply(call, tags)
          : await this.#applyOrQueue(call, tags, priority, this.#queue);
      if (results) records.succeeded(call);
      return results;
    } catch (error) {
      records.failed(call, error);
      throw error;
    }
  }

  /** Applies what waits, unless the database is away. Never rejects. */
  async drain(): Promise<void> {
    const { degradation, logger } = this.#options;
    if (!this.#queue || this.#queue.size === 0 || degradation.decide("write") === "degraded") return;
    // Whoever comes meanwhile has asked for the same, and it is told once.
    const isFirst = !this.#isDraining;
    this.#isDraining = true;
    try {
      const { applied, remaining } = await this.#queue.drain();
      if (isFirst) logger.info("queued writes applied", { applied, remaining });
    } catch (error) {
      if (isFirst) logger.error("applying queued writes failed", { error });
    } finally {
      if (isFirst) this.#isDraining = false;
    }
  }

  async #apply(call: Call, tags: readonly string[], order?: OrderKeeper): Promise<unknown[]> {
    const { calls, cache, degradation } = this.#options;
    degradation.require("write");
    try {
      return await calls.write(call, order);
    } finally {
      // Failed or not: when the outcome is unknown, it may have been applied.
      cache.touch(tags);
    }
  }

  async #applyOrQueue(
    call: Call,
    tags: readonly string[],
    priority: Priority,
    queue: OperationQueue,
  ): Promise<unknown[] | undefined> {
    const { errors } = this.#options;
    const order = this.#order;
    const place = order.enter();
    try {
      if (place.state === "waiting") {
        await order.whenClear(place);
        order.send(place);
      }
      if (queue.size > 0) return await this.#save(call, { place, priority, queue });
      const keeper = new OrderKeeper(order, place, queue);
      try {
        return await this.#apply(call, tags, keeper);
      } catch (error) {
        if (!(error instanceof MustFollow) && !errors.isDatabaseFault(error)) throw error;
        return await this.#save(call, { place, priority, queue, fault: keeper.fault ?? error });
      }
    } finally {
      order.leave(place);
    }
  }

  /** Behind all that was asked for before it. `fault` is why it could not be applied; one that waits behind others has none. */
  async #save(call: Call, { place, priority, queue, fault }: Saving): Promise<undefined> {
    const { name, steps } = call;
    this.#order.hold(place);
    await this.#order.whenFirst(place);
    try {
      const saved = queue.enqueue({
        id: call.operationId,
        operation: name,
        parameters: name === BATCH ? steps : steps[0]!.input,
        timestamp: call.requestedAt,
        priority,
      });
      // It has its place in the queue, so the next one need not wait for its fsync, and shares it.
      this.#order.leave(place);
      await saved;
    } catch (error) {
      throw isOutcomeUnknown(fault) ? markOutcomeUnknown(error) : error;
    }
    this.#options.records.queued(call, fault);
    noteQueuedWrite();
    return undefined;
  }

  /**
   * In their order, and none behind the first that was not applied; but all are sent at once, so that they share commits:
   * one fsync for each would be slower than members may write behind them.
   */
  async #applyQueued(operations: readonly QueuedOperation[]): Promise<ApplyOutcome[]> {
    const { degradation, records, errors } = this.#options;
    try {
      degradation.require("write");
    } catch (error) {
      // Not even tried: no call that could be recorded.
      return [{ kind: "unavailable", error }];
    }
    const chain = `replay-${++this.#chainCount}`;
    const sent: Replay[] = [];
    for (const operation of operations) {
      const replay = this.#replay(operation, chain);
      sent.push(replay);
      if (!replay.isSent) break;
    }
    const outcomes: ApplyOutcome[] = [];
    const results = await Promise.allSettled(sent.map(({ applied }) => applied));
    for (const [index, result] of results.entries()) {
      const { call } = sent[index]!;
      if (result.status === "fulfilled") {
        records.succeeded(call);
        outcomes.push({ kind: "applied" });
        continue;
      }
      const error: unknown = result.reason;
      records.failed(call, error);
      outcomes.push({ kind: errors.isDatabaseFault(error) ? "unavailable" : "failed", error });
      // Those behind it were not applied because of it.
      break;
    }
    return outcomes;
  }

  #replay({ id, operation: name, parameters, timestamp, retryCount }: QueuedOperation, chain: string): Replay {
    const { catalogue, records, calls, cache } = this.#options;
    const steps = name === BATCH ? (parameters as OperationStep[]) : [{ name, input: parameters }];
    const call: Call = { ...records.begin(name, steps), operationId: id, requestedAt: timestamp };
    call.attempts = retryCount + 1;
    try {
      const write = catalogue.validateSteps(steps);
      call.steps = write.steps;
      const applied = calls.replay(call, chain).finally(() => cache.touch(write.tags));
      return { call, applied, isSent: true };
    } catch (error) {
      return { call, applied: Promise.reject(toError(error)), isSent: false };
    }
  }
}

/** A queued write on its way. */
interface Replay {
  readonly call: Call;
  readonly applied: Promise<unknown>;
  /** False when it is refused before it was sent. */
  readonly isSent: boolean;
}

interface Saving {
  readonly place: WritePlace;
  readonly priority: Priority;
  readonly queue: OperationQueue;
  readonly fault?: unknown;
}

/** Keeps one write's place while it is tried again. */
class OrderKeeper {
  readonly #order: WriteOrder;
  readonly #place: WritePlace;
  readonly #queue: OperationQueue;
  /** Why the last attempt failed. */
  fault: unknown;

  constructor(order: WriteOrder, place: WritePlace, queue: OperationQueue) {
    this.#order = order;
    this.#place = place;
    this.#queue = queue;
  }

  onFault(fault: unknown): void {
    this.fault = fault;
    this.#order.hold(this.#place);
  }

  /** Throws MustFollow when a write before this one had to be saved. */
  async beforeRetry(): Promise<void> {
    await this.#order.whenFirst(this.#place);
    if (this.#queue.size > 0) throw new MustFollow();
  }
}
