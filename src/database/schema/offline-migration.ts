import type { Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import { openWriterConnection, type ConnectionOptions } from "../sqlite/connection.ts";
import { quarantineFolderAt, takeUpReplacement } from "../sqlite/replacement.ts";
import type { MigrationBackups } from "./migration-gate.ts";
import { readMigrationStatus } from "./migration-status.ts";
import { SchemaValidator, type PlannedChange } from "./schema-validator.ts";
import type { SchemaVersion } from "./schema-version.ts";

/** Migrations of a file that no bot has open: whoever calls holds the instance lock. A verified backup comes first. */
export interface OfflineMigrationOptions {
  readonly path: string;
  readonly versions: readonly SchemaVersion[];
  readonly isForeignKeysEnabled: boolean;
  readonly backups: MigrationBackups;
  readonly clock: Clock;
}

export interface OfflineMigrationResult {
  readonly from: number;
  readonly to: number;
  /** In the order in which they were applied, or taken back. */
  readonly versions: readonly number[];
  /** Of the backup made before; undefined when there was nothing to change, or nothing to lose. */
  readonly backupId: string | undefined;
}

const CACHE_SIZE_BYTES = 32 * 1024 ** 2;

/** Applies what is pending. Throws as `SchemaValidator.applyMigrations` does, BACKUP_FAILED, or what keeps the file from being opened. */
export async function migrateOffline(options: OfflineMigrationOptions): Promise<OfflineMigrationResult> {
  const { version: from, pending } = prepare(options);
  const to = from + pending.length;
  if (pending.length === 0) return { from, to, versions: [], backupId: undefined };
  const backupId = from === 0 ? undefined : await backUp(options, from, to);
  withValidator(options, from, backupId, (validator, database) => validator.applyMigrations(database));
  return { from, to, versions: pending.map(({ version }) => version), backupId };
}

/**
 * Takes the newest versions back, one after another, down to `to`; undefined = one version. Throws CONFLICT, before
 * anything is done, when that is not below the present one or a version on the way has no rollback queries.
 */
export async function rollBackOffline(
  options: OfflineMigrationOptions,
  to: number | undefined,
): Promise<OfflineMigrationResult> {
  const { version: from } = prepare(options);
  const target = to ?? from - 1;
  requireWayBack(options.versions, from, target);
  const steps = Array.from({ length: from - target }, (_, index) => from - index);
  const backupId = await backUp(options, from, target);
  withValidator(options, from, backupId, (validator, database) => {
    for (const version of steps) validator.rollbackMigration(database, version);
  });
  return { from, to: target, versions: steps, backupId };
}

function prepare({ path, versions, clock }: OfflineMigrationOptions): ReturnType<typeof readMigrationStatus> {
  // A restore that was interrupted before its end: what is at the path now is about to be replaced.
  takeUpReplacement(path, quarantineFolderAt(path, clock.now()));
  return readMigrationStatus(path, versions);
}

async function backUp({ backups }: OfflineMigrationOptions, from: number, to: number): Promise<string> {
  const { id } = await backups.create({ reason: "before-migration", comment: `version ${from}, before ${to}` });
  return id;
}

function requireWayBack(versions: readonly SchemaVersion[], from: number, to: number): void {
  const activity = `roll back to version ${to}`;
  if (to < 0 || to >= from) {
    throw new MusterError("CONFLICT", `${activity}: the database has version ${from}`, {
      hint: "Name a version below the one it has.",
    });
  }
  const oneWay = versions.slice(to, from).find(({ rollbackQueries = [] }) => rollbackQueries.length === 0);
  if (!oneWay) return;
  throw new MusterError("CONFLICT", `${activity}: version ${oneWay.version} has no rollback queries`, {
    hint: "Restore the backup that was made before it was applied.",
  });
}

function withValidator(
  { path, versions, isForeignKeysEnabled, clock }: OfflineMigrationOptions,
  from: number,
  backupId: string | undefined,
  run: (validator: SchemaValidator, database: Parameters<SchemaValidator["inspect"]>[0]) => void,
): void {
  const backup = (change: PlannedChange): void => {
    if (backupId !== undefined && change.from <= from) return;
    throw new MusterError("CONFLICT", `migrate to ${change.to}: the database has changed since the backup was made`);
  };
  const validator = new SchemaValidator(versions, clock, { backup });
  const connection: ConnectionOptions = {
    ...{ path, synchronous: "full", isForeignKeysEnabled, mustExist: true },
    cacheSizeBytes: CACHE_SIZE_BYTES,
  };
  const { database } = openWriterConnection(connection);
  try {
    run(validator, database);
  } finally {
    database.close();
  }
}
