import type { Clock } from "../core/clock.ts";
import { MusterError } from "../core/errors.ts";
import type { RetryConfig } from "../resilience/backoff.ts";
import { CircuitBreaker, type BreakerState } from "../resilience/circuit-breaker.ts";
import { RetryManager } from "../resilience/retry-manager.ts";
import type { Call } from "./call-records.ts";
import type { EngineRequest, StorageEngine } from "./engine.ts";
import type { ErrorClassification, ErrorHandler } from "./error-handler.ts";
import { isOutcomeUnknown, markOutcomeUnknown } from "./unknown-outcome.ts";

export interface EngineCallsOptions {
  readonly engine: StorageEngine;
  readonly retry: () => RetryConfig;
  /** Longest time that a call waits, retries included, milliseconds. */
  readonly operationTimeoutMs: () => number;
  readonly breaker: { readonly threshold: () => number; readonly resetMs: () => number };
  readonly errors: ErrorHandler;
  readonly clock: Clock;
  /** Writes whose outcome was unknown have been decided, one way or the other. */
  readonly onDecided: () => void;
}

/** What a write that is tried again tells, and asks, whoever keeps writes in order. */
export interface WriteRetryHooks {
  /** An attempt failed for a reason that lies with the database. */
  onFault(fault: unknown): void;
  /** Awaited before each attempt but the first; what it throws ends the call. */
  beforeRetry(): Promise<void>;
}

/** Brings calls to the engine: through the breaker of their kind, again where that may help, within the call's time. */
export class EngineCalls {
  readonly #options: EngineCallsOptions;
  readonly #retry: RetryManager;
  readonly #writeBreaker: CircuitBreaker;
  readonly #readBreaker: CircuitBreaker;
  /** Of the chain of the writes that keep their order: once one of them has failed the next ones belong to another. */
  #orderNumber = 0;
  /** A token for the last write whose outcome nobody knows yet. */
  #doubt: object | undefined;

  constructor(options: EngineCallsOptions) {
    this.#options = options;
    this.#retry = new RetryManager({
      clock: options.clock,
      config: options.retry,
      isRetryable: (error) => toVerdict(options.errors.classify(error)),
    });
    this.#writeBreaker = createBreaker("database writes", options);
    this.#readBreaker = createBreaker("database reads", options);
  }

  get breakers(): readonly CircuitBreaker[] {
    return [this.#writeBreaker, this.#readBreaker];
  }

  get writeBreakerState(): BreakerState {
    return this.#writeBreaker.state;
  }

  /** A write may be applied behind our back: what is read meanwhile may be outdated without a touch. */
  get isInDoubt(): boolean {
    return this.#doubt !== undefined;
  }

  /** The result of the call's one step. */
  async read(call: Call, limitMs = Infinity): Promise<unknown> {
    const timeoutMs = Math.min(limitMs, this.#options.operationTimeoutMs());
    const send = (request: EngineRequest): Promise<unknown[]> => this.#options.engine.read(request);
    const [value] = await this.#withRetries(call, timeoutMs, (leftMs) =>
      this.#readBreaker.execute(() => send(createRequest(call, leftMs, call.attempts > 1))),
    );
    return value;
  }

  write(call: Call, hooks: WriteRetryHooks | undefined): Promise<unknown[]> {
    // What one attempt has left uncertain is not made certain by the next one's failure.
    let isUncertain = false;
    return this.#withRetries(call, this.#options.operationTimeoutMs(), async (leftMs) => {
      if (call.attempts > 1) await hooks?.beforeRetry();
      const request = createRequest(call, leftMs, call.attempts > 1);
      const orderNumber = this.#orderNumber;
      try {
        return await this.#sendWrite(
          hooks ? { ...request, chain: `order-${orderNumber}`, chainEndsOn: "fault" } : request,
        );
      } catch (thrown) {
        isUncertain ||= isOutcomeUnknown(thrown);
        const error = isUncertain && !isOutcomeUnknown(thrown) ? markOutcomeUnknown(thrown) : thrown;
        if (hooks && this.#options.errors.isDatabaseFault(error)) {
          if (orderNumber === this.#orderNumber) this.#orderNumber++;
          hooks.onFault(error);
        }
        throw error;
      }
    });
  }

  /**
   * One attempt at a write that may have been applied by an earlier one, in this run of the program or another. Of those
   * that are sent with one chain none is applied after one that was not.
   */
  replay(call: Call, chain: string): Promise<unknown[]> {
    return this.#sendWrite({ ...createRequest(call, this.#options.operationTimeoutMs(), true), chain });
  }

  /** A write that changes nothing. It asks no breaker: it is what finds out whether the breakers may close. */
  async probe(call: Call): Promise<void> {
    await this.#decide(createRequest(call, this.#options.operationTimeoutMs(), false));
  }

  #sendWrite(request: EngineRequest): Promise<unknown[]> {
    return this.#writeBreaker.execute(() => this.#decide(request));
  }

  /** The writer does one thing after another: when it has done this, whatever was sent before is done or never will be. */
  async #decide(request: EngineRequest): Promise<unknown[]> {
    const doubt = this.#doubt;
    try {
      const results = await this.#options.engine.write(request);
      if (doubt !== undefined && doubt === this.#doubt) {
        this.#doubt = undefined;
        this.#options.onDecided();
      }
      return results;
    } catch (error) {
      if (isOutcomeUnknown(error)) this.#doubt = {};
      throw error;
    }
  }

  /** Each attempt gets what is left of the call's time. */
  #withRetries(call: Call, timeoutMs: number, attempt: (leftMs: number) => Promise<unknown[]>): Promise<unknown[]> {
    const { clock } = this.#options;
    return this.#retry.execute(
      call.name,
      (info) => {
        call.attempts = info.attempt;
        return attempt(Math.max(1, timeoutMs - (clock.monotonic() - call.startedMonotonic)));
      },
      { deadlineAt: call.requestedAt + timeoutMs },
    );
  }
}

function createRequest(call: Call, timeoutMs: number, mayBeApplied: boolean): EngineRequest {
  const { operationId, requestedAt, steps } = call;
  return { operationId, requestedAt, mayBeApplied, timeoutMs, steps };
}

/** A foreign lock has been waited for in the writer thread already, as long as the call may wait. */
function toVerdict({ isRetryable }: ErrorClassification): boolean | "at-once" {
  return isRetryable === "backoff" ? true : isRetryable;
}

function createBreaker(name: string, { breaker, clock, errors }: EngineCallsOptions): CircuitBreaker {
  return new CircuitBreaker({
    ...{ name, clock, ...breaker },
    isFailure: (error) => errors.isDatabaseFault(error),
    createOpenError: () =>
      new MusterError("DATABASE_UNAVAILABLE", `use the ${name}: several calls in a row have failed`),
  });
}
