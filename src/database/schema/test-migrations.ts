import { open, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type Database from "better-sqlite3";
import { systemClock } from "../../core/clock.ts";
import { FILE_MODE } from "../../core/durable-file.ts";
import { isMusterError } from "../../core/errors.ts";
import { createReference } from "../../core/ids.ts";
import { openReadOnly, readDatabaseFacts } from "../backup/snapshot-check.ts";
import { readFreeBytes, removeTemporary, requireFreeBytes } from "../backup/snapshot-files.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { openWriterConnection } from "../sqlite/connection.ts";
import { classifySqliteError } from "../sqlite/error-classification.ts";
import { toWireError, type DataModule, type WireError } from "../sqlite/thread-protocol.ts";
import { readHistory, type AppliedVersion } from "./schema-history.ts";
import { SchemaValidator } from "./schema-validator.ts";
import type { SchemaVersion } from "./schema-version.ts";

/** Applies the pending migrations to a copy of the database, beside it, while the bot goes on. The copy is deleted. */
export interface TestMigrationsJob {
  readonly kind: "test-migrations";
  readonly databasePath: string;
  /** Made by `testCopyPath`; whoever has the job killed removes it. */
  readonly copyPath: string;
  /** The module that lists the migrations. */
  readonly dataModuleUrl: string;
}

export interface MigrationTestResult {
  readonly from: number;
  /** The version that the program expects. */
  readonly to: number;
  /** Those that went well, with how long they took. */
  readonly applied: readonly Pick<AppliedVersion, "version" | "description" | "durationMs">[];
  /** Of the one that did not, or of what keeps any from being applied. */
  readonly failure: WireError | undefined;
}

const CACHE_SIZE_BYTES = 32 * 1024 ** 2;
/** A copy that is older belongs to no test any more. */
const LEFTOVER_AGE_MS = 60 * 60_000;
const SUFFIX = ".migration-test-";

/** A new name beside the database. */
export function testCopyPath(databasePath: string): string {
  return `${databasePath}${SUFFIX}${createReference()}`;
}

/** Throws when the database cannot be copied; that a migration fails is a result. */
export async function testMigrations(job: TestMigrationsJob, report: ReportProgress): Promise<MigrationTestResult> {
  const { databasePath, copyPath: copy, dataModuleUrl } = job;
  const { migrations } = (await import(dataModuleUrl)) as DataModule;
  await removeLeftovers(databasePath);
  try {
    report({ step: "copy", share: 0 });
    await copyDatabase(databasePath, copy, (share) => report({ step: "copy", share: share / 2 }));
    report({ step: "migrate", share: 0.5 });
    return migrateCopy(copy, migrations);
  } finally {
    await removeTemporary(copy);
  }
}

async function copyDatabase(path: string, copy: string, onShare: (share: number) => void): Promise<void> {
  const database = openReadOnly(path);
  try {
    // From a connection that stays in one state: from another the copy would begin anew with each commit of the bot.
    database.exec("BEGIN");
    const { databaseBytes } = readDatabaseFacts(database);
    // The copy, and as much again for what a migration may rewrite.
    requireFreeBytes(await readFreeBytes(dirname(path)), 2 * databaseBytes, dirname(path));
    const handle = await open(copy, "wx", FILE_MODE);
    await handle.close();
    await database.backup(copy, {
      progress({ totalPages, remainingPages }) {
        onShare(1 - remainingPages / Math.max(1, totalPages));
        return COPY_STEP_PAGES;
      },
    });
  } catch (error) {
    throw classifySqliteError(error, "copy the database");
  } finally {
    database.close();
  }
}

/** 4 MB at a time, of the usual pages. */
const COPY_STEP_PAGES = 1024;

function migrateCopy(path: string, versions: readonly SchemaVersion[]): MigrationTestResult {
  const options = { path, synchronous: "full", isForeignKeysEnabled: true, mustExist: true } as const;
  const { database } = openWriterConnection({ ...options, cacheSizeBytes: CACHE_SIZE_BYTES });
  let from = 0;
  const finish = (failure: WireError | undefined): MigrationTestResult => ({
    ...{ from, to: versions.length, failure },
    applied: listApplied(database, versions, from),
  });
  try {
    const validator = new SchemaValidator(versions, systemClock);
    from = validator.checkHistory(database);
    validator.applyMigrations(database);
    return finish(undefined);
  } catch (error) {
    return finish(toWireError(classifySqliteError(error, "test the migrations")));
  } finally {
    database.close();
  }
}

function listApplied(
  database: Database.Database,
  versions: readonly SchemaVersion[],
  from: number,
): MigrationTestResult["applied"] {
  try {
    return readHistory(database, versions)
      .slice(from)
      .map(({ version, description, durationMs }) => ({ version, description, durationMs }));
  } catch (error) {
    // A history that is refused is the failure that is told of.
    if (isMusterError(error)) return [];
    throw error;
  }
}

async function removeLeftovers(databasePath: string): Promise<void> {
  const folder = dirname(databasePath);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(basename(databasePath) + SUFFIX)) continue;
    const { mtimeMs } = await stat(join(folder, name));
    if (Date.now() - mtimeMs > LEFTOVER_AGE_MS) await rm(join(folder, name), { force: true });
  }
}
