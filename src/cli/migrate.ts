import { InvalidArgumentError, type Command } from "commander";
import { MusterError } from "../core/errors.ts";
import { removeTemporary } from "../database/backup/snapshot-files.ts";
import { readMigrationStatus, type MigrationStatus } from "../database/schema/migration-status.ts";
import { migrateOffline, rollBackOffline, type OfflineMigrationOptions } from "../database/schema/offline-migration.ts";
import { testCopyPath, type MigrationTestResult } from "../database/schema/test-migrations.ts";
import { DATA_MODULE_URL, migrations } from "../store/data-module.ts";
import { withDataTools, type DataTools } from "./data-tools.ts";
import { formatLocal } from "./format-moment.ts";
import { withProgress } from "./progress-bar.ts";
import { printResult, type OutputOptions, type VerbResult } from "./verb.ts";
import type { Workplace } from "./workplace.ts";

/** `migrate status | up | down | test`. The first and the last work while the bot runs; the others need it stopped. */
export function registerMigrateVerb(program: Command, place: Workplace): void {
  const migrate = program.command("migrate").description("versions of the database's tables");
  migrate
    .command("status")
    .description("list the versions that are applied, those that are pending, and what differs from them")
    .option("--json", "print JSON")
    .action(async (output: OutputOptions) => {
      printResult(await withDataTools(place, (tools) => Promise.resolve(showStatus(tools))), output);
    });
  migrate
    .command("up")
    .description("make a backup, then apply what is pending; the bot does so by itself at its start")
    .option("--json", "print JSON")
    .action(async (output: OutputOptions) => printResult(await withDataTools(place, applyPending), output));
  migrate
    .command("down")
    .description("make a backup, then take the newest version back, to start the program of before")
    .option("--to <version>", "take back all versions after this one", parseVersion)
    .option("--json", "print JSON")
    .action(async ({ to, ...output }: OutputOptions & { to?: number }) => {
      printResult(await withDataTools(place, (tools) => takeBack(tools, to)), output);
    });
  migrate
    .command("test")
    .description("apply what is pending to a copy of the database, which is deleted afterwards")
    .option("--json", "print JSON")
    .action(async (output: OutputOptions) => printResult(await withDataTools(place, testPending), output));
}

function parseVersion(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("a version is a whole number from 0 on");
  return Number(text);
}

function showStatus({ databasePath }: DataTools): VerbResult {
  const status = readMigrationStatus(databasePath, migrations);
  const { refused } = status.differences;
  return { data: { path: databasePath, ...status }, lines: describeStatus(status), isFailed: refused.length > 0 };
}

function describeStatus({ version, latestVersion, applied, pending, differences }: MigrationStatus): string[] {
  const { repaired, kept, refused } = differences;
  return [
    `The database has version ${version} of ${latestVersion}.`,
    ...applied.map(
      (one) =>
        `${one.version}  applied ${formatLocal(one.appliedAt)}, ${one.durationMs} ms  ${one.checksum.slice(0, 12)}  ${one.description}`,
    ),
    ...pending.map((one) => `${one.version}  PENDING  ${one.checksum.slice(0, 12)}  ${one.description}`),
    ...refused.map((difference) => `WRONG: ${difference}`),
    ...repaired.map((difference) => `${difference}: the next start makes it again`),
    ...kept.map((difference) => `${difference}: it may stay`),
  ];
}

async function applyPending(tools: DataTools): Promise<VerbResult> {
  const lock = tools.lock("migrate the database", "Stop the bot first; it migrates by itself at its next start.");
  try {
    const result = await withProgress("backup", (onProgress) => migrateOffline(offlineOptions(tools, onProgress)));
    const { from, to, backupId } = result;
    if (from === to) return { data: result, lines: [`Nothing is pending: the database has version ${to}.`] };
    const backup = backupId === undefined ? [] : [`Backup ${backupId} has it as it was before.`];
    return { data: result, lines: [`Migrated from version ${from} to ${to}.`, ...backup] };
  } finally {
    lock.release();
  }
}

async function takeBack(tools: DataTools, to: number | undefined): Promise<VerbResult> {
  const lock = tools.lock("roll the database back", "Stop the bot first.");
  try {
    if (to === undefined) requireTablesLeft(tools);
    const result = await withProgress("backup", (onProgress) => rollBackOffline(offlineOptions(tools, onProgress), to));
    const lines = [
      `Rolled back from version ${result.from} to ${result.to}. Backup ${String(result.backupId)} has it as it was before.`,
      "Start the program that knows this version: this one would migrate again.",
    ];
    return { data: result, lines };
  } finally {
    lock.release();
  }
}

/** Version 0 has no tables: the next start would take it for new and empty. Nobody gets there by leaving something out. */
function requireTablesLeft({ databasePath }: DataTools): void {
  if (readMigrationStatus(databasePath, migrations).version > 1) return;
  throw new MusterError("CONFLICT", "roll the database back: before its first version there is nothing left of it", {
    hint: "To remove all tables with all data on purpose, give --to 0.",
  });
}

type OnProgress = Parameters<Parameters<typeof withProgress>[1]>[0];

function offlineOptions(tools: DataTools, onProgress: OnProgress): OfflineMigrationOptions {
  const { databasePath, settings, backups, clock } = tools;
  return {
    ...{ path: databasePath, versions: migrations, isForeignKeysEnabled: settings.DB_FOREIGN_KEYS, clock },
    backups: { create: (request) => backups.create({ ...request, onProgress }) },
  };
}

async function testPending({ databasePath, run }: DataTools): Promise<VerbResult> {
  const copyPath = testCopyPath(databasePath);
  const result = await withProgress("test", (onProgress) =>
    run(
      { kind: "test-migrations", databasePath, copyPath, dataModuleUrl: DATA_MODULE_URL },
      { onProgress, cleanUp: () => removeTemporary(copyPath) },
    ),
  );
  return { data: result, lines: describeTest(result), isFailed: result.failure !== undefined };
}

function describeTest({ from, to, applied, failure }: MigrationTestResult): string[] {
  const steps = applied.map(
    ({ version, description, durationMs }) => `${version}  would be applied, ${durationMs} ms  ${description}`,
  );
  if (failure)
    return [...steps, `WOULD FAIL: ${failure.message}`, ...(failure.hint === undefined ? [] : [failure.hint])];
  if (from === to) return [`Nothing is pending: the database has version ${to}.`];
  return [...steps, `Would be migrated from version ${from} to ${to}. Nothing was changed.`];
}
