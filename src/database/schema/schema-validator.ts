import type Database from "better-sqlite3";
import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import { ExpectedSchema } from "./expected-schema.ts";
import { applyVersion, createInternalTables, rollBackVersion, withoutForeignKeys } from "./migration-step.ts";
import { compareSchemas, describeSchema, type SchemaDifference } from "./schema-description.ts";
import { readHistory } from "./schema-history.ts";
import { createMismatch, createMissing, judgeDifferences, type JudgedDifferences } from "./schema-repair.ts";
import type { SchemaVersion } from "./schema-version.ts";

/** What is about to happen to a database that has a version already. */
export interface PlannedChange {
  readonly from: number;
  readonly to: number;
  /** The versions that are applied, or taken back, in that order. */
  readonly versions: readonly SchemaVersion[];
}

export interface SchemaValidatorOptions {
  /**
   * Sees to it that there is a backup, or throws: then nothing is changed. Called before a database that has a version
   * gets another one. Default: nothing is asked for.
   */
  readonly backup?: (change: PlannedChange) => void;
}

export interface SchemaRepair {
  /** What was missing and has been made again. */
  readonly repaired: readonly SchemaDifference[];
  /** What somebody has added, and may stay. */
  readonly kept: readonly SchemaDifference[];
}

export interface MigrationResult extends SchemaRepair {
  /** The versions applied by this call. */
  readonly appliedVersions: readonly number[];
  /** The version the database has now. */
  readonly version: number;
}

/** Brings a database to the schema that the program expects, or refuses to touch it. */
export class SchemaValidator {
  readonly #versions: readonly SchemaVersion[];
  readonly #clock: Clock;
  readonly #options: SchemaValidatorOptions;
  readonly #expected: ExpectedSchema;

  /** Throws when the versions are not 1, 2, 3, … in order. */
  constructor(versions: readonly SchemaVersion[], clock: Clock, options: SchemaValidatorOptions = {}) {
    for (const [index, { version }] of versions.entries()) {
      if (version !== index + 1)
        throw new MusterError("INTERNAL", `list migrations: number ${index + 1} is numbered ${version}`);
    }
    this.#versions = versions;
    this.#clock = clock;
    this.#options = options;
    this.#expected = new ExpectedSchema(versions);
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
    return readHistory(database, this.#versions).length;
  }

  /**
   * All reasons not to touch the database: its history, its schema, or that its migration has to wait for a backup. Reads
   * only. Returns what `applyMigrations` will do.
   */
  inspect(database: Database.Database): PlannedChange {
    return this.#inspect(database).change;
  }

  /** Compares the database with what the migrations up to its version make, object by object. Reads only. */
  validateSchema(database: Database.Database): SchemaDifference[] {
    const version = this.checkHistory(database);
    return compareSchemas(this.#expected.at(version), describeSchema(database));
  }

  /** Throws SCHEMA_MISMATCH naming every difference, but for those that may stay. */
  requireValidSchema(database: Database.Database): void {
    const { create, refuse } = judgeDifferences(database, this.validateSchema(database));
    const wrong = [...refuse, ...create];
    if (wrong.length > 0) throw createMismatch("open the database", wrong);
  }

  /** Makes missing indexes, triggers and views again. Throws SCHEMA_MISMATCH, and changes nothing, for any other difference. */
  repairSchema(database: Database.Database): SchemaRepair {
    const version = this.checkHistory(database);
    return this.#repair(database, version, this.#requireRepairable(database, version));
  }

  /**
   * Repairs the schema that the database has, then applies the pending versions, each in one transaction with its checks.
   * When one fails it leaves no trace, those before it stay, and MIGRATION_FAILED says which statement it was.
   */
  applyMigrations(database: Database.Database): MigrationResult {
    const { change, judged } = this.#inspect(database);
    const { from, versions } = change;
    const repair = this.#repair(database, from, judged);
    withoutForeignKeys(database, () => {
      if (this.#versions.length === 0) database.transaction(() => createInternalTables(database)).immediate();
      for (const version of versions) {
        applyVersion(database, version, () => this.#expected.at(version.version), this.#clock);
      }
    });
    return { ...repair, appliedVersions: versions.map(({ version }) => version), version: this.latestVersion };
  }

  /**
   * Takes the newest applied version back, in one transaction with its checks; tables and columns that come back are
   * filled from the table backups. Throws CONFLICT for another version or one without rollback queries,
   * SCHEMA_MISMATCH when the database is not as that version left it, MIGRATION_FAILED when it cannot be done.
   */
  rollbackMigration(database: Database.Database, version: number): void {
    const current = this.checkHistory(database);
    const step = this.#requireRollback(current, version);
    this.#requireRepairable(database, current);
    this.backupBeforeMigration({ from: version, to: version - 1, versions: [step] });
    this.repairSchema(database);
    withoutForeignKeys(database, () => rollBackVersion(database, step, () => this.#expected.at(version - 1)));
  }

  /** Calls the hook that sees to a backup, unless there is nothing to lose. Throws what it throws, as a MusterError. */
  backupBeforeMigration(change: PlannedChange): void {
    if (change.from === 0 || change.versions.length === 0) return;
    try {
      this.#options.backup?.(change);
    } catch (cause) {
      if (isMusterError(cause)) throw cause;
      throw new MusterError("BACKUP_FAILED", `migrate to ${change.to}: ${toError(cause).message}`, { cause });
    }
  }

  #inspect(database: Database.Database): { change: PlannedChange; judged: JudgedDifferences } {
    const from = this.checkHistory(database);
    const change = { from, to: this.latestVersion, versions: this.#versions.slice(from) };
    const judged = this.#requireRepairable(database, from);
    this.backupBeforeMigration(change);
    return { change, judged };
  }

  #repair(database: Database.Database, version: number, { create, keep }: JudgedDifferences): SchemaRepair {
    if (create.length > 0) createMissing(database, create, this.#expected.at(version));
    return { repaired: create, kept: keep };
  }

  #requireRepairable(database: Database.Database, version: number): JudgedDifferences {
    // An empty one gets its tables with the first version.
    if (version === 0) return { create: [], keep: [], refuse: [] };
    const judged = judgeDifferences(database, compareSchemas(this.#expected.at(version), describeSchema(database)));
    const { create, refuse } = judged;
    if (refuse.length > 0) throw createMismatch("open the database", [...refuse, ...create]);
    return judged;
  }

  #requireRollback(current: number, version: number): SchemaVersion {
    const activity = `roll back version ${version}`;
    if (version !== current || version === 0) {
      const why = current === 0 ? "the database has no version" : `the newest applied is ${current}`;
      throw new MusterError("CONFLICT", `${activity}: ${why}`, {
        hint: "Versions are rolled back from the newest on, one after another.",
      });
    }
    const step = this.#versions[version - 1]!;
    if (step.rollbackQueries && step.rollbackQueries.length > 0) return step;
    throw new MusterError("CONFLICT", `${activity}: it has no rollback queries`, {
      hint: "Restore the backup that was made before it was applied.",
    });
  }
}
