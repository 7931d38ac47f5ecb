import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { SlowQuery } from "./health-types.ts";
import { findMissingIndex } from "./missing-index.ts";

/** What can say what an operation runs, and how the database would go about it. */
export interface PlanSource {
  statements(operation: string): readonly string[];
  /** How a statement would be run, one line for each step. */
  explain(sql: string): Promise<readonly string[]>;
}

export interface SlowQueriesOptions {
  readonly plans: PlanSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One call that took too long. */
export interface SlowCall {
  readonly at: number;
  readonly operation: string;
  readonly durationMs: number;
}

const MAX_COUNT = 100;
/** For each operation: while all is slow, one call of a kind says as much as a thousand. */
const MIN_DISTANCE_MS = 60_000;
const MAX_UNEXPLAINED = 20;

/**
 * Remembers slow calls and finds out why: what the operation runs, by which plan, and which index is missing. The plans
 * are asked for afterwards, of a reader, when nobody waits; a missing index is told of once.
 */
export class SlowQueries {
  readonly #options: SlowQueriesOptions;
  readonly #notedAt = new Map<string, number>();
  readonly #toldIndexes = new Set<string>();
  #unexplained: SlowCall[] = [];
  #queries: SlowQuery[] = [];

  constructor(options: SlowQueriesOptions) {
    this.#options = options;
  }

  /** The newest first. */
  get list(): readonly SlowQuery[] {
    const unknown = this.#unexplained.map((call) => ({ ...call, sql: "", plan: [] })).toReversed();
    return [...unknown, ...this.#queries];
  }

  note(call: SlowCall): void {
    const now = this.#options.clock.monotonic();
    const notedAt = this.#notedAt.get(call.operation);
    if (notedAt !== undefined && now - notedAt < MIN_DISTANCE_MS) return;
    this.#notedAt.set(call.operation, now);
    this.#unexplained.push(call);
    if (this.#unexplained.length > MAX_UNEXPLAINED) this.#unexplained.shift();
  }

  /** Looks up the plans of what was noted since. While the database is away they stay unknown until the next call. */
  async explain(): Promise<void> {
    for (const call of [...this.#unexplained]) {
      const statements = await this.#explainOperation(call.operation);
      if (!statements) return;
      this.#unexplained = this.#unexplained.filter((other) => other !== call);
      const queries = statements.map((statement) => ({ ...call, ...statement }));
      this.#queries = [...queries, ...this.#queries].slice(0, MAX_COUNT);
      for (const query of queries) this.#tell(query);
    }
  }

  /** undefined when the database does not answer. */
  async #explainOperation(operation: string): Promise<Pick<SlowQuery, "sql" | "plan" | "missingIndex">[] | undefined> {
    const { plans, logger } = this.#options;
    const explained = [];
    for (const sql of plans.statements(operation)) {
      try {
        const plan = await plans.explain(sql);
        const missingIndex = findMissingIndex(sql, plan);
        explained.push({ sql, plan, ...(missingIndex === undefined ? {} : { missingIndex }) });
      } catch (error) {
        logger.debug("the plan of a slow query is not known yet", { operation, error });
        return undefined;
      }
    }
    return explained.length === 0 ? [{ sql: "", plan: [] }] : explained;
  }

  #tell({ operation, durationMs, sql, plan, missingIndex }: SlowQuery): void {
    const { logger } = this.#options;
    logger.info("slow query", { operation, durationMs: Math.round(durationMs), sql, plan });
    if (missingIndex === undefined || this.#toldIndexes.has(missingIndex)) return;
    this.#toldIndexes.add(missingIndex);
    logger.warn("an index is missing", { index: missingIndex, operation, sql, plan });
  }
}
