import { createHash } from "node:crypto";

/** One numbered step of the schema. Applied ones never change: their checksum is kept and compared. */
export interface SchemaVersion {
  /** 1, 2, 3, … without gaps. */
  readonly version: number;
  readonly description: string;
  /** Statements, each run and checked on its own, all in one transaction. */
  readonly migrations: readonly string[];
  /**
   * Statements that undo `migrations`; a version without them cannot be rolled back. They may read the table backups.
   * Tables and columns that they bring back are filled from those afterwards.
   */
  readonly rollbackQueries?: readonly string[];
  /** Tables copied to `_backup_<table>_v<version>` before the statements run; none of them may lose rows. */
  readonly backupTables?: readonly string[];
  /** Those of `backupTables` that may lose rows, or be dropped or renamed. */
  readonly mayLoseRows?: readonly string[];
}

/** Where a version keeps what a table held before it. */
export function tableBackupName(table: string, version: number): string {
  return `_backup_${table}_v${version}`;
}

/** SHA-256 of what a version does, in hexadecimal. The description may be reworded. */
export function schemaChecksum({ version, migrations }: SchemaVersion): string {
  return createHash("sha256")
    .update(JSON.stringify([version, migrations.map((sql) => normalizeSql(sql))]))
    .digest("hex");
}

/** SQL with runs of white space folded, so that indentation is not a difference. */
export function normalizeSql(sql: string): string {
  return sql.replace(/\s+/g, " ").trim();
}

/**
 * The tables that the database layer itself needs, whatever a program keeps: which versions are applied, which writes,
 * and the rows that integrity checks took out of their tables. `applied_operation` is ordered by id and ids begin with
 * their time, so pruning old ones needs no index.
 */
export const INTERNAL_TABLES = [
  `CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER PRIMARY KEY,
    description TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE IF NOT EXISTS applied_operation (
    id TEXT NOT NULL PRIMARY KEY,
    applied_at INTEGER NOT NULL,
    result TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS quarantine (
    id INTEGER PRIMARY KEY,
    table_name TEXT NOT NULL,
    row_json TEXT NOT NULL,
    reason TEXT NOT NULL,
    found_at INTEGER NOT NULL
  ) STRICT`,
] as const;
