import type { ReadTransaction, WriteTransaction } from "../operation.ts";
import { sqliteCodeOf } from "../sqlite/error-classification.ts";
import { DependentsCollector } from "./dependents.ts";
import { deleteExactRow, identify, restoreExactRow, selectExactRows, type ExactRow } from "./exact-row.ts";
import { countByTable, type RowsMoved } from "./moved-rows.ts";
import { copyToQuarantine } from "./quarantine.ts";
import { rebuildIndexesOf } from "./rebuild.ts";
import {
  describeTable,
  isEvidence,
  isSameName,
  listForeignKeys,
  listUniqueIndexes,
  quoteName,
  type ForeignKey,
  type TableShape,
  type UniqueIndex,
} from "./table-shape.ts";

/**
 * Rows that a unique index should have refused, and could not because it was damaged. Of each group the newest stays, the
 * others go to the quarantine: in portions, as long as nothing refers to them, and the rest in one go, with which the
 * table's indexes are built anew. Rows that refer to what two rows claimed to be are kept: they are taken out while the
 * older row goes, because the schema's own `ON DELETE` would take them with it, and put back once the index finds the row
 * that stays.
 */

const UPDATED_AT = "updated_at";

export interface DuplicatesResolved extends RowsMoved {
  /** With the last portion. */
  readonly rebuiltIndexes: readonly string[];
}

/** All but the newest of each group of equals under the index, read from the table itself. */
async function listSuperseded(
  transaction: ReadTransaction,
  shape: TableShape,
  index: UniqueIndex,
  limit: number,
): Promise<ExactRow[]> {
  const table = quoteName(shape.name);
  const names = index.columns.map(({ name }) => `d.${quoteName(name)}`);
  const groups = index.columns.map(({ collation }, at) => `${names[at]!} COLLATE ${quoteName(collation)}`);
  const key = shape.key.map(quoteName);
  const byTime = shape.columns.includes(UPDATED_AT) ? [`d.${quoteName(UPDATED_AT)} DESC`] : [];
  const order = [...byTime, ...key.map((name) => `d.${name} DESC`)].join(", ");
  const ranked = `SELECT ${key.map((name, at) => `d.${name} AS k${at}`).join(", ")},
      row_number() OVER (PARTITION BY ${groups.join(", ")} ORDER BY ${order}) AS place
    FROM ${table} AS d NOT INDEXED WHERE ${names.map((name) => `${name} IS NOT NULL`).join(" AND ")}`;
  return selectExactRows(transaction, shape, {
    from: `(${ranked}) AS r JOIN ${table} AS c NOT INDEXED ON ${key.map((name, at) => `c.${name} = r.k${at}`).join(" AND ")}`,
    where: "r.place > 1",
    limit,
  });
}

export interface DuplicateGroup {
  readonly table: string;
  readonly index: string;
  /** Rows too many, as far as they were looked for. */
  readonly supersededCount: number;
}

/** Looks at the indexes named, or at every unique one of every table. */
export async function listDuplicateGroups(
  transaction: ReadTransaction,
  options: { readonly indexes: readonly string[] | undefined; readonly limit: number },
): Promise<DuplicateGroup[]> {
  const groups: DuplicateGroup[] = [];
  for (const shape of await listTables(transaction, options.indexes)) {
    for (const index of await listUniqueIndexes(transaction, shape)) {
      if (options.indexes && !options.indexes.some((name) => isSameName(name, index.name))) continue;
      const superseded = await listSuperseded(transaction, shape, index, options.limit);
      if (superseded.length === 0) continue;
      groups.push({ table: shape.name, index: index.name, supersededCount: superseded.length });
    }
  }
  return groups;
}

/** The tables that have one of the indexes named; all tables when none is. */
async function listTables(
  transaction: ReadTransaction,
  indexes: readonly string[] | undefined,
): Promise<readonly TableShape[]> {
  const rows = await transaction.all<{ name: string; tableName: string }>(
    "SELECT name, tbl_name AS tableName FROM sqlite_schema WHERE type = 'index' ORDER BY tbl_name, name",
  );
  const wanted = indexes ? rows.filter(({ name }) => indexes.some((index) => isSameName(index, name))) : rows;
  const shapes: TableShape[] = [];
  for (const table of new Set(wanted.map(({ tableName }) => tableName))) {
    const shape = await describeTable(transaction, table);
    if (shape) shapes.push(shape);
  }
  return shapes;
}

