import type { MusterError } from "../core/errors.ts";
import type { OperationStep } from "./operation.ts";

/** One call: its steps are applied together or not at all, and their results come back in order. */
export interface EngineRequest {
  readonly operationId: string;
  readonly requestedAt: number;
  /** True when an earlier attempt with this id may have been applied: the engine looks before it applies. */
  readonly mayBeApplied: boolean;
  /** Of several writes with the same chain none is applied after one that was not, for that one will come once more. */
  readonly chain?: string;
  /**
   * Which failure of a write ends its chain: any, and those behind it are answered with CONFLICT; or only one that lies
   * with the database, with which those behind it are answered then. Default any.
   */
  readonly chainEndsOn?: "any" | "fault";
  /** Milliseconds after which the caller has given up: not applied from then on. */
  readonly timeoutMs: number;
  readonly steps: readonly OperationStep[];
}

/** What the engine can do right now, with what each state needs to be told. */
export type EngineState =
  | { readonly kind: "starting" }
  | { readonly kind: "ready"; readonly since: number }
  /** `isLasting` is false while the first restart may still mend it before anybody notices. */
  | {
      readonly kind: "recovering";
      readonly since: number;
      readonly attempt: number;
      readonly isLasting: boolean;
      readonly cause: MusterError;
    }
  | { readonly kind: "offline"; readonly since: number; readonly cause: MusterError }
  | { readonly kind: "closed" };

export interface EngineStatus {
  readonly state: EngineState;
  /** Reader connections: running a request, free, and requests that wait for one. */
  readonly pool: { readonly size: number; readonly inUse: number; readonly idle: number; readonly waiting: number };
  readonly pendingWrites: number;
  readonly restartCount: number;
  /** Version of the storage library, known once connected. */
  readonly engineVersion: string | undefined;
}

/**
 * What stores the data. SQLite on threads is one implementation; another engine implements the same port, which is
 * why operations are asynchronous and their data plain.
 */
export interface StorageEngine {
  /** Resolves when the engine is ready; rejects when it cannot be made ready without a person's help. */
  start(): Promise<void>;
  /** Finishes what was accepted, then closes. */
  stop(): Promise<void>;
  read(request: EngineRequest): Promise<unknown[]>;
  write(request: EngineRequest): Promise<unknown[]>;
  /** Replaces the connection that writes, because the present one is not to be trusted. */
  reconnect(cause: MusterError): void;
  status(): EngineStatus;
  /** The statements that an operation has been seen to run, in the order of their first use; empty = none yet. */
  statements(operation: string): readonly string[];
  /** Calls back on every change of state; returns what ends it. */
  onStateChange(listener: (state: EngineState) => void): () => void;
}
