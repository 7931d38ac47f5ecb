import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { isMusterError, MusterError, toError } from "../core/errors.ts";
import { createIdSequence } from "../core/ids.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { EngineRequest, EngineState, EngineStatus, StorageEngine } from "./engine.ts";
import { listOperations, type AnyOperation, type OperationGroups, type OperationStep } from "./operation.ts";

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
}

export interface DatabaseManagerOptions {
  readonly engine: StorageEngine;
  readonly operations: OperationGroups;
  readonly degradation: GracefulDegradation;
  readonly clock: Clock;
}

/** Faults of the database, rather than of a request: they count as its errors and its health. */
const DATABASE_FAULTS = [
  "DATABASE_UNAVAILABLE",
  "DATABASE_READ_ONLY",
  "DATABASE_BUSY",
  "DATABASE_FULL",
  "DATABASE_CORRUPT",
  "DATABASE_IO",
  "QUERY_FAILED",
  "TRANSACTION_FAILED",
  "OPERATION_TIMEOUT",
] as const;

/**
 * The façade through which the rest of the program uses the database: a name and an input in, a result out. Inputs are
 * validated here, once; the gate refuses what the state of the database does not allow.
 */
export class DatabaseManager {
  readonly #engine: StorageEngine;
  readonly #operations: ReadonlyMap<string, AnyOperation>;
  readonly #degradation: GracefulDegradation;
  readonly #clock: Clock;
  readonly #nextOperationId: () => string;
  #queryCount = 0;
  #errorCount = 0;
  #totalQueryMs = 0;
  #lastError: string | undefined;

  constructor({ engine, operations, degradation, clock }: DatabaseManagerOptions) {
    this.#engine = engine;
    this.#operations = listOperations(operations);
    this.#degradation = degradation;
    this.#clock = clock;
    this.#nextOperationId = createIdSequence(() => clock.now());
    engine.onStateChange((state) => this.#followEngine(state));
  }

  /** Rejects when the database cannot be used yet; the engine keeps trying, and the state says when it can. */
  async start(): Promise<void> {
    await this.#engine.start();
  }

  async stop(): Promise<void> {
    await this.#engine.stop();
  }

  /** Runs one operation. Throws INPUT_INVALID, the operation's own errors, or a fault of the database. */
  async call(name: string, input: unknown): Promise<unknown> {
    const [result] = await this.#execute([{ name, input }]);
    return result;
  }

  /** Runs write operations as one atomic call: all are applied or none. Results in order. */
  async batch(steps: readonly OperationStep[]): Promise<unknown[]> {
    if (steps.length === 0) return [];
    return this.#execute(steps);
  }

  health(): DatabaseHealth {
    const engine = this.#engine.status();
    return {
      isConnected: engine.state.kind === "ready",
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      queryCount: this.#queryCount,
      errorCount: this.#errorCount,
      averageQueryTime: this.#queryCount === 0 ? 0 : this.#totalQueryMs / this.#queryCount,
      lastHealthCheck: this.#clock.now(),
      engine,
    };
  }

  async #execute(steps: readonly OperationStep[]): Promise<unknown[]> {
    const { kind, steps: validated } = this.#validate(steps);
    this.#degradation.require(kind);
    const request: EngineRequest = {
      operationId: this.#nextOperationId(),
      requestedAt: this.#clock.now(),
      mayBeApplied: false,
      steps: validated,
    };
    const startedAt = this.#clock.monotonic();
    try {
      return await (kind === "read" ? this.#engine.read(request) : this.#engine.write(request));
    } catch (error) {
      this.#recordFailure(error);
      throw error;
    } finally {
      this.#queryCount++;
      this.#totalQueryMs += this.#clock.monotonic() - startedAt;
    }
  }

  #validate(steps: readonly OperationStep[]): { kind: "read" | "write"; steps: OperationStep[] } {
    let kind: "read" | "write" = "read";
    const validated = steps.map(({ name, input }): OperationStep => {
      const operation = this.#operations.get(name);
      if (!operation) throw new MusterError("OPERATION_UNKNOWN", `run ${name}: there is no such operation`);
      if (operation.kind === "write") kind = "write";
      const parsed = operation.input.safeParse(input);
      if (parsed.success) return { name, input: parsed.data };
      throw new MusterError("INPUT_INVALID", `run ${name}: ${z.prettifyError(parsed.error)}`, { cause: parsed.error });
    });
    return { kind, steps: validated };
  }

  #recordFailure(error: unknown): void {
    if (!isMusterError(error, ...DATABASE_FAULTS)) return;
    this.#errorCount++;
    this.#lastError = toError(error).message;
  }

  /** The engine's state decides what the program can do. */
  #followEngine(state: EngineState): void {
    if (state.kind === "ready") this.#degradation.transition({ kind: "normal" });
    if (state.kind === "recovering" || state.kind === "offline") {
      this.#degradation.transition({ kind: "offline", reason: state.cause, since: state.since });
    }
  }
}
