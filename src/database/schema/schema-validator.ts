import Database from "better-sqlite3";
import type { Clock } from "../../core/clock.ts";
import { MusterError, toError } from "../../core/errors.ts";
import { compareSchemas, describeSchema, formatDifference, type SchemaDifference } from "./schema-description.ts";
import { INTERNAL_TABLES, schemaChecksum, type SchemaVersion } from "./schema-version.ts";

/**
 * Brings a database to the schema that the program expects, or refuses to touch it. The expected schema is not written
 * down anywhere a second time: it is what the migrations make of an empty in-memory database.
 */

interface AppliedVersion {
  readonly version: number;
  readonly checksum: string;
}

export interface MigrationResult {
  /** The versions applied by this call. */
  readonly appliedVersions: readonly number[];
  /** The version the database has now. */
  readonly version: number;
}

export class SchemaValidator {
  readonly #versions: readonly SchemaVersion[];
  readonly #clock: Clock;

  /** Throws when the versions are not 1, 2, 3, … in order. */
  constructor(versions: readonly SchemaVersion[], clock: Clock) {
    for (const [index, { version }] of versions.entries()) {
      if (version !== index + 1)
        throw new MusterError("INTERNAL", `list migrations: number ${index + 1} is numbered ${version}`);
    }
    this.#versions = versions;
    this.#clock = clock;
  }

  /** The version that the program expects. */
  get latestVersion(): number {
    return this.#versions.length;
  }

  /**
   * Refuses a database that is newer than the program (SCHEMA_NEWER) or whose applied migrations were changed
   * (SCHEMA_MISMATCH). Reads only. Returns the version it has; 0 = none of ours.
   */
  checkHistory(database: Database.Database): number {
    const applied = this.#listApplied(database);
    for (const [index, { version, checksum }] of applied.entries()) {
      const known = this.#versions[version - 1];
      if (!known) {
        throw new MusterError(
          "SCHEMA_NEWER",
          `open the database: its schema is version ${applied.at(-1)!.version}, this program knows ${this.latestVersion}`,
          { hint: "Start the newer version of the program that wrote it, or restore a backup made before the update." },
        );
      }
      if (version !== index + 1 || schemaChecksum(known) !== checksum) {
        throw new MusterError(
          "SCHEMA_MISMATCH",
          `open the database: migration ${version} is not the one that was applied`,
          {
            hint: "An applied migration never changes. Install an unaltered version of the program.",
          },
        );
      }
    }
    return applied.at(-1)?.version ?? 0;
  }

  /** Compares the database with what the migrations up to its version make, object by object. */
  validateSchema(database: Database.Database): SchemaDifference[] {
    const version = this.checkHistory(database);
    const expected = new Database(":memory:");
    try {
      for (const sql of INTERNAL_TABLES) expected.exec(sql);
      for (const { migrations } of this.#versions.slice(0, version)) for (const sql of migrations) expected.exec(sql);
      return compareSchemas(describeSchema(expected), describeSchema(database));
    } finally {
      expected.close();
    }
  }

  /** Throws SCHEMA_MISMATCH naming every difference. */
  requireValidSchema(database: Database.Database): void {
    const differences = this.validateSchema(database);
    if (differences.length === 0) return;
    throw new MusterError("SCHEMA_MISMATCH", `open the database: ${differences.map(formatDifference).join(", ")}`, {
      hint: "The tables were changed by something else than the program. Restore a backup, or undo the change.",
      details: { differences },
    });
  }

  /**
   * Applies the pending versions, each in one transaction with its check of foreign keys. When one fails it leaves no
   * trace, those before it stay, and MIGRATION_FAILED says which statement it was.
   */
  applyMigrations(database: Database.Database): MigrationResult {
    const from = this.checkHistory(database);
    const pending = this.#versions.slice(from);
    withoutForeignKeys(database, () => {
      if (this.#versions.length === 0) database.transaction(() => createInternalTables(database)).immediate();
      for (const version of pending) this.#applyOne(database, version);
    });
    return { appliedVersions: pending.map(({ version }) => version), version: this.latestVersion };
  }

  #applyOne(database: Database.Database, version: SchemaVersion): void {
    const startedAt = this.#clock.monotonic();
    const apply = database.transaction(() => {
      // In the first version's transaction, so that one that fails leaves not even these.
      if (version.version === 1) createInternalTables(database);
      for (const table of version.backupTables ?? []) {
        database.exec(`CREATE TABLE "_backup_${table}_v${version.version}" AS SELECT * FROM "${table}"`);
      }
      for (const [index, sql] of version.migrations.entries()) runStatement(database, sql, index, version);
      const violations = database.pragma("foreign_key_check") as unknown[];
      if (violations.length > 0) {
        throw new MusterError(
          "MIGRATION_FAILED",
          `migrate to ${version.version}: ${violations.length} rows refer to nothing`,
        );
      }
      database
        .prepare(
          "INSERT INTO schema_version (version, description, checksum, applied_at, duration_ms) VALUES (?, ?, ?, ?, ?)",
        )
        .run(
          version.version,
          version.description,
          schemaChecksum(version),
          this.#clock.now(),
          Math.round(this.#clock.monotonic() - startedAt),
        );
    });
    apply.immediate();
  }

  #listApplied(database: Database.Database): AppliedVersion[] {
    const applied = hasHistoryTable(database)
      ? database.prepare<[], AppliedVersion>("SELECT version, checksum FROM schema_version ORDER BY version").all()
      : [];
    if (applied.length === 0) refuseForeignTables(database);
    return applied;
  }
}

/** Other programs have a table of this name, too: ours is the one with our columns. */
function hasHistoryTable(database: Database.Database): boolean {
  const columns = (database.pragma("table_info(schema_version)") as { name: string }[]).map(({ name }) => name);
  return ["version", "description", "checksum", "applied_at"].every((name) => columns.includes(name));
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

function createInternalTables(database: Database.Database): void {
  for (const sql of INTERNAL_TABLES) database.exec(sql);
}

/**
 * Runs `migrate` with foreign keys off, as rebuilding a table needs (https://sqlite.org/lang_altertable.html): with
 * them on, dropping the old table deletes every row that refers to it. Each version checks all of them before it commits.
 */
function withoutForeignKeys(database: Database.Database, migrate: () => void): void {
  const previous = database.pragma("foreign_keys", { simple: true }) as number;
  database.pragma("foreign_keys = OFF");
  try {
    migrate();
  } finally {
    database.pragma(`foreign_keys = ${previous}`);
  }
}

function runStatement(
  database: Database.Database,
  sql: string,
  index: number,
  { version, migrations }: SchemaVersion,
): void {
  try {
    database.exec(sql);
  } catch (error) {
    throw new MusterError(
      "MIGRATION_FAILED",
      `migrate to ${version}: statement ${index + 1} of ${migrations.length} failed: ${toError(error).message}`,
      { cause: error, hint: "Nothing was changed. Report this with the log.", details: { statement: sql } },
    );
  }
}
