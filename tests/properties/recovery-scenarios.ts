import { existsSync } from "node:fs";
import fc from "fast-check";
import type { Clock } from "../../src/core/clock.ts";
import { isMusterError, MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { exchangeDatabase } from "../../src/database/backup/exchange-database.ts";
import { executeRestore } from "../../src/database/backup/execute-restore.ts";
import { inspectArchive } from "../../src/database/backup/inspect-archive.ts";
import { Recovery, type RecoveryStatus } from "../../src/database/backup/recovery.ts";
import { salvage } from "../../src/database/backup/salvage.ts";
import { checkIntegrity, isSound } from "../../src/database/maintenance/integrity-check.ts";
import type { MaintenanceJob } from "../../src/database/maintenance/maintenance-job.ts";
import type { MaintenanceRunner } from "../../src/database/maintenance/maintenance-runner.ts";
import { openWriterConnection } from "../../src/database/sqlite/connection.ts";
import { quarantineFolderAt, takeUpReplacement } from "../../src/database/sqlite/replacement.ts";
import { WalArchive } from "../../src/database/sqlite/wal-archive.ts";
import { GracefulDegradation } from "../../src/resilience/graceful-degradation.ts";
import { RecoveryLog } from "../../src/resilience/recovery-log.ts";
import {
  BACKUP_CORRUPTIONS,
  backupFolderOf,
  databasePathOf,
  DATABASE_CORRUPTIONS,
  dumpRows,
  KEY,
  LOG_CORRUPTIONS,
  type Corruption,
  type CorruptionKind,
} from "../helpers/corruptible-database.ts";
import { silentProgress } from "../helpers/silent-progress.ts";

export interface Scenario {
  /** How the bot ended, and whether its backups are encrypted. */
  readonly template: "killed" | "closed" | "encrypted";
  readonly corruptions: readonly Corruption[];
  readonly isKeyWrong: boolean;
}

const corruptionOf = (kinds: readonly CorruptionKind[]): fc.Arbitrary<Corruption> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    place: fc.nat({ max: 10_000 }).map((number) => number / 10_000),
    bit: fc.nat({ max: 7 }),
    pageCount: fc.integer({ min: 1, max: 8 }),
  });

const onDatabase = corruptionOf([...DATABASE_CORRUPTIONS, ...LOG_CORRUPTIONS]);
const onBackups = corruptionOf(BACKUP_CORRUPTIONS);

/** Most of the time the backups are sound: then everything has to come back. */
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  // What a key adds is seen in few.
  template: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom<Scenario["template"]>("killed", "closed") },
    { weight: 1, arbitrary: fc.constant<Scenario["template"]>("encrypted") },
  ),
  corruptions: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(onDatabase) },
    { weight: 1, arbitrary: fc.tuple(onDatabase, onDatabase) },
    { weight: 3, arbitrary: fc.tuple(onDatabase, onBackups) },
    { weight: 1, arbitrary: fc.tuple(onBackups) },
    { weight: 1, arbitrary: fc.tuple(onDatabase, onBackups, onBackups) },
  ),
  isKeyWrong: fc.boolean(),
});

/** Everything that was acknowledged is there; or it is said that something is not; or there is no database, and why. */
export interface Ending {
  readonly status: RecoveryStatus;
  /** undefined = there is no database, or it cannot be read. */
  readonly content: string | undefined;
  /** What was said to people. */
  readonly statements: readonly string[];
}

/** What waits for a while waits no time at all, but for a decision of a person. */
const hurriedClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, callback) {
    if (delayMs > 60_000) return () => undefined;
    const timer = setImmediate(callback);
    return () => clearImmediate(timer);
  },
};

/** The jobs as the maintenance process does them, in this one. */
const runInProcess = (async (job: MaintenanceJob) => {
  switch (job.kind) {
    case "integrity-check":
      return checkIntegrity(job, silentProgress);
    case "inspect-archive":
      return inspectArchive(job, silentProgress);
    case "restore":
      return executeRestore(job, silentProgress);
    case "salvage":
      return salvage(job, silentProgress);
    case "exchange-database":
      return exchangeDatabase(job);
    default:
      throw new Error(`nobody does ${job.kind}`);
  }
}) as MaintenanceRunner["run"];

/** Starts on what is in the folder, as the bot does: the check before, the writer's opening, the first look for damage. */
export async function startOn(folder: string, key: string | undefined): Promise<Ending> {
  const [databasePath, backupFolder] = [databasePathOf(folder), backupFolderOf(folder)];
  const statements: string[] = [];
  const degradation = new GracefulDegradation();
  const recovery = new Recovery({
    ...{ databasePath, backupFolder, degradation, clock: hurriedClock, logger: silentLogger },
    settings: () => ({ isAutomatic: true, key, isArchiving: true }),
    engine: {
      withFilesReleased: (_, run) => run(),
      status: () => {
        throw new Error("nobody asks");
      },
      onStateChange: () => () => undefined,
      expectFile: () => undefined,
    },
    run: runInProcess,
    recovery: new RecoveryLog({ clock: hurriedClock, logger: silentLogger }),
    onIncident: ({ kind, summary }) => void statements.push(`${kind}: ${summary}`),
  });
  await recovery.prepareStart(true);
  const fault = open(databasePath, backupFolder, statements);
  if (fault) {
    recovery.report(fault, true);
    await Promise.race([recovery.settle(), untilFailed(recovery)]);
  }
  const status = recovery.status();
  if (status.lastReport) statements.push(...status.lastReport.missing);
  await recovery.stop();
  return { status, statements, content: readContent(databasePath) };
}

async function untilFailed(recovery: Recovery): Promise<void> {
  while (recovery.status().state.kind !== "failed") await new Promise((resolve) => setTimeout(resolve, 1));
}

function open(databasePath: string, backupFolder: string, statements: string[]): MusterError | undefined {
  try {
    const archive = new WalArchive({ databasePath, folder: `${backupFolder}/wal`, now: () => Date.now() });
    archive.open();
    if (archive.status.gap !== undefined) statements.push(`gap: ${archive.status.gap}`);
    takeUpReplacement(databasePath, quarantineFolderAt(databasePath, Date.now()));
    const options = {
      path: databasePath,
      synchronous: "full",
      isForeignKeysEnabled: true,
      cacheSizeBytes: 2 ** 20,
    } as const;
    const { database } = openWriterConnection({ ...options, mustExist: true });
    const tables = database
      .prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'applied_operation'")
      .pluck()
      .get();
    database.close();
    // The validator of schemas refuses it, and says so.
    if (tables === 0) statements.push("the tables are not those that are expected");
    const { lines } = checkIntegrity({ kind: "integrity-check", path: databasePath, depth: "quick" }, silentProgress);
    return isSound(lines) ? undefined : new MusterError("DATABASE_CORRUPT", `check the database: ${lines[0]!}`);
  } catch (error) {
    if (isMusterError(error, "DATABASE_CORRUPT", "DATABASE_MISSING")) return error;
    throw error;
  }
}

function readContent(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return dumpRows(path);
  } catch {
    return undefined;
  }
}

export const keyOf = ({ template, isKeyWrong }: Scenario): string | undefined => {
  if (template !== "encrypted") return undefined;
  return isKeyWrong ? "another passphrase" : KEY;
};
