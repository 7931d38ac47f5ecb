import type { ReadTransaction, Row, SqlValue, WriteTransaction } from "../operation.ts";
import { quoteName, type TableShape } from "./table-shape.ts";

/**
 * Rows of any table as they are, to the last bit: an integer beyond 2^53 would come out of the driver rounded, and text
 * that is not UTF-8 mended, so integers travel as digits, texts and blobs as hexadecimal.
 */

export type ExactValue =
  | { readonly type: "null" }
  | { readonly type: "integer"; readonly digits: string }
  | { readonly type: "real"; readonly value: number }
  | { readonly type: "text" | "blob"; readonly hex: string };

export interface ExactRow {
  readonly shape: TableShape;
  /** In the order of `shape.key`. */
  readonly key: readonly ExactValue[];
  /** In the order of `shape.columns`. */
  readonly values: readonly ExactValue[];
}

/** SQL between a table's alias and the end of the statement. */
export interface RowQuery {
  /** What follows SELECT … FROM: the table under the alias `c`, and what is joined to it. */
  readonly from: string;
  readonly where: string;
  readonly parameters?: readonly SqlValue[];
  readonly limit: number;
}

/** The rows that a query finds under the alias `c`. */
export async function selectExactRows(
  transaction: ReadTransaction,
  shape: TableShape,
  { from, where, parameters = [], limit }: RowQuery,
): Promise<ExactRow[]> {
  const names = [...shape.key, ...shape.columns];
  const list = names.map((name, index) => exactColumn(`c.${quoteName(name)}`, index)).join(", ");
  const rows = await transaction.all(`SELECT ${list} FROM ${from} WHERE ${where} LIMIT ?`, ...parameters, limit);
  return rows.map((row) => {
    const values = names.map((_, index) => readExactValue(row, index));
    return { shape, key: values.slice(0, shape.key.length), values: values.slice(shape.key.length) };
  });
}

function exactColumn(column: string, index: number): string {
  return `typeof(${column}) AS t${index}, CASE typeof(${column}) WHEN 'integer' THEN CAST(${column} AS TEXT)
    WHEN 'text' THEN hex(CAST(${column} AS BLOB)) WHEN 'blob' THEN hex(${column}) ELSE ${column} END AS v${index}`;
}

function readExactValue(row: Row, index: number): ExactValue {
  const type = row[`t${index}`] as ExactValue["type"];
  const value = row[`v${index}`] ?? null;
  switch (type) {
    case "null":
      return { type };
    case "integer":
      return { type, digits: value as string };
    case "real":
      return { type, value: value as number };
    case "text":
    case "blob":
      return { type, hex: value as string };
  }
}

/** Tells rows of one table, and of others, apart. */
export function identify({ shape, key }: ExactRow): string {
  return JSON.stringify([shape.name, key]);
}

/** Whether the row is the one under the alias: a condition and its parameters. */
export function matchKey({ shape, key }: ExactRow, alias: string): { sql: string; parameters: SqlValue[] } {
  const bound = key.map(bindExactValue);
  return {
    sql: shape.key.map((name, index) => `${alias}.${quoteName(name)} IS ${bound[index]!.sql}`).join(" AND "),
    parameters: bound.flatMap(({ parameters }) => parameters),
  };
}

/** As the members of a row value. */
export function bindExactValues(values: readonly ExactValue[]): { sql: string; parameters: SqlValue[] } {
  const bound = values.map(bindExactValue);
  return { sql: bound.map(({ sql }) => sql).join(", "), parameters: bound.flatMap(({ parameters }) => parameters) };
}

function bindExactValue(value: ExactValue): { sql: string; parameters: SqlValue[] } {
  switch (value.type) {
    case "null":
      return { sql: "NULL", parameters: [] };
    case "integer":
      return { sql: "CAST(? AS INTEGER)", parameters: [value.digits] };
    case "real":
      return { sql: "CAST(? AS REAL)", parameters: [value.value] };
    case "text":
      return { sql: "CAST(unhex(?) AS TEXT)", parameters: [value.hex] };
    case "blob":
      return { sql: "unhex(?)", parameters: [value.hex] };
  }
}

/** Returns how many rows it was: none, when it went with another one that was deleted before. */
export async function deleteExactRow(transaction: WriteTransaction, row: ExactRow): Promise<number> {
  const { sql, parameters } = matchKey(row, "c");
  return (await transaction.run(`DELETE FROM ${quoteName(row.shape.name)} AS c WHERE ${sql}`, ...parameters)).changes;
}

/** Puts a row back as it was, under its rowid if it has one. Throws what SQLite says against it. */
export async function restoreExactRow(transaction: WriteTransaction, { shape, key, values }: ExactRow): Promise<void> {
  const names = [...(shape.hasRowid ? shape.key : []), ...shape.columns];
  const bound = [...(shape.hasRowid ? key : []), ...values].map(bindExactValue);
  await transaction.run(
    `INSERT INTO ${quoteName(shape.name)} (${names.map(quoteName).join(", ")})
     VALUES (${bound.map(({ sql }) => sql).join(", ")})`,
    ...bound.flatMap(({ parameters }) => parameters),
  );
}

/**
 * A row as a JSON object by column. Integers keep all their digits; a real has a point or an exponent; what JSON has no
 * word for is an object with its hexadecimal bytes: `{"$blob":"00ff"}`, `{"$text":"c328"}` for text that is not UTF-8.
 */
export function toRowJson({ shape, values }: ExactRow): string {
  const members = shape.columns.map((name, index) => `${JSON.stringify(name)}:${toValueJson(values[index]!)}`);
  return `{${members.join(",")}}`;
}

function toValueJson(value: ExactValue): string {
  switch (value.type) {
    case "null":
      return "null";
    case "integer":
      return value.digits;
    case "real":
      return toRealJson(value.value);
    case "text": {
      const bytes = Buffer.from(value.hex, "hex");
      const text = bytes.toString("utf8");
      return Buffer.from(text, "utf8").equals(bytes)
        ? JSON.stringify(text)
        : JSON.stringify({ $text: value.hex.toLowerCase() });
    }
    case "blob":
      return JSON.stringify({ $blob: value.hex.toLowerCase() });
  }
}

function toRealJson(value: number): string {
  // JSON has no infinity; a number this large is read back as one.
  if (!Number.isFinite(value)) return value > 0 ? "9e999" : "-9e999";
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
