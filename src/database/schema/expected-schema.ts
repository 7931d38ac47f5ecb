import Database from "better-sqlite3";
import { MusterError, toError } from "../../core/errors.ts";
import { describeSchema, type SchemaDescription } from "./schema-description.ts";
import { INTERNAL_TABLES, type SchemaVersion } from "./schema-version.ts";

/**
 * The schema that each version leaves behind. It is not written down a second time: it is what the migrations make of an
 * empty database in memory. Each version is described once, when it is first asked for.
 */
export class ExpectedSchema {
  readonly #versions: readonly SchemaVersion[];
  readonly #descriptions: SchemaDescription[] = [];

  constructor(versions: readonly SchemaVersion[]) {
    this.#versions = versions;
  }

  /** Of version 0: the tables that the layer itself needs. */
  at(version: number): SchemaDescription {
    return (this.#descriptions[version] ??= this.#describe(version));
  }

  #describe(version: number): SchemaDescription {
    const database = new Database(":memory:");
    try {
      // As they are while the real ones run.
      database.pragma("foreign_keys = OFF");
      database.pragma("trusted_schema = OFF");
      for (const sql of INTERNAL_TABLES) database.exec(sql);
      for (const step of this.#versions.slice(0, version)) runAll(database, step);
      return describeSchema(database);
    } finally {
      database.close();
    }
  }
}

function runAll(database: Database.Database, { version, migrations }: SchemaVersion): void {
  for (const [index, sql] of migrations.entries()) {
    try {
      database.exec(sql);
    } catch (error) {
      throw new MusterError(
        "MIGRATION_FAILED",
        `work out the schema of version ${version}: statement ${index + 1} fails on an empty database: ${toError(error).message}`,
        {
          cause: error,
          hint: "A migration must work without any rows. Report this with the log.",
          details: { statement: sql },
        },
      );
    }
  }
}
