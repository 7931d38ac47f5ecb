import type Database from "better-sqlite3";
import { MusterError } from "../../core/errors.ts";
import { quoteName } from "../integrity/table-shape.ts";
import { tableBackupName, type SchemaVersion } from "./schema-version.ts";

/**
 * The copies of tables that a version makes before it changes them, and what a rollback takes back from them: the rows of
 * tables, and the values of columns, that were not there before the rollback and are now. Everything else stays as it has
 * become since the version was applied: taking the whole table back would lose what was written since.
 */

/** Rows by table. */
export type RowCounts = ReadonlyMap<string, number>;

/** Columns of a table as it was before a rollback; undefined when there was no such table. */
export type ColumnsBefore = ReadonlyMap<string, readonly string[] | undefined>;

export function copyTables(database: Database.Database, { version, backupTables = [] }: SchemaVersion): void {
  for (const table of backupTables) {
    const copy = quoteName(tableBackupName(table, version));
    database.exec(`CREATE TABLE ${copy} AS SELECT * FROM ${quoteName(table)}`);
  }
}

export function dropCopies(database: Database.Database, { version, backupTables = [] }: SchemaVersion): void {
  for (const table of backupTables) database.exec(`DROP TABLE IF EXISTS ${quoteName(tableBackupName(table, version))}`);
}

/** Of those of its backed-up tables that are there. */
export function countRows(database: Database.Database, { backupTables = [] }: SchemaVersion): RowCounts {
  const counts = new Map<string, number>();
  for (const table of backupTables) {
    if (!hasTable(database, table)) continue;
    counts.set(
      table,
      database
        .prepare<[], number>(`SELECT count(*) FROM ${quoteName(table)}`)
        .pluck()
        .get()!,
    );
  }
  return counts;
}

/** Throws MIGRATION_FAILED when a backed-up table has fewer rows than before, and its version does not say that it may. */
export function requireRowsKept(before: RowCounts, after: RowCounts, version: SchemaVersion, activity: string): void {
  for (const [table, rowCount] of before) {
    const left = after.get(table);
    if (version.mayLoseRows?.includes(table) || (left !== undefined && left >= rowCount)) continue;
    const found = left === undefined ? "it is gone" : `${left} are left`;
    throw new MusterError("MIGRATION_FAILED", `${activity}: table ${table} had ${rowCount} rows, and ${found}`, {
      hint: "Nothing was changed. Report this with the log.",
      details: { table, rowsBefore: rowCount, rowsAfter: left ?? null },
    });
  }
}

export function listColumnsOfBackedUp(
  database: Database.Database,
  { backupTables = [] }: SchemaVersion,
): ColumnsBefore {
  return new Map(backupTables.map((table) => [table, listColumns(database, table)?.map(({ name }) => name)]));
}

/** Fills what a version's rollback queries have brought back. */
export function restoreFromCopies(database: Database.Database, version: SchemaVersion, before: ColumnsBefore): void {
  for (const [table, columnsBefore] of before) {
    const copied = listColumns(database, tableBackupName(table, version.version));
    const now = listColumns(database, table);
    if (!copied || !now) continue;
    const names = copied.map(({ name }) => name);
    const fillable = now.filter(({ name, hidden }) => hidden === 0 && names.includes(name));
    const source = quoteName(tableBackupName(table, version.version));
    if (columnsBefore === undefined) {
      const list = fillable.map(({ name }) => quoteName(name)).join(", ");
      // Rows that the rollback queries made themselves are newer.
      database.exec(
        `INSERT INTO ${quoteName(table)} (${list}) SELECT ${list} FROM ${source} WHERE true ON CONFLICT DO NOTHING`,
      );
      continue;
    }
    const returned = fillable.filter(({ name }) => !columnsBefore.includes(name));
    if (returned.length > 0) fillColumns(database, { table, source, now, returned, copied: names }, version.version);
  }
}

interface ColumnInfo {
  readonly name: string;
  /** Place in the primary key from 1, or 0. */
  readonly pk: number;
  /** Not 0 = generated: nothing can be written there. */
  readonly hidden: number;
}

interface Filling {
  readonly table: string;
  readonly source: string;
  readonly now: readonly ColumnInfo[];
  readonly returned: readonly ColumnInfo[];
  readonly copied: readonly string[];
}

/** Rows are told apart by their primary key; those made since have none in the copy, and keep the default. */
function fillColumns(
  database: Database.Database,
  { table, source, now, returned, copied }: Filling,
  version: number,
): void {
  const key = now.filter(({ pk }) => pk > 0);
  if (key.length === 0 || key.some(({ name }) => !copied.includes(name))) {
    throw new MusterError(
      "MIGRATION_FAILED",
      `roll back version ${version}: table ${table} has no key by which its copy's rows can be found`,
      { hint: "Nothing was changed. Restore the backup that was made before the migration instead." },
    );
  }
  const set = returned.map(({ name }) => `${quoteName(name)} = copy.${quoteName(name)}`).join(", ");
  const isSame = key.map(({ name }) => `${quoteName(table)}.${quoteName(name)} = copy.${quoteName(name)}`);
  // The copy has no index of its own, and without one each row would be looked for among all.
  const index = quoteName(`${tableBackupName(table, version)}_key`);
  const keyList = key.map(({ name }) => quoteName(name)).join(", ");
  database.exec(`CREATE INDEX ${index} ON ${source} (${keyList})`);
  database.exec(`UPDATE ${quoteName(table)} SET ${set} FROM ${source} AS copy WHERE ${isSame.join(" AND ")}`);
}

function hasTable(database: Database.Database, table: string): boolean {
  return listColumns(database, table) !== undefined;
}

/** Undefined when there is no such table. */
function listColumns(database: Database.Database, table: string): ColumnInfo[] | undefined {
  const columns = database.pragma(`table_xinfo(${quoteName(table)})`) as ColumnInfo[];
  return columns.length === 0 ? undefined : columns;
}
