import type { ReadTransaction } from "../operation.ts";
import { identify, matchKey, selectExactRows, type ExactRow } from "./exact-row.ts";
import { describeTable, quoteName, type ForeignKey } from "./table-shape.ts";

export interface DependentsOptions {
  /** Those that are followed from a row to the rows that refer to it. */
  readonly foreignKeys: readonly ForeignKey[];
  /** No more rows than this. */
  readonly limit: number;
}

/**
 * Gathers rows with all that refer to them, directly or not, each after those that refer to it: in this order they can
 * be deleted, in the opposite one restored. Deleting a row alone would let `ON DELETE CASCADE` take the others without
 * a copy. When the limit is reached, what has been gathered is complete in itself.
 */
export class DependentsCollector {
  readonly #transaction: ReadTransaction;
  readonly #options: DependentsOptions;
  readonly #seen = new Set<string>();
  #isFull = false;
  readonly rows: ExactRow[] = [];

  constructor(transaction: ReadTransaction, options: DependentsOptions) {
    this.#transaction = transaction;
    this.#options = options;
  }

  get remaining(): number {
    return this.#options.limit - this.rows.length;
  }

  /** False when the limit left no room for the row and all that depends on it. */
  async add(row: ExactRow): Promise<boolean> {
    // Once one has been left out, nothing that it may depend on or be depended on by can be told to be complete.
    if (this.#isFull) return false;
    const identity = identify(row);
    // Known already, or on the way here: rows that refer to each other in a circle.
    if (this.#seen.has(identity)) return true;
    this.#seen.add(identity);
    for (const foreignKey of this.#options.foreignKeys) {
      if (foreignKey.parent !== row.shape.name) continue;
      const dependents = await this.#listReferring(row, foreignKey);
      for (const dependent of dependents) if (!(await this.add(dependent))) return false;
    }
    this.#isFull = this.remaining <= 0;
    if (!this.#isFull) this.rows.push(row);
    return !this.#isFull;
  }

  async #listReferring(row: ExactRow, { table, parent, columns }: ForeignKey): Promise<ExactRow[]> {
    const shape = await describeTable(this.#transaction, table);
    if (!shape) return [];
    const { sql, parameters } = matchKey(row, "p");
    // The row itself is found by its key. Those that refer to it are found by the index that `ON DELETE` goes by as well:
    // what that index has lost is not taken by the deletion. The parent's column comes first: its collation is the one that decides.
    const match = columns.map(({ from, to }) => `p.${quoteName(to)} = c.${quoteName(from)}`).join(" AND ");
    return selectExactRows(this.#transaction, shape, {
      from: `${quoteName(parent)} AS p NOT INDEXED JOIN ${quoteName(table)} AS c ON ${match}`,
      where: sql,
      parameters,
      limit: Math.max(1, this.remaining),
    });
  }
}
