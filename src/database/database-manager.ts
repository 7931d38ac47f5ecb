import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { isMusterError, MusterError } from "../core/errors.ts";
import { createIdSequence } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { RetryConfig } from "../resilience/backoff.ts";
import { CircuitBreaker, type BreakerState } from "../resilience/circuit-breaker.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { ApplyOutcome, OperationQueue, QueuedOperation } from "../resilience/operation-queue.ts";
import { RetryManager } from "../resilience/retry-manager.ts";
import { Availability } from "./availability.ts";
import { noteQueuedWrite, noteStaleRead } from "./call-notes.ts";
import type { EngineRequest, EngineStatus, StorageEngine } from "./engine.ts";
import type { ErrorClassification, ErrorHandler } from "./error-handler.ts";
import type { OperationLog, OperationOutcome } from "./operation-log.ts";
import {
  listOperations,
  type AnyOperation,
  type AnyReadOperation,
  type OperationGroups,
  type OperationStep,
  type Priority,
} from "./operation.ts";
import { ReadCache, type ReadCacheStatistics } from "./read-cache.ts";

export interface DatabaseHealth {
  readonly isConnected: boolean;
  readonly lastError?: string;
  readonly queryCount: number;
  readonly errorCount: number;
  /** Milliseconds, over all calls since the start. */
  readonly averageQueryTime: number;
  /** Epoch milliseconds. */
  readonly lastHealthCheck: number;
  readonly engine: EngineStatus;
  readonly breaker: BreakerState;
  readonly cache: ReadCacheStatistics;
  /** Writes that wait for the database, and since when the oldest does. */
  readonly queue: { readonly size: number; readonly oldestAt: number | undefined };
}

export interface DatabaseManagerOptions {
  readonly engine: StorageEngine;
  readonly operations: OperationGroups;
  readonly degradation: GracefulDegradation;
  /** Makes the queue for writes while the database is away; without it they are refused. */
  readonly createQueue?: (apply: (operations: readonly QueuedOperation[]) => Promise<ApplyOutcome[]>) => OperationQueue;
  readonly retry: () => RetryConfig;
  /** Longest time that a call waits, retries included, milliseconds. */
  readonly operationTimeoutMs: () => number;
  readonly breaker: { readonly threshold: () => number; readonly resetMs: () => number };
  readonly cacheCapacity: () => number;
  readonly errors: ErrorHandler;
  /** Every call that was more than a look into the cache. */
  readonly log: Pick<OperationLog, "record">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** While the database is away a read may still get through; an interaction does not wait longer for that. */
const DEGRADED_READ_TIMEOUT_MS = 500;
/** The name under which several steps stand in the queue as one. */
const BATCH = "batch";
const PRIORITIES: readonly Priority[] = ["HIGH", "MEDIUM", "LOW"];

interface Call {
  readonly name: string;
  readonly operationId: string;
  readonly requestedAt: number;
  readonly startedMonotonic: number;
  attempts: number;
}

interface ValidatedWrite {
  readonly steps: readonly OperationStep[];
  readonly tags: readonly string[];
  /** undefined = refused while the database is away. */
  readonly priority: Priority | undefined;
}

/**
 * The façade through which the rest of the program uses the database: a name and an input in, a result out. A call is
 * validated, answered from the cache if it can be, let through the gate, the breaker and the retries to the engine, and
 * when the database is away a read gets the last known answer and a write that may wait is saved to the queue.
 */
export class DatabaseManager {
  readonly #options: DatabaseManagerOptions;
  readonly #operations: ReadonlyMap<string, AnyOperation>;
  readonly #nextOperationId: () => string;
  readonly #retry: RetryManager;
  readonly #writeBreaker: CircuitBreaker;
  readonly #readBreaker: CircuitBreaker;
  readonly #cache: ReadCache;
  readonly #queue: OperationQueue | undefined;
  readonly #availability: Availability;
  #queryCount = 0;
  #errorCount = 0;
  #totalQueryMs = 0;
  #lastError: string | undefined;
  #isStopping = false;

