import type { Clock } from "../core/clock.ts";
import { isMusterError, MusterError, type ErrorCode } from "../core/errors.ts";
import { Interval } from "../core/interval.ts";
import type { Logger } from "../core/logger.ts";
import type { CircuitBreaker } from "../resilience/circuit-breaker.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { EngineState, StorageEngine } from "./engine.ts";

/**
 * Decides from what is seen of the database what the program can do, and finds out when it can do more again. What is
 * seen: the engine's state, the errors of calls, and the circuit breaker. While anything is wrong a small real write is
 * tried each second, so service is back within a second or two of the cause going away, and nobody has to ask for it.
 */

const PROBE_INTERVAL_MS = 1_000;

/** Errors after which reading still works. The queue's is only reported when it cannot be opened. */
const READ_ONLY_CODES: readonly ErrorCode[] = ["DATABASE_FULL", "DATABASE_READ_ONLY", "QUEUE_WRITE_FAILED"];
/** Errors after which the connection itself is not to be trusted: the thread is replaced. */
const RECONNECT_CODES: readonly ErrorCode[] = ["DATABASE_IO"];

export interface AvailabilityOptions {
  readonly engine: StorageEngine;
  readonly degradation: GracefulDegradation;
  /** One that is open means that calls fail. */
  readonly breakers: readonly CircuitBreaker[];
  /** A small write that changes nothing: rejects while the database cannot take one. */
  readonly probe: () => Promise<void>;
  /** Called at each round that finds nothing wrong: what waits from a trouble too short to be noticed is done now. */
  readonly onNormalRound: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Availability {
  readonly #options: AvailabilityOptions;
  readonly #probing: Interval;
  /** What a probe has to show to be over; undefined = nothing is wrong but perhaps the engine. */
  #fault: MusterError | undefined;

  constructor(options: AvailabilityOptions) {
    this.#options = options;
    this.#probing = new Interval({
      clock: options.clock,
      everyMs: () => PROBE_INTERVAL_MS,
      run: () => this.#probe(),
      onError: (error) => options.logger.error("probing the database failed", { error }),
    });
    options.engine.onStateChange((state) => this.#follow(state));
    for (const breaker of options.breakers) breaker.onChange(() => this.#follow(options.engine.status().state));
  }

  start(): void {
    this.#probing.start();
  }

  async stop(): Promise<void> {
    await this.#probing.stop();
  }

  /** A call failed for a reason that lies with the database. */
  reportFault(fault: MusterError): void {
    const { engine } = this.#options;
    if (RECONNECT_CODES.includes(fault.code)) engine.reconnect(fault);
    const isLasting = READ_ONLY_CODES.includes(fault.code) || fault.code === "DATABASE_CORRUPT";
    if (isLasting || this.#isBreakerOpen) this.#fault = fault;
    this.#follow(engine.status().state);
  }

  /** Nothing is to be written until a probe has succeeded, whether or not the engine is ready by now. */
  hold(fault: MusterError): void {
    const { degradation, clock } = this.#options;
    this.#fault = fault;
    degradation.transition({ kind: "read-only", reason: fault, since: clock.now() });
  }

  async #probe(): Promise<void> {
    const { engine, degradation, breakers, probe, onNormalRound } = this.#options;
    if (engine.status().state.kind !== "ready") return;
    if (degradation.state.kind === "normal" && !this.#isBreakerOpen) {
      onNormalRound();
      return;
    }
    try {
      await probe();
    } catch (error) {
      if (isMusterError(error)) this.reportFault(error);
      return;
    }
    this.#fault = undefined;
    for (const breaker of breakers) breaker.reset();
    this.#follow(engine.status().state);
  }

  #follow(state: EngineState): void {
    const { degradation, clock } = this.#options;
    if (state.kind === "offline" || (state.kind === "recovering" && state.isLasting)) {
      degradation.transition({ kind: "offline", reason: state.cause, since: state.since });
    } else if (state.kind === "ready" && this.#fault) {
      const kind = READ_ONLY_CODES.includes(this.#fault.code) ? "read-only" : "offline";
      degradation.transition({ kind, reason: this.#fault, since: clock.now() });
    } else if (state.kind === "ready" && this.#isBreakerOpen) {
      const reason = new MusterError("DATABASE_UNAVAILABLE", "use the database: several calls in a row have failed");
      degradation.transition({ kind: "offline", reason, since: clock.now() });
    } else if (state.kind === "ready") {
      degradation.transition({ kind: "normal" });
    }
  }

  get #isBreakerOpen(): boolean {
    return this.#options.breakers.some(({ state }) => state.kind !== "closed");
  }
}
