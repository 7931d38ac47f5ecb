import type { Clock } from "../core/clock.ts";
import { isMusterError, type ErrorCode, type MusterError } from "../core/errors.ts";
import { createIdSequence } from "../core/ids.ts";
import type { StorageEngine } from "./engine.ts";
import type { ErrorHandler } from "./error-handler.ts";
import type { OperationLog, OperationOutcome } from "./operation-log.ts";
import type { OperationStep } from "./operation.ts";

/** The name of a call of several steps, in logs and in the queue. */
export const BATCH = "batch";

/** One call of the façade, from the moment when it was asked for. */
export interface Call {
  readonly name: string;
  readonly operationId: string;
  /** Epoch milliseconds: of the member's request, also when it is applied out of the queue. */
  readonly requestedAt: number;
  readonly startedMonotonic: number;
  attempts: number;
  /** As they were asked for, and from the validation on as they were understood. */
  steps: readonly OperationStep[];
}

export interface CallFigures {
  readonly queryCount: number;
  readonly errorCount: number;
  /** Milliseconds. */
  readonly averageQueryTime: number;
  readonly lastError?: string;
}

export interface CallRecordsOptions {
  readonly engine: Pick<StorageEngine, "statements">;
  readonly errors: ErrorHandler;
  readonly log: Pick<OperationLog, "record">;
  readonly clock: Clock;
  /** A call failed for a reason that lies with the database. */
  readonly onFault: (fault: MusterError) => void;
}

/**
 * What is written down about calls. A call is every request to the façade, whatever comes of it, also one that is
 * refused before it reaches the database or answered from memory: each has exactly one line in the operation log. An
 * answer from memory asks the database nothing, so it is no query in the figures of health.
 */
export class CallRecords {
  readonly #options: CallRecordsOptions;
  readonly #nextOperationId: () => string;
  #queryCount = 0;
  #errorCount = 0;
  #totalQueryMs = 0;
  #lastError: string | undefined;

  constructor(options: CallRecordsOptions) {
    this.#options = options;
    this.#nextOperationId = createIdSequence(() => options.clock.now());
  }

  get figures(): CallFigures {
    return {
      queryCount: this.#queryCount,
      errorCount: this.#errorCount,
      averageQueryTime: this.#queryCount === 0 ? 0 : this.#totalQueryMs / this.#queryCount,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  begin(name: string, steps: readonly OperationStep[]): Call {
    const { clock } = this.#options;
    return {
      name,
      operationId: this.#nextOperationId(),
      requestedAt: clock.now(),
      startedMonotonic: clock.monotonic(),
      attempts: 0,
      steps,
    };
  }

  /** It was answered from memory. */
  cached(call: Call): void {
    this.#log(call, "cached", undefined);
  }

  succeeded(call: Call): void {
    this.#count(this.#log(call, "ok", undefined));
  }

  /** It waits in the queue: behind others, or because of a fault. */
  queued(call: Call, fault?: unknown): void {
    if (fault === undefined) this.#count(this.#log(call, "queued", undefined));
    else this.#end(call, "queued", fault);
  }

  failed(call: Call, error: unknown): void {
    this.#end(call, "failed", error);
  }

  #end(call: Call, outcome: "queued" | "failed", error: unknown): void {
    const { errors, onFault } = this.#options;
    const { code, isDatabaseFault } = errors.classify(error);
    this.#count(this.#log(call, isDatabaseFault ? outcome : "refused", code));
    errors.handle(error, {
      ...{ operation: call.name, operationId: call.operationId, attempt: call.attempts },
      ...(errors.isDebug ? { query: this.#sqlOf(call), parameters: parametersOf(call) } : {}),
    });
    if (!isDatabaseFault || !isMusterError(error)) return;
    this.#errorCount++;
    this.#lastError = error.message;
    onFault(error);
  }

  /** Returns how long the call took, milliseconds. */
  #log(call: Call, outcome: OperationOutcome, code: ErrorCode | undefined): number {
    const { clock, errors, log } = this.#options;
    const { operationId: id, name, requestedAt: at, attempts, steps } = call;
    const durationMs = clock.monotonic() - call.startedMonotonic;
    if (errors.isDebug) {
      const [sql, parameters] = [this.#sqlOf(call), parametersOf(call)];
      log.record({ id, name, at, durationMs, attempts, outcome, code, steps, sql, parameters });
    } else log.record({ id, name, at, durationMs, attempts, outcome, code, steps });
    return durationMs;
  }

  #count(durationMs: number): void {
    this.#queryCount++;
    this.#totalQueryMs += durationMs;
  }

  /** What its operations have been seen to run; undefined when none has run yet. */
  #sqlOf({ steps }: Call): string | undefined {
    const statements = new Set(steps.flatMap(({ name }) => this.#options.engine.statements(name)));
    return statements.size === 0 ? undefined : [...statements].join(";\n");
  }
}

function parametersOf({ name, steps }: Call): unknown {
  return name === BATCH ? steps : steps[0]?.input;
}
