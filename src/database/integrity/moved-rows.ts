import { MusterError } from "../../core/errors.ts";
import type { WriteTransaction } from "../operation.ts";
import { DependentsCollector } from "./dependents.ts";
import { deleteExactRow, identify, type ExactRow } from "./exact-row.ts";
import { copyToQuarantine } from "./quarantine.ts";
import type { ForeignKey } from "./table-shape.ts";

export interface RowsMoved {
  /** Rows moved, by table. */
  readonly movedByTable: Readonly<Record<string, number>>;
  readonly movedCount: number;
  /** Whether none is left where it was looked. */
  readonly isDone: boolean;
}

export interface RowMoverOptions {
  readonly foreignKeys: readonly ForeignKey[];
  /** No more rows than this, those that depend on others included. */
  readonly limit: number;
  readonly foundAt: number;
  /** What is said of a row that goes because of another one. */
  readonly dependentReason: string;
}

/**
 * Moves rows to the quarantine, with every row that depends on them: these would be orphans next, or vanish by
 * `ON DELETE CASCADE` without a copy.
 */
export class RowMover {
  readonly #transaction: WriteTransaction;
  readonly #options: RowMoverOptions;
  readonly #collector: DependentsCollector;
  readonly #reasons = new Map<string, string>();
  #isDone = true;

  constructor(transaction: WriteTransaction, options: RowMoverOptions) {
    this.#transaction = transaction;
    this.#options = options;
    this.#collector = new DependentsCollector(transaction, {
      foreignKeys: options.foreignKeys.filter(({ isDetachedOnDelete }) => !isDetachedOnDelete),
      limit: options.limit,
    });
  }

  /** For how many rows there is room. */
  get remaining(): number {
    return this.#collector.remaining;
  }

  async add(row: ExactRow, reason: string): Promise<void> {
    this.#reasons.set(identify(row), reason);
    if (!(await this.#collector.add(row))) this.#isDone = false;
  }

  async move(): Promise<RowsMoved> {
    const { dependentReason, foundAt } = this.#options;
    const { rows } = this.#collector;
    for (const row of rows) {
      const reason = this.#reasons.get(identify(row)) ?? dependentReason;
      await copyToQuarantine(this.#transaction, row, { reason, foundAt });
    }
    let deletedCount = 0;
    for (const row of rows) deletedCount += await deleteExactRow(this.#transaction, row);
    // Copied again and again, and never gone: whoever goes on until all is done would never end.
    if (rows.length > 0 && deletedCount === 0) {
      throw new MusterError(
        "QUERY_FAILED",
        `move rows to the quarantine: ${rows[0]!.shape.name} gives none of them away`,
      );
    }
    return { movedByTable: countByTable(rows), movedCount: rows.length, isDone: this.#isDone };
  }
}

export function countByTable(rows: readonly ExactRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { shape } of rows) counts[shape.name] = (counts[shape.name] ?? 0) + 1;
  return counts;
}
