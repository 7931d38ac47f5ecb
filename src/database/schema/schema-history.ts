import type Database from "better-sqlite3";
import { MusterError } from "../../core/errors.ts";
import { describeSchema } from "./schema-description.ts";
import { schemaChecksum, type SchemaVersion } from "./schema-version.ts";

/** A row of `schema_version`. */
export interface AppliedVersion {
  readonly version: number;
  readonly description: string;
  readonly checksum: string;
  /** Epoch milliseconds. */
  readonly appliedAt: number;
  readonly durationMs: number;
}

/**
 * The versions that a database has, oldest first. Refuses a database that is newer than the program (SCHEMA_NEWER),
 * whose applied migrations are not the program's, or which is another program's (SCHEMA_MISMATCH). Reads only.
 */
export function readHistory(database: Database.Database, versions: readonly SchemaVersion[]): AppliedVersion[] {
  const applied = hasHistoryTable(database) ? listApplied(database) : [];
  if (applied.length === 0) refuseForeignTables(database);
  for (const [index, { version, checksum }] of applied.entries()) {
    const known = versions[version - 1];
    if (!known) throw createNewerError(applied.at(-1)!.version, versions.length);
    if (version === index + 1 && schemaChecksum(known) === checksum) continue;
    throw new MusterError(
      "SCHEMA_MISMATCH",
      `open the database: migration ${version} is not the one that was applied`,
      { hint: "An applied migration never changes. Install an unaltered version of the program." },
    );
  }
  return applied;
}

export function addToHistory(
  database: Database.Database,
  version: SchemaVersion,
  at: number,
  durationMs: number,
): void {
  database
    .prepare(
      "INSERT INTO schema_version (version, description, checksum, applied_at, duration_ms) VALUES (?, ?, ?, ?, ?)",
    )
    .run(version.version, version.description, schemaChecksum(version), at, Math.round(durationMs));
}

export function removeFromHistory(database: Database.Database, version: number): void {
  database.prepare("DELETE FROM schema_version WHERE version = ?").run(version);
}

function listApplied(database: Database.Database): AppliedVersion[] {
  return database
    .prepare<[], AppliedVersion>(
      `SELECT version, description, checksum, applied_at AS appliedAt, duration_ms AS durationMs
       FROM schema_version ORDER BY version`,
    )
    .all();
}

/** Other programs have a table of this name, too: ours is the one with our columns. */
function hasHistoryTable(database: Database.Database): boolean {
  const columns = (database.pragma("table_info(schema_version)") as { name: string }[]).map(({ name }) => name);
  return ["version", "description", "checksum", "applied_at", "duration_ms"].every((name) => columns.includes(name));
}

/** A file with tables but without our history belongs to another program: adding ours to it would harm both. */
function refuseForeignTables(database: Database.Database): void {
  const own = hasHistoryTable(database) ? ["schema_version", "applied_operation", "quarantine"] : [];
  const foreign = [...describeSchema(database).values()].filter(
    ({ type, name }) => type === "table" && !own.includes(name),
  );
  if (foreign.length === 0) return;
  throw new MusterError("SCHEMA_MISMATCH", "open the database: the file holds another program's tables", {
    hint: "Point DATABASE_PATH at a file of Muster's own, or at one that does not exist yet.",
    details: { tables: foreign.map(({ name }) => name) },
  });
}

function createNewerError(version: number, knownVersion: number): MusterError {
  return new MusterError(
    "SCHEMA_NEWER",
    `open the database: its schema is version ${version}, this program knows ${knownVersion}`,
    { hint: "Start the newer version of the program that wrote it, or restore a backup made before the update." },
  );
}
