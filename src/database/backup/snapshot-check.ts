import { rmSync, statSync } from "node:fs";
import type Database from "better-sqlite3";
import { MusterError } from "../../core/errors.ts";
import { checkIntegrity, isSound } from "../maintenance/integrity-check.ts";
import { openReaderConnection } from "../sqlite/connection.ts";
import type { SnapshotManifest } from "./snapshot-manifest.ts";

/** What a database holds, in a few numbers that a copy must have as well. */
export type DatabaseFacts = Pick<SnapshotManifest, "rows" | "schemaVersion" | "pageSize" | "databaseBytes">;

export interface CopyReport {
  /** What is wrong with it, in plain words; empty = sound. */
  readonly findings: readonly string[];
  readonly foreignKeyViolations: number;
}

export const COPY_CHECKS = ["integrity_check", "foreign_key_check", "row counts", "schema version", "content hash"];

const CACHE_SIZE_BYTES = 32 * 1024 ** 2;

/** Read-only: the operating system lets SQLite write nothing into the file. */
export function openReadOnly(path: string): Database.Database {
  const options = { path, synchronous: "full", isForeignKeysEnabled: false, mustExist: true } as const;
  return openReaderConnection({ ...options, cacheSizeBytes: CACHE_SIZE_BYTES }).database;
}

/** Counts the rows of every table, in one state if a transaction is open. */
export function readDatabaseFacts(database: Database.Database): DatabaseFacts {
  const tables = database
    .prepare<[], string>(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT GLOB 'sqlite_*' ORDER BY name",
    )
    .pluck()
    .all();
  const readNumber = (sql: string): number => database.prepare<[], number | null>(sql).pluck().get() ?? 0;
  const pageSize = database.pragma("page_size", { simple: true }) as number;
  return {
    rows: Object.fromEntries(
      tables.map((name) => [name, readNumber(`SELECT count(*) FROM "${name.replaceAll('"', '""')}"`)]),
    ),
    schemaVersion: tables.includes("schema_version") ? readNumber("SELECT max(version) FROM schema_version") : 0,
    pageSize,
    databaseBytes: pageSize * (database.pragma("page_count", { simple: true }) as number),
  };
}

/**
 * Looks over a copy that nobody else has open: its structure, its references, and whether it holds what it should. It
 * is opened read-only, so its bytes stay; that no write reached it is checked by its time of change all the same, and the
 * empty -wal and -shm that SQLite makes beside a file in WAL mode are removed.
 */
export function checkCopy(path: string, expected: DatabaseFacts): CopyReport {
  const before = statSync(path, { bigint: true });
  try {
    const { lines, foreignKeyViolations } = checkIntegrity({ kind: "integrity-check", path, depth: "full" }, () => {
      // Its steps are parts of one of ours.
    });
    if (!isSound(lines)) return { findings: lines, foreignKeyViolations: 0 };
    const database = openReadOnly(path);
    try {
      return {
        findings: compareFacts(expected, readDatabaseFacts(database)),
        foreignKeyViolations: foreignKeyViolations.reduce((sum, { rowCount }) => sum + rowCount, 0),
      };
    } finally {
      database.close();
    }
  } finally {
    for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
    const after = statSync(path, { bigint: true });
    if (after.mtimeNs !== before.mtimeNs || after.size !== before.size) throwChanged(path);
  }
}

function throwChanged(path: string): never {
  throw new MusterError("BACKUP_FAILED", `check ${path}: it was written to meanwhile`, {
    hint: "Another program works in the folder of the backups; keep it out.",
  });
}

function compareFacts(expected: DatabaseFacts, actual: DatabaseFacts): string[] {
  const findings: string[] = [];
  for (const table of new Set([...Object.keys(expected.rows), ...Object.keys(actual.rows)])) {
    const [wanted, found] = [expected.rows[table] ?? "no", actual.rows[table] ?? "no"];
    if (wanted !== found) findings.push(`table ${table} has ${found} rows, and ${wanted} were stored`);
  }
  for (const member of ["schemaVersion", "pageSize", "databaseBytes"] as const) {
    if (expected[member] === actual[member]) continue;
    findings.push(`${member} is ${actual[member]}, and ${expected[member]} was stored`);
  }
  return findings;
}