/**
 * Resolves duplicates in the tables of the indexes named, at most `limit` a call; with the last of them, builds all indexes
 * of these tables anew. Tables that are evidence are left alone. Throws, and changes nothing, when rows that are referred
 * to are more than `limit`, or an index still does not fit its table.
 */
export async function resolveDuplicateRows(
  transaction: WriteTransaction,
  options: { readonly indexes: readonly string[]; readonly limit: number; readonly foundAt: number },
): Promise<DuplicatesResolved> {
  const { indexes, limit, foundAt } = options;
  const shapes = (await listTables(transaction, indexes)).filter(({ name }) => !isEvidence(name));
  const superseded = await listSupersededOf(transaction, shapes, limit);
  const foreignKeys = await listForeignKeys(transaction);
  if (superseded.length === limit) {
    const free = await withoutDependents(transaction, superseded, foreignKeys);
    if (free.length > 0) {
      for (const row of free) await copyToQuarantine(transaction, row, { reason: SUPERSEDED, foundAt });
      for (const row of free) await deleteExactRow(transaction, row);
      return { rebuiltIndexes: [], movedByTable: countByTable(free), movedCount: free.length, isDone: false };
    }
  }
  return resolveRest(transaction, superseded, { shapes, foreignKeys, foundAt });
}

const SUPERSEDED = "a newer row has the same unique key";

/** Of all unique indexes of the tables, each row once, at most `limit`. */
async function listSupersededOf(
  transaction: ReadTransaction,
  shapes: readonly TableShape[],
  limit: number,
): Promise<ExactRow[]> {
  const superseded = new Map<string, ExactRow>();
  for (const shape of shapes) {
    for (const index of await listUniqueIndexes(transaction, shape)) {
      for (const row of await listSuperseded(transaction, shape, index, limit)) superseded.set(identify(row), row);
    }
  }
  return [...superseded.values()].slice(0, limit);
}

async function withoutDependents(
  transaction: ReadTransaction,
  rows: readonly ExactRow[],
  foreignKeys: readonly ForeignKey[],
): Promise<ExactRow[]> {
  const free: ExactRow[] = [];
  for (const row of rows) {
    // Room for itself and one that depends on it: that there is one is all that is asked.
    const collector = new DependentsCollector(transaction, { foreignKeys, limit: 2 });
    if ((await collector.add(row)) && collector.rows.length === 1) free.push(row);
  }
  return free;
}

async function resolveRest(
  transaction: WriteTransaction,
  superseded: readonly ExactRow[],
  {
    shapes,
    foreignKeys,
    foundAt,
  }: {
    readonly shapes: readonly TableShape[];
    readonly foreignKeys: readonly ForeignKey[];
    readonly foundAt: number;
  },
): Promise<DuplicatesResolved> {
  const collector = new DependentsCollector(transaction, { foreignKeys, limit: Number.MAX_SAFE_INTEGER });
  for (const row of superseded) await collector.add(row);
  for (const row of collector.rows) await deleteExactRow(transaction, row);
  const rebuiltIndexes: string[] = [];
  for (const shape of shapes) rebuiltIndexes.push(...(await rebuildIndexesOf(transaction, shape)));

  const supersededIds = new Set(superseded.map(identify));
  const moved: ExactRow[] = [];
  for (const row of [...collector.rows].reverse()) {
    const isSuperseded = supersededIds.has(identify(row));
    if (!isSuperseded && (await tryRestore(transaction, row))) continue;
    const reason = isSuperseded ? SUPERSEDED : "depends on a row that a newer one replaced";
    await copyToQuarantine(transaction, row, { reason, foundAt });
    moved.push(row);
  }
  return { rebuiltIndexes, movedByTable: countByTable(moved), movedCount: moved.length, isDone: true };
}

/** False when what it refers to went with the row that was superseded. */
async function tryRestore(transaction: WriteTransaction, row: ExactRow): Promise<boolean> {
  try {
    await restoreExactRow(transaction, row);
    return true;
  } catch (error) {
    if (sqliteCodeOf(error) === "SQLITE_CONSTRAINT_FOREIGNKEY") return false;
    throw error;
  }
}
