import type { ReadTransaction } from "../operation.ts";

/** What must be known of any table to find, copy, delete and restore its rows without knowing what they mean. */
export interface TableShape {
  readonly name: string;
  /** Those that a row is inserted with: generated ones are left out. */
  readonly columns: readonly string[];
  /** What tells one row from every other: the rowid, or the primary key of a table without one. */
  readonly key: readonly string[];
  readonly hasRowid: boolean;
}

export interface ForeignKey {
  readonly table: string;
  readonly parent: string;
  /** False for a parent table that is not there: every reference to it is broken. */
  readonly isParentThere: boolean;
  readonly columns: readonly { readonly from: string; readonly to: string }[];
  /** When the parent's row goes, this one stays and loses its reference. */
  readonly isDetachedOnDelete: boolean;
}

export interface UniqueIndex {
  readonly name: string;
  readonly table: string;
  /** With the collation by which the index tells values apart. */
  readonly columns: readonly { readonly name: string; readonly collation: string }[];
}

/** An identifier of any spelling as SQL. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const ROWID_NAMES = ["rowid", "_rowid_", "oid"];

export function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/**
 * Tables whose rows nobody may take away, damaged or not: the audit log, where a wrong row is evidence, what is kept of
 * tables that were replaced, and what the database layer keeps itself.
 */
const EVIDENCE = /^(?:audit_log|audit_chain|_backup_.*|quarantine|schema_version|applied_operation)$/i;

export function isEvidence(table: string): boolean {
  return EVIDENCE.test(table);
}

/** Undefined for what is no table of rows: a name that is not there, a view, a virtual table. */
export async function describeTable(transaction: ReadTransaction, table: string): Promise<TableShape | undefined> {
  const found = await transaction.get<{ name: string; wr: number }>(
    "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name = ? COLLATE NOCASE",
    table,
  );
  if (!found) return undefined;
  const { name, wr } = found;
  const columns = await transaction.all<{ name: string; pk: number }>(
    "SELECT name, pk FROM pragma_table_info(?)",
    name,
  );
  const names = columns.map((column) => column.name);
  if (wr === 1) return { name, columns: names, key: primaryKeyOf(columns), hasRowid: false };
  // A column may take the name of the rowid; one that took all three would make its rows unaddressable.
  const rowid = ROWID_NAMES.find((alias) => !names.some((column) => isSameName(column, alias)));
  return rowid === undefined ? undefined : { name, columns: names, key: [rowid], hasRowid: true };
}

function primaryKeyOf(columns: readonly { name: string; pk: number }[]): string[] {
  return columns
    .filter(({ pk }) => pk > 0)
    .sort((a, b) => a.pk - b.pk)
    .map(({ name }) => name);
}

/** Every foreign key of the schema. */
export async function listForeignKeys(transaction: ReadTransaction): Promise<ForeignKey[]> {
  const rows = await transaction.all<{
    name: string;
    id: number;
    parent: string;
    parentName: string | null;
    from: string;
    to: string | null;
    onDelete: string;
  }>(
    `SELECT t.name, f.id, f."table" AS parent, p.name AS parentName, f."from", f."to", f.on_delete AS onDelete
     FROM pragma_table_list AS t JOIN pragma_foreign_key_list(t.name) AS f
     LEFT JOIN pragma_table_list AS p ON p.schema = 'main' AND p.type = 'table' AND p.name = f."table" COLLATE NOCASE
     WHERE t.schema = 'main' AND t.type = 'table' ORDER BY t.name, f.id, f.seq`,
  );
  const keys: ForeignKey[] = [];
  for (const group of Object.values(Object.groupBy(rows, ({ name, id }) => JSON.stringify([name, id])))) {
    const first = group![0]!;
    const implied = first.to === null ? await listPrimaryKey(transaction, first.parent) : [];
    keys.push({
      table: first.name,
      parent: first.parentName ?? first.parent,
      isParentThere: first.parentName !== null,
      columns: group!.map(({ from, to }, index) => ({ from, to: to ?? implied[index] ?? from })),
      isDetachedOnDelete: first.onDelete.startsWith("SET "),
    });
  }
  return keys;
}

async function listPrimaryKey(transaction: ReadTransaction, table: string): Promise<string[]> {
  return primaryKeyOf(await transaction.all("SELECT name, pk FROM pragma_table_info(?)", table));
}

/**
 * The unique indexes of a table over whole columns and all rows. Left out: those over expressions or a part of the rows,
 * whose terms only SQLite can read, and the primary key of a table without rowid, which is the table itself.
 */
export async function listUniqueIndexes(transaction: ReadTransaction, shape: TableShape): Promise<UniqueIndex[]> {
  const rows = await transaction.all<{ name: string; column: string | null; collation: string }>(
    `SELECT i.name, x.name AS "column", x.coll AS collation
     FROM pragma_index_list(?) AS i JOIN pragma_index_xinfo(i.name) AS x
     WHERE i."unique" = 1 AND i.partial = 0 AND x.key = 1 AND (i.origin <> 'pk' OR ? = 1) ORDER BY i.seq, x.seqno`,
    ...[shape.name, shape.hasRowid ? 1 : 0],
  );
  return Object.entries(Object.groupBy(rows, ({ name }) => name)).flatMap(([name, columns]) =>
    columns!.some(({ column }) => column === null)
      ? []
      : [
          {
            name,
            table: shape.name,
            columns: columns!.map(({ column, collation }) => ({ name: column!, collation })),
          },
        ],
  );
}
