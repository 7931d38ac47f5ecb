import type Database from "better-sqlite3";
import { openReadOnly } from "../backup/snapshot-check.ts";
import { ExpectedSchema } from "./expected-schema.ts";
import { compareSchemas, describeSchema, formatDifference } from "./schema-description.ts";
import { readHistory, type AppliedVersion } from "./schema-history.ts";
import { judgeDifferences } from "./schema-repair.ts";
import { schemaChecksum, type SchemaVersion } from "./schema-version.ts";

/** What a database has been migrated to, and what would follow: plain data. */
export interface MigrationStatus {
  /** 0 = none of ours. */
  readonly version: number;
  readonly latestVersion: number;
  readonly applied: readonly AppliedVersion[];
  readonly pending: readonly Pick<AppliedVersion, "version" | "description" | "checksum">[];
  /** What differs from the schema that its version should have, in words, and what becomes of it at a start. */
  readonly differences: {
    readonly repaired: readonly string[];
    readonly kept: readonly string[];
    readonly refused: readonly string[];
  };
}

/** Reads a file, also while the bot runs. Throws as `readHistory` does, or when the file cannot be read. */
export function readMigrationStatus(path: string, versions: readonly SchemaVersion[]): MigrationStatus {
  const database = openReadOnly(path);
  try {
    // One state for all of it.
    return database.transaction(() => readStatus(database, versions))();
  } finally {
    database.close();
  }
}

function readStatus(database: Database.Database, versions: readonly SchemaVersion[]): MigrationStatus {
  const applied = readHistory(database, versions);
  const version = applied.length;
  const expected = new ExpectedSchema(versions);
  const differences = version === 0 ? [] : compareSchemas(expected.at(version), describeSchema(database));
  const { create, keep, refuse } = judgeDifferences(database, differences);
  return {
    ...{ version, latestVersion: versions.length, applied },
    pending: versions.slice(version).map((pending) => ({
      ...{ version: pending.version, description: pending.description, checksum: schemaChecksum(pending) },
    })),
    differences: {
      repaired: create.map(formatDifference),
      kept: keep.map(formatDifference),
      refused: refuse.map(formatDifference),
    },
  };
}
