import type { WriteTransaction } from "../operation.ts";
import { describeTable, isSameName, quoteName, type TableShape } from "./table-shape.ts";

/** Builds all indexes of a table anew from its rows; returns their names. The primary key of a table without rowid is the table. */
export async function rebuildIndexesOf(transaction: WriteTransaction, shape: TableShape): Promise<string[]> {
  const rows = await transaction.all<{ name: string }>(
    "SELECT name FROM pragma_index_list(?) WHERE origin <> 'pk' OR ? = 1 ORDER BY name",
    ...[shape.name, shape.hasRowid ? 1 : 0],
  );
  for (const { name } of rows) await transaction.run(`REINDEX main.${quoteName(name)}`);
  return rows.map(({ name }) => name);
}

/**
 * Builds the indexes named, and all those of the tables named, anew; returns their names. Changes no row of any table.
 * Throws, and changes nothing, CONSTRAINT_VIOLATED when rows are equal that must not be, DATABASE_CORRUPT when the pages
 * of an index or a table cannot be read.
 */
export async function rebuildIndexes(
  transaction: WriteTransaction,
  { indexes, tables }: { readonly indexes: readonly string[]; readonly tables: readonly string[] },
): Promise<string[]> {
  const rebuilt: string[] = [];
  for (const table of tables) {
    const shape = await describeTable(transaction, table);
    if (shape) rebuilt.push(...(await rebuildIndexesOf(transaction, shape)));
  }
  const known = await transaction.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'index'");
  for (const { name } of known) {
    if (rebuilt.includes(name) || !indexes.some((index) => isSameName(index, name))) continue;
    await transaction.run(`REINDEX main.${quoteName(name)}`);
    rebuilt.push(name);
  }
  return rebuilt;
}
