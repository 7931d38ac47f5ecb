import type { Clock } from "../core/clock.ts";
import { isMusterError, MusterError, toError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { RetryConfig } from "../resilience/backoff.ts";
import type { BreakerState } from "../resilience/circuit-breaker.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import { Availability } from "./availability.ts";
import { noteStaleRead } from "./call-notes.ts";
import { BATCH, CallRecords, type Call, type CallFigures } from "./call-records.ts";
import { EngineCalls } from "./engine-calls.ts";
import type { EngineStatus, StorageEngine } from "./engine.ts";
import type { ErrorHandler } from "./error-handler.ts";
import { OperationCatalogue, validateInput } from "./operation-catalogue.ts";
import type { OperationLog } from "./operation-log.ts";
import type { AnyReadOperation, OperationGroups, OperationStep } from "./operation.ts";
import { ReadCache, type ReadCacheStatistics } from "./read-cache.ts";
import { WritePath, type CreateQueue, type QueueBacklog, type QueueView } from "./write-path.ts";

/** The figures are about all calls since the start but those that were answered from the cache. */
export interface DatabaseHealth extends CallFigures {
  readonly isConnected: boolean;
  /** Epoch milliseconds. */
  readonly lastHealthCheck: number;
  readonly engine: EngineStatus;
  readonly breaker: BreakerState;
  readonly cache: ReadCacheStatistics;
  readonly queue: QueueBacklog;
}

export interface DatabaseManagerOptions {
  readonly engine: StorageEngine;
  readonly operations: OperationGroups;
  readonly degradation: GracefulDegradation;
  /** Makes the queue for writes while the database is away; without it they are refused. */
  readonly createQueue?: CreateQueue;
  readonly retry: () => RetryConfig;
  /** Longest time that a call waits, retries included, milliseconds. */
  readonly operationTimeoutMs: () => number;
  readonly breaker: { readonly threshold: () => number; readonly resetMs: () => number };
  readonly cacheCapacity: () => number;
  readonly errors: ErrorHandler;
  /** Gets one record for each call, whatever came of it. */
  readonly log: Pick<OperationLog, "record">;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** While the database is away a read may still get through; an interaction does not wait longer for that. */
const DEGRADED_READ_TIMEOUT_MS = 500;

/**
 * The façade through which the rest of the program uses the database: a name and an input in, a result out. A call is
 * validated, answered from the cache if it can be, let through the gate, the breaker and the retries to the engine, and
 * when the database is away a read gets the last known answer and a write that may wait is saved to the queue.
 */
export class DatabaseManager {
  readonly #options: DatabaseManagerOptions;
  readonly #catalogue: OperationCatalogue;
  readonly #records: CallRecords;
  readonly #calls: EngineCalls;
  readonly #cache: ReadCache;
  readonly #writes: WritePath;
  readonly #availability: Availability;
  readonly #settledListeners = new Set<() => void>();
  #isStopping = false;

  constructor(options: DatabaseManagerOptions) {
    const { engine, errors, log, degradation, clock, logger } = options;
    this.#options = options;
    const catalogue = new OperationCatalogue(options.operations);
    const cache = new ReadCache(options.cacheCapacity);
    const records = new CallRecords({
      ...{ engine, errors, log, clock },
      onFault: (fault) => this.#availability.reportFault(fault),
    });
    const onDecided = (): void => {
      cache.touchAll();
      this.#tellSettled();
    };
    const calls = new EngineCalls({ ...options, onDecided });
    const { createQueue } = options;
    this.#catalogue = catalogue;
    this.#cache = cache;
    this.#records = records;
    this.#calls = calls;
    this.#writes = new WritePath({ catalogue, records, calls, cache, degradation, errors, createQueue, logger });
    this.#availability = new Availability({
      ...{ engine, degradation, clock, logger },
      breakers: calls.breakers,
      probe: () => this.#probe(),
      onNormalRound: () => this.#settle(),
    });
    degradation.onChange(({ kind }) => {
      // Whoever wrote meanwhile, it was not us.
      cache.touchAll();
      if (kind === "normal") void this.#drain();
    });
  }

  /**
   * Opens the queue, then the engine. Rejects when one of them cannot be used yet; both are tried again. Until the queue is
   * open nobody knows what waits in it and comes first, so that long nothing is written.
   */
  async start(): Promise<void> {
    const obstacle = await this.#writes.open().then(() => undefined, toError);
    if (isMusterError(obstacle)) this.#availability.hold(obstacle);
    this.#availability.start();
    await this.#options.engine.start();
    if (obstacle) throw obstacle;
    void this.#drain();
  }

  /** Takes no more calls, finishes those it has, and closes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#availability.stop();
    await this.#writes.close();
    await this.#options.engine.stop();
  }

  /**
   * Runs one operation. A write that had to wait gives undefined: it is saved, and will be applied. Throws
   * INPUT_INVALID, the operation's own errors, or a fault of the database.
   */
  async call(name: string, input: unknown): Promise<unknown> {
    const call = this.#records.begin(name, [{ name, input }]);
    const operation = this.#validated(call, () => this.#catalogue.require(name));
    if (operation.kind === "read") {
      const parsed = this.#validated(call, () => validateInput(operation, name, input));
      return this.#read(operation, call, parsed);
    }
    const write = this.#validated(call, () => this.#catalogue.validateSteps(call.steps));
    call.steps = write.steps;
    const results = await this.#writes.write(call, write);
    return results?.[0];
  }

  /** Runs operations as one atomic call: all are applied or none. Results in order; undefined when it had to wait. */
  async batch(steps: readonly OperationStep[]): Promise<unknown[] | undefined> {
    if (steps.length === 0) return [];
    const call = this.#records.begin(BATCH, steps);
    const write = this.#validated(call, () => this.#catalogue.validateSteps(steps));
    call.steps = write.steps;
    return this.#writes.write(call, write);
  }

  /** A write that changes nothing: the id under which it is recorded, by which a copy can be seen to be complete. */
  async mark(): Promise<string> {
    const call = this.#records.begin("mark", []);
    await this.#calls.probe(call);
    return call.operationId;
  }

  /** Writes that wait for the database; undefined when they cannot. */
  get queue(): QueueView | undefined {
    return this.#writes.queue;
  }

  /** No write waits in the queue, and of none it is unknown whether it was applied. */
  get isSettled(): boolean {
    return this.#writes.backlog.size === 0 && !this.#calls.isInDoubt;
  }

  /** Calls back when `isSettled` has become true again; returns what ends it. */
  onSettled(listener: () => void): () => void {
    this.#settledListeners.add(listener);
    return () => this.#settledListeners.delete(listener);
  }

  health(): DatabaseHealth {
    const engine = this.#options.engine.status();
    return {
      isConnected: engine.state.kind === "ready",
      ...this.#records.figures,
      lastHealthCheck: this.#options.clock.now(),
      engine,
      breaker: this.#calls.writeBreakerState,
      cache: this.#cache.statistics,
      queue: this.#writes.backlog,
    };
  }

  /** A call that is refused before it reaches anything is a call all the same. */
  #validated<Result>(call: Call, validate: () => Result): Result {
    try {
      if (this.#isStopping) throw new MusterError("SHUTTING_DOWN", `run ${call.name}: the database is being closed`);
      return validate();
    } catch (error) {
      this.#records.failed(call, error);
      throw error;
    }
  }

  async #read(operation: AnyReadOperation, call: Call, input: unknown): Promise<unknown> {
    const { name } = call;
    const tags = operation.touches(input);
    const key = tags.length === 0 ? "" : `${name} ${JSON.stringify(input)}`;
    call.steps = [{ name, input }];
    const cached = tags.length === 0 || this.#calls.isInDoubt ? undefined : this.#cache.getFresh(key);
    if (cached) {
      this.#records.cached(call);
      return cached.value;
    }
    const { moment } = this.#cache;
    try {
      const value = await this.#askEngine(call);
      this.#cache.put(key, value, tags, call.requestedAt, moment);
      this.#records.succeeded(call);
      return value;
    } catch (error) {
      const last = this.#options.errors.isDatabaseFault(error) ? this.#cache.getLast(key) : undefined;
      this.#records.failed(call, error);
      if (!last) throw error;
      noteStaleRead(last.readAt);
      return last.value;
    }
  }

  async #askEngine(call: Call): Promise<unknown> {
    const { degradation, engine } = this.#options;
    if (degradation.decide("read") !== "degraded") return this.#calls.read(call);
    if (engine.status().state.kind !== "ready") degradation.require("read");
    return this.#calls.read(call, DEGRADED_READ_TIMEOUT_MS);
  }

  async #drain(): Promise<void> {
    if (this.#writes.backlog.size === 0) return;
    await this.#writes.drain();
    this.#tellSettled();
  }

  #tellSettled(): void {
    if (this.isSettled) for (const listener of this.#settledListeners) listener();
  }

  async #probe(): Promise<void> {
    await this.#writes.open();
    await this.#calls.probe(this.#records.begin("probe", []));
  }

  /** What a trouble too short to change any state has left behind: no other event would ever take care of it. */
  #settle(): void {
    void this.#drain();
    // Reported by the next call that meets it.
    if (this.#calls.isInDoubt) this.#probe().catch(() => undefined);
  }
}
