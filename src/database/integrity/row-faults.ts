import type { ReadTransaction, SqlValue } from "../operation.ts";
import { listCheckExpressions } from "./check-expressions.ts";
import { bindExactValues, selectExactRows, type ExactRow, type ExactValue } from "./exact-row.ts";
import { quoteName, type TableShape } from "./table-shape.ts";

/**
 * Finds the rows that break their own table's rules: NOT NULL, the types of a STRICT table, CHECK. SQLite refuses such
 * rows, so they come from damage, or from a program that switched the rules off. Its integrity check only names the table.
 */

/** A rule as the condition under which a row breaks it, and what is said of such a row. */
interface RowRule {
  readonly isBroken: string;
  readonly reason: string;
}

export interface FaultyRow {
  readonly row: ExactRow;
  readonly reason: string;
}

/** A part of a table, in the order of its keys. */
export interface KeyRange {
  /** Exclusive; undefined = from the first row on. */
  readonly after: readonly ExactValue[] | undefined;
  /** Inclusive; undefined = to the last row. */
  readonly to: readonly ExactValue[] | undefined;
}

/** What `typeof` says of a value that a column of a STRICT table may hold; ANY holds everything. */
const STRICT_TYPES: Readonly<Record<string, string>> = {
  INT: "integer",
  INTEGER: "integer",
  REAL: "real",
  TEXT: "text",
  BLOB: "blob",
};

async function listRules(transaction: ReadTransaction, { name }: TableShape): Promise<RowRule[]> {
  const table = await transaction.get<{ sql: string; strict: number }>(
    `SELECT s.sql, l.strict FROM sqlite_schema AS s JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = s.name
     WHERE s.type = 'table' AND s.name = ?`,
    name,
  );
  if (!table) return [];
  const columns = await transaction.all<{ name: string; type: string; isRequired: number }>(
    'SELECT name, type, "notnull" AS isRequired FROM pragma_table_info(?)',
    name,
  );
  const rules: RowRule[] = [];
  for (const { name, type, isRequired } of columns) {
    const typeOf = `typeof(${quoteName(name)})`;
    const strictType = table.strict === 1 ? STRICT_TYPES[type.toUpperCase()] : undefined;
    // `IS NULL` would be taken for false without a look: the column is declared NOT NULL.
    if (isRequired === 1) rules.push({ isBroken: `${typeOf} = 'null'`, reason: `${name} is NULL` });
    if (strictType) {
      rules.push({ isBroken: `${typeOf} NOT IN ('null', '${strictType}')`, reason: `${name} is not ${type}` });
    }
  }
  for (const expression of listCheckExpressions(table.sql)) {
    // The line ends after it, because the expression may end in a comment.
    rules.push({ isBroken: `NOT (${expression}\n)`, reason: `CHECK constraint failed: ${expression}` });
  }
  return rules;
}

/** The key of the `count`th row after `after`; undefined when there are no more than that. */
export async function findKeyAhead(
  transaction: ReadTransaction,
  shape: TableShape,
  { after, count }: { readonly after: KeyRange["after"]; readonly count: number },
): Promise<readonly ExactValue[] | undefined> {
  const key = shape.key.map(quoteName).join(", ");
  const { sql, parameters } = inRange(shape, { after, to: undefined });
  const ahead = `SELECT ${key} FROM ${quoteName(shape.name)} NOT INDEXED WHERE ${sql} ORDER BY ${key} LIMIT 1 OFFSET ${count - 1}`;
  const keyOnly = { ...shape, columns: [] };
  const [row] = await selectExactRows(transaction, keyOnly, {
    from: `(${ahead}) AS c`,
    where: "1",
    parameters,
    limit: 1,
  });
  return row?.key;
}

/** The rows of a range that break a rule, each with the first one that it breaks. */
export async function listFaultyRows(
  transaction: ReadTransaction,
  shape: TableShape,
  { range, limit }: { readonly range: KeyRange; readonly limit: number },
): Promise<FaultyRow[]> {
  const rules = await listRules(transaction, shape);
  if (rules.length === 0) return [];
  const select = (isBroken: string, limit: number): Promise<ExactRow[]> =>
    selectWhere(transaction, shape, { range, isBroken, limit });
  const all = await select(rules.map(({ isBroken }) => `(${isBroken})`).join(" OR "), limit);
  if (all.length === 0) return [];
  const reasons = new Map<string, string>();
  for (const { isBroken, reason } of rules) {
    for (const { key } of await select(isBroken, limit)) {
      const id = JSON.stringify(key);
      if (!reasons.has(id)) reasons.set(id, reason);
    }
  }
  return all.map((row) => ({ row, reason: reasons.get(JSON.stringify(row.key)) ?? "breaks a rule of its table" }));
}

/** The condition is said of the table under its own name, by which a CHECK may call it. */
function selectWhere(
  transaction: ReadTransaction,
  shape: TableShape,
  { range, isBroken, limit }: { readonly range: KeyRange; readonly isBroken: string; readonly limit: number },
): Promise<ExactRow[]> {
  const table = quoteName(shape.name);
  const key = shape.key.map(quoteName);
  const { sql, parameters } = inRange(shape, range);
  return selectExactRows(transaction, shape, {
    from: `${table} AS c NOT INDEXED`,
    where: `(${key.map((name) => `c.${name}`).join(", ")}) IN
      (SELECT ${key.join(", ")} FROM ${table} NOT INDEXED WHERE ${sql} AND (${isBroken}))`,
    parameters,
    limit,
  });
}

function inRange(shape: TableShape, { after, to }: KeyRange): { sql: string; parameters: SqlValue[] } {
  const key = `(${shape.key.map(quoteName).join(", ")})`;
  const bounds = [...(after ? [{ operator: ">", value: after }] : []), ...(to ? [{ operator: "<=", value: to }] : [])];
  const bound = bounds.map(({ operator, value }) => ({ operator, ...bindExactValues(value) }));
  return {
    sql: ["1", ...bound.map(({ operator, sql }) => `${key} ${operator} (${sql})`)].join(" AND "),
    parameters: bound.flatMap(({ parameters }) => parameters),
  };
}
