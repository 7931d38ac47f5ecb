import type Database from "better-sqlite3";
import { MusterError, toError } from "../../core/errors.ts";
import { quoteName } from "../integrity/table-shape.ts";
import { formatDifference, type SchemaDescription, type SchemaDifference } from "./schema-description.ts";

/**
 * What is done about each difference between the schema that a database has and the one that it should have:
 *
 * - an index, trigger or view of ours that is missing is made again: that touches no row;
 * - a view, or an index over plain columns that is not unique, that somebody added is kept: neither changes what a write
 *   does or whether it succeeds. (A migration that builds its table anew drops such an index.)
 * - everything else is refused: a table or column that is missing or different, and whatever can make a write do
 *   something else or fail: an added table, trigger or unique index, an index over expressions or a part of the rows.
 */
export type Remedy = "create" | "keep" | "refuse";

export interface JudgedDifferences {
  readonly create: readonly SchemaDifference[];
  readonly keep: readonly SchemaDifference[];
  readonly refuse: readonly SchemaDifference[];
}

export function judgeDifferences(
  database: Database.Database,
  differences: readonly SchemaDifference[],
): JudgedDifferences {
  const judged = { create: [], keep: [], refuse: [] } satisfies Record<Remedy, SchemaDifference[]>;
  const byRemedy: Record<Remedy, SchemaDifference[]> = judged;
  for (const difference of differences) byRemedy[judge(database, difference)].push(difference);
  return byRemedy;
}

/** Makes what is missing, in one transaction. Throws SCHEMA_MISMATCH for what cannot be made. */
export function createMissing(
  database: Database.Database,
  missing: readonly SchemaDifference[],
  expected: SchemaDescription,
): void {
  if (missing.length === 0) return;
  const create = database.transaction(() => {
    for (const type of CREATION_ORDER) {
      for (const difference of missing) {
        if (difference.type === type) createOne(database, difference, expected);
      }
    }
  });
  create.immediate();
}

/** Names every difference, and keeps them for the log with the statements that were expected and found. */
export function createMismatch(activity: string, differences: readonly SchemaDifference[]): MusterError {
  return new MusterError("SCHEMA_MISMATCH", `${activity}: ${differences.map(formatDifference).join(", ")}`, {
    hint: "The schema was changed by something else than the program. Undo the change, or restore a backup.",
    details: { differences },
  });
}

/** For the log, and for whoever wonders where it went. */
export function createRepairNote(repaired: readonly SchemaDifference[]): MusterError {
  const list = repaired.map(({ type, name }) => `${type} ${name}`).join(", ");
  return new MusterError("SCHEMA_MISMATCH", `prepare the schema: missing, and made again: ${list}`, {
    hint: "Something else than the program changed the schema; find out what.",
    details: { differences: repaired },
  });
}

/** A trigger may stand on a view. */
const CREATION_ORDER = ["view", "index", "trigger"] as const;

function judge(database: Database.Database, { type, name, kind }: SchemaDifference): Remedy {
  if (kind === "missing") return type === "table" ? "refuse" : "create";
  if (kind === "different") return "refuse";
  if (type === "view") return "keep";
  return type === "index" && isPlainIndex(database, name) ? "keep" : "refuse";
}

/** Over columns and all rows, and without a say in which values may stand there. */
function isPlainIndex(database: Database.Database, name: string): boolean {
  const properties = database
    .prepare<[string], { isUnique: 0 | 1; isPartial: 0 | 1 }>(
      `SELECT list."unique" AS isUnique, list.partial AS isPartial
       FROM sqlite_schema JOIN pragma_index_list(tbl_name) AS list ON list.name = sqlite_schema.name
       WHERE sqlite_schema.type = 'index' AND sqlite_schema.name = ?`,
    )
    .get(name);
  if (!properties || properties.isUnique === 1 || properties.isPartial === 1) return false;
  const columns = database.pragma(`index_xinfo(${quoteName(name)})`) as { cid: number }[];
  return columns.every(({ cid }) => cid !== EXPRESSION_COLUMN);
}

/** https://sqlite.org/pragma.html#pragma_index_info */
const EXPRESSION_COLUMN = -2;

function createOne(database: Database.Database, difference: SchemaDifference, expected: SchemaDescription): void {
  const { type, name } = difference;
  try {
    database.exec(expected.get(`${type} ${name}`)!.sql);
  } catch (cause) {
    throw new MusterError(
      "SCHEMA_MISMATCH",
      `repair the schema: ${type} ${name} is missing and cannot be made again: ${toError(cause).message}`,
      {
        cause,
        hint: "Correct the rows that stand against it, or restore a backup.",
        details: { differences: [difference] },
      },
    );
  }
}
