import { MusterError } from "../core/errors.ts";

/** What the program can do for people right now. Every state but `normal` knows why and since when (epoch milliseconds). */
export type DegradationState =
  | { readonly kind: "normal" }
  | { readonly kind: "read-only"; readonly reason: MusterError; readonly since: number }
  | { readonly kind: "offline"; readonly reason: MusterError; readonly since: number };

/** What a command or an operation needs of the database. */
export type DatabaseNeed = "none" | "read" | "write";
export type GateDecision = "run" | "degraded";

/** Who is allowed what; a read that is degraded may be answered from the cache, a write may be queued. */
const GATE: Readonly<Record<DegradationState["kind"], Readonly<Record<DatabaseNeed, GateDecision>>>> = {
  normal: { none: "run", read: "run", write: "run" },
  "read-only": { none: "run", read: "run", write: "degraded" },
  offline: { none: "run", read: "degraded", write: "degraded" },
};

/** The state machine that the database façade asks before it runs anything, and the router for the words of a failure. */
export class GracefulDegradation {
  readonly #listeners = new Set<(state: DegradationState, previous: DegradationState) => void>();
  #state: DegradationState = { kind: "normal" };

  get state(): DegradationState {
    return this.#state;
  }

  decide(need: DatabaseNeed): GateDecision {
    return GATE[this.#state.kind][need];
  }

  /** Throws the reason when what is needed is not to be had now. */
  require(need: DatabaseNeed): void {
    if (this.decide(need) === "degraded" && this.#state.kind !== "normal") {
      const { kind, reason } = this.#state;
      throw new MusterError(kind === "read-only" ? "DATABASE_READ_ONLY" : "DATABASE_UNAVAILABLE", reason.message, {
        cause: reason,
      });
    }
  }

  /** Moves to another state; the same kind again only renews the reason, and nobody is told. */
  transition(state: DegradationState): void {
    const previous = this.#state;
    if (state.kind === previous.kind) {
      if (state.kind !== "normal" && previous.kind !== "normal") this.#state = { ...state, since: previous.since };
      return;
    }
    this.#state = state;
    for (const listener of this.#listeners) listener(state, previous);
  }

  onChange(listener: (state: DegradationState, previous: DegradationState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