  constructor(options: DatabaseManagerOptions) {
    const { clock, engine, degradation, logger } = options;
    this.#options = options;
    this.#operations = listOperations(options.operations);
    this.#nextOperationId = createIdSequence(() => clock.now());
    this.#retry = new RetryManager({
      clock,
      config: options.retry,
      isRetryable: (error) => toVerdict(options.errors.classify(error)),
    });
    this.#writeBreaker = createBreaker("database writes", options);
    this.#readBreaker = createBreaker("database reads", options);
    this.#cache = new ReadCache(options.cacheCapacity);
    this.#queue = options.createQueue?.((operations) => this.#applyQueued(operations));
    this.#availability = new Availability({
      ...{ engine, degradation, clock, logger },
      breakers: [this.#writeBreaker, this.#readBreaker],
      probe: async () => void (await engine.write(this.#createRequest(this.#begin("probe"), []))),
      // A write can be queued by a failure that changed no state: no other event would ever empty the queue.
      onNormalRound: () => void this.#drain(),
    });
    degradation.onChange(({ kind }) => {
      // Whoever wrote meanwhile, it was not us.
      this.#cache.touchAll();
      if (kind === "normal") void this.#drain();
    });
  }

  /** Opens the queue, then the engine. Rejects when the database cannot be used yet; the engine keeps trying. */
  async start(): Promise<void> {
    await this.#queue?.open();
    this.#availability.start();
    await this.#options.engine.start();
    void this.#drain();
  }

  /** Takes no more calls, finishes those it has, and closes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#availability.stop();
    await this.#queue?.close();
    await this.#options.engine.stop();
  }

  /**
   * Runs one operation. A write that had to wait gives undefined: it is saved, and will be applied. Throws
   * INPUT_INVALID, the operation's own errors, or a fault of the database.
   */
  async call(name: string, input: unknown): Promise<unknown> {
    const operation = this.#require(name);
    const parsed = validate(operation, name, input);
    if (operation.kind === "read") return this.#read(operation, name, parsed);
    const results = await this.#write(name, createWrite([{ operation, name, input: parsed }]));
    return results?.[0];
  }

  /** Runs operations as one atomic call: all are applied or none. Results in order; undefined when it had to wait. */
  async batch(steps: readonly OperationStep[]): Promise<unknown[] | undefined> {
    if (steps.length === 0) return [];
    return this.#write(BATCH, this.#validateSteps(steps));
  }

