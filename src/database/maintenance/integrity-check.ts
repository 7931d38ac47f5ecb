import { existsSync, statSync } from "node:fs";
import type Database from "better-sqlite3";
import { listCheckExpressions } from "../integrity/check-expressions.ts";
import { quoteName } from "../integrity/table-shape.ts";
import { openReaderConnection } from "../sqlite/connection.ts";
import { classifySqliteError } from "../sqlite/error-classification.ts";
import type { ReportProgress } from "./maintenance-progress.ts";

/**
 * How a database file is looked over. What no check of SQLite's can see: a changed byte inside a value, which is as good
 * as any other there, and whatever stands in pages that hold nothing but values (fact: of single flipped bits the full
 * check finds a quarter, the quick one an eighth). Checksums of our own cover those: archive, manifests, audit chain.
 */

export interface IntegrityCheckJob {
  readonly kind: "integrity-check";
  readonly path: string;
  /**
   * `quick` looks at the structure of every page and counts index entries (0.5 s for a gigabyte); `full` compares each
   * entry with its row as well (2.6 s).
   */
  readonly depth: "quick" | "full";
}

/** Rows of one table that refer to nothing in another, as SQLite finds them. */
export interface BrokenReference {
  readonly table: string;
  readonly parent: string;
  readonly rowCount: number;
}

export interface IntegrityReport {
  readonly depth: IntegrityCheckJob["depth"];
  /** `["ok"]`, or what is wrong, at most 100 lines. */
  readonly lines: readonly string[];
  /** Not looked for, and empty, when the lines are not ok: a damaged index would make orphans of good rows. */
  readonly foreignKeyViolations: readonly BrokenReference[];
  readonly durationMs: number;
}

const LINE_LIMIT = 100;
const CACHE_SIZE_BYTES = 32 * 1024 ** 2;

/** Damage of any kind is a report; throws only when the file could not be looked at. */
export function checkIntegrity({ path, depth }: IntegrityCheckJob, report: ReportProgress): IntegrityReport {
  const startedAt = performance.now();
  const finish = (lines: readonly string[], foreignKeyViolations: readonly BrokenReference[]): IntegrityReport => ({
    ...{ depth, lines, foreignKeyViolations },
    durationMs: Math.round(performance.now() - startedAt),
  });
  try {
    const { database } = openReaderConnection({
      ...{ path, synchronous: "full", isForeignKeysEnabled: false, mustExist: true },
      cacheSizeBytes: CACHE_SIZE_BYTES,
    });
    try {
      report({ step: "pages" });
      const found = listFindings(database, path, depth);
      // Rows are looked at only where they can be read.
      const lines = isSound(found) ? orOk(listBrokenRules(database)) : found;
      if (!isSound(lines)) return finish(lines, []);
      report({ step: "references" });
      return finish(lines, listBrokenReferences(database));
    } finally {
      database.close();
    }
  } catch (error) {
    const cause = classifySqliteError(error, "check the database");
    // A file that is there and empty is damage; one that is not there cannot be looked at.
    if (cause.code === "DATABASE_MISSING" && existsSync(path)) return finish(["the file is empty"], []);
    if (cause.code !== "DATABASE_CORRUPT") throw cause;
    return finish([cause.message], []);
  }
}

export function isSound(lines: readonly string[]): boolean {
  return lines.length === 1 && lines[0] === "ok";
}

function listFindings(database: Database.Database, path: string, depth: IntegrityCheckJob["depth"]): string[] {
  // SQLite takes a file without content for a new database, and finds nothing wrong with it.
  if (database.pragma("page_count", { simple: true }) === 0) return ["the file is empty"];
  // SQLite reads what is missing of a page as zeros, and those may pass for values. Files grow by whole pages.
  const pageBytes = database.pragma("page_size", { simple: true }) as number;
  if (statSync(path).size % pageBytes !== 0) return ["the file ends in the middle of a page"];
  const pragma = depth === "quick" ? "quick_check" : "integrity_check";
  const rows = database.pragma(`${pragma}(${LINE_LIMIT})`) as Record<string, string>[];
  // What is wrong with one table comes as one text of many lines.
  return rows.flatMap((row) => row[pragma]!.split("\n")).slice(0, LINE_LIMIT);
}

/**
 * Tables with rows that break a CHECK. SQLite's own checks pass over them here: it does not look at these constraints
 * on a connection that is read-only.
 */
function listBrokenRules(database: Database.Database): string[] {
  const tables = database
    .prepare<[], { name: string; sql: string }>(
      "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL AND sql NOT LIKE 'CREATE VIRTUAL%'",
    )
    .all();
  const isBroken = ({ name, sql }: { name: string; sql: string }): boolean =>
    listCheckExpressions(sql).some((expression) => {
      const row = database.prepare(`SELECT 1 FROM ${quoteName(name)} WHERE NOT (${expression}\n) LIMIT 1`);
      return row.get() !== undefined;
    });
  return tables.filter(isBroken).map(({ name }) => `CHECK constraint failed in ${name}`);
}

function orOk(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? ["ok"] : lines.slice(0, LINE_LIMIT);
}

function listBrokenReferences(database: Database.Database): BrokenReference[] {
  return database
    .prepare<[], BrokenReference>(
      'SELECT "table", parent, count(*) AS rowCount FROM pragma_foreign_key_check GROUP BY "table", parent',
    )
    .all();
}
