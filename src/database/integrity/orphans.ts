import type { ReadTransaction, WriteTransaction } from "../operation.ts";
import { selectExactRows, type ExactRow } from "./exact-row.ts";
import { RowMover, type RowsMoved } from "./moved-rows.ts";
import { describeTable, isSameName, listForeignKeys, quoteName, type ForeignKey } from "./table-shape.ts";

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

/**
 * Moves rows that refer to nothing, of the tables named (undefined = of all), to the quarantine: at most `limit` rows in
 * all, those that depend on them included.
 */
export async function moveOrphans(
  transaction: WriteTransaction,
  options: { readonly tables: readonly string[] | undefined; readonly limit: number; readonly foundAt: number },
): Promise<RowsMoved> {
  const { tables, limit, foundAt } = options;
  const foreignKeys = await listForeignKeys(transaction);
  const dependentReason = "depends on a row that refers to nothing";
  const mover = new RowMover(transaction, { foreignKeys, limit, foundAt, dependentReason });
  for (const foreignKey of foreignKeys) {
    if (tables && !tables.some((table) => isSameName(table, foreignKey.table))) continue;
    // One more than fits, to know whether any is left.
    const orphans = await listOrphans(transaction, foreignKey, mover.remaining + 1);
    for (const orphan of orphans) await mover.add(orphan, describeReference(foreignKey));
  }
  return mover.move();
}
