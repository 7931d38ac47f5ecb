import type { ReadTransaction, WriteTransaction } from "../operation.ts";
import { DependentsCollector } from "./dependents.ts";
import { deleteExactRow, identify, selectExactRows, type ExactRow } from "./exact-row.ts";
import { copyToQuarantine } from "./quarantine.ts";
import { describeTable, isSameName, listForeignKeys, quoteName, type ForeignKey } from "./table-shape.ts";

/**
 * Rows that refer to nothing. They are copied to the quarantine and deleted, with every row that depends on them: these
 * would be orphans next, or vanish by `ON DELETE CASCADE` without a copy.
 */

export interface OrphansMoved {
  /** Rows moved, by table. */
  readonly movedByTable: Readonly<Record<string, number>>;
  readonly movedCount: number;
  /** Whether none is left in the tables looked at. */
  readonly isDone: boolean;
}

/** The rows whose reference leads nowhere, at most `limit`. */
async function listOrphans(transaction: ReadTransaction, foreignKey: ForeignKey, limit: number): Promise<ExactRow[]> {
  const shape = await describeTable(transaction, foreignKey.table);
  if (!shape) return [];
  const isSet = foreignKey.columns.map(({ from }) => `c.${quoteName(from)} IS NOT NULL`);
  // Looked up twice, the second time without an index: a damaged one would make orphans of good rows.
  const isMissing = foreignKey.isParentThere ? [noParent(foreignKey, ""), noParent(foreignKey, " NOT INDEXED")] : [];
  const where = [...isSet, ...isMissing].join(" AND ");
  return selectExactRows(transaction, shape, { from: `${quoteName(shape.name)} AS c`, where, limit });
}

function noParent({ parent, columns }: ForeignKey, hint: string): string {
  const match = columns.map(({ from, to }) => `p.${quoteName(to)} = c.${quoteName(from)}`).join(" AND ");
  return `NOT EXISTS (SELECT 1 FROM ${quoteName(parent)} AS p${hint} WHERE ${match})`;
}

function describeReference({ columns, parent }: ForeignKey): string {
  return `${columns.map(({ from }) => from).join(", ")} refers to no row of ${parent}`;
}

/** Moves orphans of the tables named (undefined = of all), at most `limit` rows in all. */
export async function moveOrphans(
  transaction: WriteTransaction,
  options: { readonly tables: readonly string[] | undefined; readonly limit: number; readonly foundAt: number },
): Promise<OrphansMoved> {
  const { tables, limit, foundAt } = options;
  const foreignKeys = await listForeignKeys(transaction);
  const collector = new DependentsCollector(transaction, {
    foreignKeys: foreignKeys.filter(({ isDetachedOnDelete }) => !isDetachedOnDelete),
    isIndexTrusted: true,
    limit,
  });
  const reasons = new Map<string, string>();
  let isDone = true;
  for (const foreignKey of foreignKeys) {
    if (tables && !tables.some((table) => isSameName(table, foreignKey.table))) continue;
    // One more than fits, to know whether any is left.
    const orphans = await listOrphans(transaction, foreignKey, collector.remaining + 1);
    for (const orphan of orphans) {
      reasons.set(identify(orphan), describeReference(foreignKey));
      if (!(await collector.add(orphan))) isDone = false;
    }
  }
  for (const row of collector.rows) {
    const reason = reasons.get(identify(row)) ?? "depends on a row that refers to nothing";
    await copyToQuarantine(transaction, row, { reason, foundAt });
  }
  for (const row of collector.rows) await deleteExactRow(transaction, row);
  return { movedByTable: countByTable(collector.rows), movedCount: collector.rows.length, isDone };
}

export function countByTable(rows: readonly ExactRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { shape } of rows) counts[shape.name] = (counts[shape.name] ?? 0) + 1;
  return counts;
}
