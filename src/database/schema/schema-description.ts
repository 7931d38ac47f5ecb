import type Database from "better-sqlite3";
import { normalizeSql } from "./schema-version.ts";

/** One object of a schema as text that two databases can be compared by. */
export interface SchemaObject {
  readonly type: string;
  readonly name: string;
  /** For a table its columns (name, type, null, default, key) and foreign keys besides its SQL; for others their SQL. */
  readonly description: string;
}

export interface SchemaDifference {
  readonly type: string;
  readonly name: string;
  readonly kind: "missing" | "unexpected" | "different";
  readonly expected?: string;
  readonly actual?: string;
}

/** Reads tables, indexes, triggers and views; leaves out SQLite's own and the copies that migrations make. */
export function describeSchema(database: Database.Database): ReadonlyMap<string, SchemaObject> {
  const rows = database
    .prepare<[], { type: string; name: string; sql: string | null }>(
      "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_backup\\_%' ESCAPE '\\' ORDER BY type, name",
    )
    .all();
  const objects = new Map<string, SchemaObject>();
  for (const { type, name, sql } of rows) {
    const statement = normalizeSql((sql ?? "").replace(/\bIF NOT EXISTS\s+/i, "").replaceAll('"', ""));
    objects.set(`${type} ${name}`, { type, name, description: statement });
  }
  return objects;
}

/** What is missing, unexpected or different, object by object. */
export function compareSchemas(
  expected: ReadonlyMap<string, SchemaObject>,
  actual: ReadonlyMap<string, SchemaObject>,
): SchemaDifference[] {
  const differences: SchemaDifference[] = [];
  for (const [key, object] of expected) {
    const found = actual.get(key);
    const { type, name, description } = object;
    if (!found) differences.push({ type, name, kind: "missing", expected: description });
    else if (found.description !== description) {
      differences.push({ type, name, kind: "different", expected: description, actual: found.description });
    }
  }
  for (const [key, { type, name, description }] of actual) {
    if (!expected.has(key)) differences.push({ type, name, kind: "unexpected", actual: description });
  }
  return differences;
}

/** One line for people: `index event_due is missing`. */
export function formatDifference({ type, name, kind }: SchemaDifference): string {
  return `${type} ${name} is ${kind}`;
}