  health(): DatabaseHealth {
    const engine = this.#options.engine.status();
    return {
      isConnected: engine.state.kind === "ready",
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      queryCount: this.#queryCount,
      errorCount: this.#errorCount,
      averageQueryTime: this.#queryCount === 0 ? 0 : this.#totalQueryMs / this.#queryCount,
      lastHealthCheck: this.#options.clock.now(),
      engine,
      breaker: this.#writeBreaker.state,
      cache: this.#cache.statistics,
      queue: { size: this.#queue?.size ?? 0, oldestAt: this.#queue?.oldestAt },
    };
  }

  async #read(operation: AnyReadOperation, name: string, input: unknown): Promise<unknown> {
    const tags = operation.touches(input);
    const key = tags.length === 0 ? "" : `${name} ${JSON.stringify(input)}`;
    const cached = tags.length === 0 ? undefined : this.#cache.getFresh(key);
    if (cached) return cached.value;
    const isDegraded = this.#options.degradation.decide("read") === "degraded";
    const moment = this.#cache.moment;
    const call = this.#begin(name);
    try {
      if (isDegraded && this.#options.engine.status().state.kind !== "ready") this.#options.degradation.require("read");
      const value = await this.#askEngine(call, { name, input }, isDegraded);
      this.#cache.put(key, value, tags, call.requestedAt, moment);
      this.#finish(call, "ok");
      return value;
    } catch (error) {
      const last = this.#options.errors.isDatabaseFault(error) ? this.#cache.getLast(key) : undefined;
      this.#finish(call, "failed", error);
      if (!last) throw error;
      noteStaleRead(last.readAt);
      return last.value;
    }
  }

  async #askEngine(call: Call, step: OperationStep, isDegraded: boolean): Promise<unknown> {
    const { engine, operationTimeoutMs } = this.#options;
    const timeoutMs = isDegraded ? Math.min(DEGRADED_READ_TIMEOUT_MS, operationTimeoutMs()) : operationTimeoutMs();
    const [value] = await this.#withRetries(call, timeoutMs, this.#readBreaker, (request) => engine.read(request), [
      step,
    ]);
    return value;
  }

  async #write(name: string, { steps, tags, priority }: ValidatedWrite): Promise<unknown[] | undefined> {
    const { engine, degradation, operationTimeoutMs } = this.#options;
    const call = this.#begin(name);
    // Behind what waits already: otherwise a withdrawal could overtake the answer that it withdraws.
    const mustWait = priority !== undefined && this.#queue !== undefined && this.#queue.size > 0;
    if (mustWait) return this.#save(call, steps, priority);
    try {
      degradation.require("write");
      const results = await this.#withRetries(
        call,
        operationTimeoutMs(),
        this.#writeBreaker,
        (request) => engine.write(request),
        steps,
      );
      this.#finish(call, "ok");
      return results;
    } catch (error) {
      if (priority !== undefined && this.#queue && this.#options.errors.isDatabaseFault(error))
        return await this.#save(call, steps, priority, error);
      this.#finish(call, "failed", error);
      throw error;
    } finally {
      // Failed or not: when the outcome is unknown, it may have been applied.
      this.#cache.touch(tags);
    }
  }

  /** `fault` is why it could not be applied; a write that waits behind others has none. */
  async #save(call: Call, steps: readonly OperationStep[], priority: Priority, fault?: unknown): Promise<undefined> {
    const [first] = steps;
    const isSingle = steps.length === 1;
    try {
      await this.#queue!.enqueue({
        id: call.operationId,
        operation: isSingle ? first!.name : BATCH,
        parameters: isSingle ? first!.input : steps,
        timestamp: call.requestedAt,
        priority,
      });
    } catch (error) {
      this.#finish(call, "failed", error);
      throw error;
    }
    this.#finish(call, "queued", fault);
    noteQueuedWrite();
    return undefined;
  }

  /** Waits and tries again as long as the call may; each try with what is left of that time. */
  #withRetries(
    call: Call,
    timeoutMs: number,
    breaker: CircuitBreaker,
    send: (request: EngineRequest) => Promise<unknown[]>,
    steps: readonly OperationStep[],
  ): Promise<unknown[]> {
    const deadlineAt = call.requestedAt + timeoutMs;
    return this.#retry.execute(
      call.name,
      ({ attempt }) => {
        call.attempts = attempt;
        const leftMs = attempt === 1 ? timeoutMs : Math.max(1, deadlineAt - this.#options.clock.now());
        return breaker.execute(() => send(this.#createRequest(call, steps, leftMs)));
      },
      { deadlineAt },
    );
  }

  async #drain(): Promise<void> {
    if (!this.#queue || this.#queue.size === 0 || this.#options.degradation.decide("write") === "degraded") return;
    try {
      const { applied, remaining } = await this.#queue.drain();
      this.#options.logger.info("queued writes applied", { applied, remaining });
    } catch (error) {
      this.#options.logger.error("applying queued writes failed", { error });
    }
  }

  /** One after another, and no further than the first that was not applied, so that nothing overtakes it. */
  async #applyQueued(operations: readonly QueuedOperation[]): Promise<ApplyOutcome[]> {
    const outcomes: ApplyOutcome[] = [];
    for (const operation of operations) {
      const outcome = await this.#applyOne(operation);
      outcomes.push(outcome);
      if (outcome.kind !== "applied") break;
    }
    return outcomes;
  }

  async #applyOne({ id, operation: name, parameters, timestamp }: QueuedOperation): Promise<ApplyOutcome> {
    const call: Call = { ...this.#begin(name), operationId: id, requestedAt: timestamp };
    try {
      const steps = name === BATCH ? (parameters as OperationStep[]) : [{ name, input: parameters }];
      const write = this.#validateSteps(steps);
      this.#options.degradation.require("write");
      const request = { ...this.#createRequest(call, write.steps), mayBeApplied: true };
      await this.#options.engine.write(request);
      this.#cache.touch(write.tags);
      this.#finish(call, "ok");
      return { kind: "applied" };
    } catch (error) {
      this.#finish(call, "failed", error);
      return { kind: this.#options.errors.isDatabaseFault(error) ? "unavailable" : "failed", error };
    }
  }

  #validateSteps(steps: readonly OperationStep[]): ValidatedWrite {
    return createWrite(
      steps.map(({ name, input }) => {
        const operation = this.#require(name);
        return { operation, name, input: validate(operation, name, input) };
      }),
    );
  }

  #require(name: string): AnyOperation {
    if (this.#isStopping) throw new MusterError("SHUTTING_DOWN", `run ${name}: the database is being closed`);
    const operation = this.#operations.get(name);
    if (!operation) throw new MusterError("OPERATION_UNKNOWN", `run ${name}: there is no such operation`);
    return operation;
  }

  #begin(name: string): Call {
    const { clock } = this.#options;
    return {
      name,
      operationId: this.#nextOperationId(),
      requestedAt: clock.now(),
      startedMonotonic: clock.monotonic(),
      attempts: 0,
    };
  }

  #createRequest(
    call: Call,
    steps: readonly OperationStep[],
    timeoutMs = this.#options.operationTimeoutMs(),
  ): EngineRequest {
    const { operationId, requestedAt, attempts } = call;
    return { operationId, requestedAt, mayBeApplied: attempts > 1, timeoutMs, steps };
  }

  #finish(call: Call, outcome: OperationOutcome, error?: unknown): void {
    const { clock, errors, log } = this.#options;
    const { name, operationId, attempts } = call;
    const durationMs = clock.monotonic() - call.startedMonotonic;
    this.#queryCount++;
    this.#totalQueryMs += durationMs;
    if (error === undefined) {
      log.record({ id: operationId, name, at: call.requestedAt, durationMs, attempts, outcome });
      return;
    }
    const { code, isDatabaseFault } = errors.classify(error);
    log.record({
      ...{ id: operationId, name, at: call.requestedAt, durationMs, attempts, code },
      outcome: isDatabaseFault ? outcome : "refused",
    });
    errors.handle(error, { operation: name, operationId, attempt: attempts });
    if (!isDatabaseFault || !isMusterError(error)) return;
    this.#errorCount++;
    this.#lastError = error.message;
    this.#availability.reportFault(error);
  }
}

