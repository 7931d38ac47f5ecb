import type Database from "better-sqlite3";
import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError, type ErrorCode } from "../../core/errors.ts";
import { classifySqliteError } from "../sqlite/error-classification.ts";
import { compareSchemas, describeSchema, type SchemaDescription } from "./schema-description.ts";
import { addToHistory, removeFromHistory } from "./schema-history.ts";
import { createMismatch, judgeDifferences } from "./schema-repair.ts";
import { INTERNAL_TABLES, type SchemaVersion } from "./schema-version.ts";
import {
  copyTables,
  countRows,
  dropCopies,
  listColumnsOfBackedUp,
  requireRowsKept,
  restoreFromCopies,
} from "./table-backups.ts";

/**
 * One version forward or back, in one transaction: copies of the tables, the statements one by one, then the checks that
 * decide whether it is committed: no table lost rows that it may not lose, no row refers to nothing, and the schema is
 * exactly the one that this version makes of an empty database. When anything fails nothing has happened.
 */

const NOTHING_CHANGED = "Nothing was changed. Report this with the log.";

const PASSING_CODES: readonly ErrorCode[] = [
  ...(["DATABASE_BUSY", "DATABASE_FULL", "DATABASE_IO"] as const),
  ...(["DATABASE_READ_ONLY", "DATABASE_CORRUPT", "DATABASE_UNAVAILABLE"] as const),
];

/** Throws MIGRATION_FAILED, or what the disk or another process had against it. */
export function applyVersion(
  database: Database.Database,
  version: SchemaVersion,
  getExpected: () => SchemaDescription,
  clock: Clock,
): void {
  const activity = `migrate to ${version.version}`;
  inOneTransaction(database, activity, () => {
    const startedAt = clock.monotonic();
    // In the first version's transaction, so that one that fails leaves not even these.
    if (version.version === 1) createInternalTables(database);
    const before = countRows(database, version);
    const broken = countBrokenReferences(database);
    // A former rollback or a restored file may have left them.
    dropCopies(database, version);
    copyTables(database, version);
    runStatements(database, version.migrations, activity);
    requireRowsKept(before, countRows(database, version), version, activity);
    requireReferences(broken, countBrokenReferences(database), activity);
    requireSchema(database, getExpected(), activity);
    addToHistory(database, version, clock.now(), clock.monotonic() - startedAt);
  });
}

/** `getExpected` gives the schema of the version before. Throws as `applyVersion` does. */
export function rollBackVersion(
  database: Database.Database,
  version: SchemaVersion,
  getExpected: () => SchemaDescription,
): void {
  const activity = `roll back version ${version.version}`;
  inOneTransaction(database, activity, () => {
    const before = countRows(database, version);
    const broken = countBrokenReferences(database);
    const columnsBefore = listColumnsOfBackedUp(database, version);
    runStatements(database, version.rollbackQueries ?? [], activity);
    restoreFromCopies(database, version, columnsBefore);
    dropCopies(database, version);
    requireRowsKept(keepKeys(before, getExpected()), countRows(database, version), version, activity);
    requireReferences(broken, countBrokenReferences(database), activity);
    requireSchema(database, getExpected(), activity);
    removeFromHistory(database, version.version);
  });
}

export function createInternalTables(database: Database.Database): void {
  for (const sql of INTERNAL_TABLES) database.exec(sql);
}

/**
 * Runs `migrate` with foreign keys off, as rebuilding a table needs (https://sqlite.org/lang_altertable.html): with
 * them on, dropping the old table deletes every row that refers to it. Each version checks all of them before it commits.
 */
export function withoutForeignKeys(database: Database.Database, migrate: () => void): void {
  const previous = database.pragma("foreign_keys", { simple: true }) as number;
  database.pragma("foreign_keys = OFF");
  try {
    migrate();
  } finally {
    database.pragma(`foreign_keys = ${previous}`);
  }
}

function inOneTransaction(database: Database.Database, activity: string, run: () => void): void {
  try {
    database.transaction(run).immediate();
  } catch (error) {
    if (isMusterError(error)) throw error;
    throw toFailure(error, activity, {});
  }
}

/** A table that the version itself made is gone after its rollback, as it should be. */
function keepKeys(before: ReadonlyMap<string, number>, expected: SchemaDescription): ReadonlyMap<string, number> {
  return new Map([...before].filter(([table]) => expected.has(`table ${table}`)));
}

function runStatements(database: Database.Database, statements: readonly string[], activity: string): void {
  for (const [index, sql] of statements.entries()) {
    try {
      database.exec(sql);
    } catch (error) {
      throw toFailure(error, `${activity}: statement ${index + 1} of ${statements.length} failed`, { statement: sql });
    }
    // A migration that ends the transaction would leave what came before it behind.
    if (database.inTransaction) continue;
    throw new MusterError("MIGRATION_FAILED", `${activity}: statement ${index + 1} ended the transaction`, {
      hint: "Restore the backup that was made before. Report this with the log.",
      details: { statement: sql },
    });
  }
}

/** The fault of a disk that is full or of another process that holds the lock may pass: it keeps its own code. */
function toFailure(error: unknown, message: string, details: Record<string, unknown>): MusterError {
  const fault = classifySqliteError(error, message);
  if (PASSING_CODES.includes(fault.code)) return fault;
  return new MusterError("MIGRATION_FAILED", `${message}: ${toError(error).message}`, {
    cause: error,
    hint: NOTHING_CHANGED,
    details,
  });
}

/** How many rows of which table refer to nothing in which other. */
type BrokenReferences = ReadonlyMap<string, number>;

function countBrokenReferences(database: Database.Database): BrokenReferences {
  const rows = database
    .prepare<[], { reference: string; rowCount: number }>(
      `SELECT "table" || ' to ' || parent AS reference, count(*) AS rowCount
       FROM pragma_foreign_key_check GROUP BY "table", parent`,
    )
    .all();
  return new Map(rows.map(({ reference, rowCount }) => [reference, rowCount]));
}

/** Those that were there before are not the migration's fault, and the integrity checks need a database that runs. */
function requireReferences(before: BrokenReferences, after: BrokenReferences, activity: string): void {
  const broken = [...after].filter(([reference, rowCount]) => rowCount > (before.get(reference) ?? 0));
  if (broken.length === 0) return;
  const list = broken.map(([reference, rowCount]) => `${rowCount} rows of ${reference}`).join(", ");
  throw new MusterError("MIGRATION_FAILED", `${activity}: references lead to nothing: ${list}`, {
    hint: NOTHING_CHANGED,
    details: { broken: Object.fromEntries(broken) },
  });
}

function requireSchema(database: Database.Database, expected: SchemaDescription, activity: string): void {
  const differences = compareSchemas(expected, describeSchema(database));
  const { create, refuse } = judgeDifferences(database, differences);
  const wrong = [...refuse, ...create];
  if (wrong.length === 0) return;
  const { message, details } = createMismatch(`${activity}: afterwards`, wrong);
  throw new MusterError("MIGRATION_FAILED", message, { hint: NOTHING_CHANGED, ...(details ? { details } : {}) });
}
