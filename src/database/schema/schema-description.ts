import type Database from "better-sqlite3";
import { quoteName } from "../integrity/table-shape.ts";
import { normalizeSql } from "./schema-version.ts";
import { tokenizeSql } from "./sql-tokens.ts";

export type SchemaObjectType = "table" | "index" | "trigger" | "view";

/** One object of a schema, in a form that two databases can be compared by. */
export interface SchemaObject {
  readonly type: SchemaObjectType;
  readonly name: string;
  /** The statement that makes it. */
  readonly sql: string;
  /** Of a table: what each column and foreign key is, in words, by name. Empty for others. */
  readonly parts: ReadonlyMap<string, string>;
}

/** By type and name. */
export type SchemaDescription = ReadonlyMap<string, SchemaObject>;

export interface SchemaDifference {
  readonly type: SchemaObjectType;
  readonly name: string;
  readonly kind: "missing" | "unexpected" | "different";
  /** Of a different one: in what, each with what was expected and what is there. Empty for others. */
  readonly details: readonly string[];
  /** Statements, with white space folded. */
  readonly expected?: string;
  readonly actual?: string;
}

/** Tokens shown before the first that differs, and in all. */
const EXCERPT_LEAD = 3;
const EXCERPT_LENGTH = 12;

/** Reads tables, indexes, triggers and views; leaves out SQLite's own and the tables that were copied or set aside. */
export function describeSchema(database: Database.Database): SchemaDescription {
  const rows = database
    .prepare<[], { type: SchemaObjectType; name: string; sql: string | null }>(
      `SELECT type, name, sql FROM sqlite_schema
       WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND (type <> 'table' OR name NOT LIKE '\\_backup\\_%' ESCAPE '\\')
       ORDER BY type, name`,
    )
    .all();
  return new Map(
    rows.map(({ type, name, sql }) => {
      const parts = type === "table" ? describeTable(database, name) : new Map<string, string>();
      return [`${type} ${name}`, { type, name, sql: sql ?? "", parts }];
    }),
  );
}

/** What is missing, unexpected or different, object by object. */
export function compareSchemas(expected: SchemaDescription, actual: SchemaDescription): SchemaDifference[] {
  const differences: SchemaDifference[] = [];
  for (const [key, object] of expected) {
    const { type, name } = object;
    const found = actual.get(key);
    const wanted = { expected: normalizeSql(object.sql) };
    if (!found) differences.push({ type, name, kind: "missing", details: [], ...wanted });
    else {
      const details = compareObjects(object, found);
      if (details.length === 0) continue;
      differences.push({ type, name, kind: "different", details, ...wanted, actual: normalizeSql(found.sql) });
    }
  }
  for (const [key, { type, name, sql }] of actual) {
    if (expected.has(key)) continue;
    differences.push({ type, name, kind: "unexpected", details: [], actual: normalizeSql(sql) });
  }
  return differences;
}

/** One line for people: `index event_due is missing`, `table event is different (column colour is unexpected: TEXT)`. */
export function formatDifference({ type, name, kind, details }: SchemaDifference): string {
  return `${type} ${name} is ${kind}${details.length === 0 ? "" : ` (${details.join(", ")})`}`;
}

function describeTable(database: Database.Database, table: string): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  const columns = database.pragma(`table_xinfo(${quoteName(table)})`) as ColumnInfo[];
  for (const column of columns) parts.set(`column ${column.name}`, describeColumn(column));
  const foreignKeys = database.pragma(`foreign_key_list(${quoteName(table)})`) as ForeignKeyInfo[];
  for (const { from, table: parent, to, on_delete: onDelete, on_update: onUpdate } of foreignKeys) {
    const target = `${parent}(${to ?? "primary key"})`;
    parts.set(`reference ${from} to ${target}`, `on delete ${onDelete}, on update ${onUpdate}`);
  }
  return parts;
}

interface ColumnInfo {
  readonly name: string;
  readonly type: string;
  readonly notnull: 0 | 1;
  readonly dflt_value: string | null;
  readonly pk: number;
  readonly hidden: number;
}

interface ForeignKeyInfo {
  readonly from: string;
  readonly table: string;
  readonly to: string | null;
  readonly on_delete: string;
  readonly on_update: string;
}

function describeColumn({ type, notnull, dflt_value: fallback, pk, hidden }: ColumnInfo): string {
  return [
    type === "" ? "without a type" : type.toUpperCase(),
    ...(notnull === 1 ? ["NOT NULL"] : []),
    ...(fallback === null ? [] : [`DEFAULT ${fallback}`]),
    ...(pk > 0 ? [`part ${pk} of the primary key`] : []),
    ...(hidden > 0 ? ["generated"] : []),
  ].join(" ");
}

/** Empty when both are the same. */
function compareObjects(expected: SchemaObject, actual: SchemaObject): string[] {
  // Nearly always: cutting both into tokens would be most of the work of a start.
  if (expected.sql === actual.sql) return [];
  const wanted = tokenizeSql(expected.sql);
  const found = tokenizeSql(actual.sql);
  if (wanted.length === found.length && wanted.every((token, index) => token === found[index])) return [];
  const details = compareParts(expected.parts, actual.parts);
  return details.length > 0 ? details : [`expected ${excerpt(wanted, found)}, found ${excerpt(found, wanted)}`];
}

function compareParts(expected: SchemaObject["parts"], actual: SchemaObject["parts"]): string[] {
  const details: string[] = [];
  for (const [name, wanted] of expected) {
    const found = actual.get(name);
    if (found === undefined) details.push(`${name} is missing: ${wanted}`);
    else if (found !== wanted) details.push(`${name} is ${found}, expected ${wanted}`);
  }
  for (const [name, found] of actual) {
    if (!expected.has(name)) details.push(`${name} is unexpected: ${found}`);
  }
  return details;
}

/** The part of `tokens` where they begin to differ from `others`. */
function excerpt(tokens: readonly string[], others: readonly string[]): string {
  const first = tokens.findIndex((token, index) => token !== others[index]);
  const from = Math.max(0, (first === -1 ? tokens.length : first) - EXCERPT_LEAD);
  const shown = tokens.slice(from, from + EXCERPT_LENGTH);
  return `"${from > 0 ? "… " : ""}${shown.join(" ")}${from + EXCERPT_LENGTH < tokens.length ? " …" : ""}"`;
}