/** A foreign lock has been waited for in the writer thread already, as long as the call may wait. */
function toVerdict({ isRetryable }: ErrorClassification): boolean | "at-once" {
  return isRetryable === "backoff" ? true : isRetryable;
}

function createBreaker(name: string, { breaker, clock, errors }: DatabaseManagerOptions): CircuitBreaker {
  return new CircuitBreaker({
    ...{ name, clock, ...breaker },
    isFailure: (error) => errors.isDatabaseFault(error),
    createOpenError: () =>
      new MusterError("DATABASE_UNAVAILABLE", `use the ${name}: several calls in a row have failed`),
  });
}

function validate(operation: AnyOperation, name: string, input: unknown): unknown {
  const parsed = operation.input.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new MusterError("INPUT_INVALID", `run ${name}: ${z.prettifyError(parsed.error)}`, { cause: parsed.error });
}

/** What several writes touch together; they may wait when each of them may, with the most urgent one's priority. */
function createWrite(steps: readonly { operation: AnyOperation; name: string; input: unknown }[]): ValidatedWrite {
  const priorities = steps.map(({ operation }) => priorityOf(operation));
  return {
    steps: steps.map(({ name, input }) => ({ name, input })),
    tags: steps.flatMap(({ operation, input }) => operation.touches(input)),
    priority: priorities.includes(undefined) ? undefined : PRIORITIES.find((priority) => priorities.includes(priority)),
  };
}

/** A read among the steps is for its answer, and that cannot wait. */
function priorityOf(operation: AnyOperation): Priority | undefined {
  return operation.kind === "read" || operation.whenAway === "refuse" ? undefined : operation.whenAway.queue;
}
