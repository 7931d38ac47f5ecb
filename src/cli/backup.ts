import { Argument, type Command } from "commander";
import { MusterError } from "../core/errors.ts";
import { formatSizeBytes } from "../core/units.ts";
import { isVerified, type SnapshotCatalogue } from "../database/backup/snapshot-catalogue.ts";
import { COMMENT_LIMIT, type SnapshotManifest } from "../database/backup/snapshot-manifest.ts";
import type { VerifySnapshotResult } from "../database/backup/verify-snapshot.ts";
import { withDataTools, type DataTools } from "./data-tools.ts";
import { formatLocal } from "./format-moment.ts";
import { withProgress } from "./progress-bar.ts";
import { printResult, type OutputOptions, type VerbResult } from "./verb.ts";
import type { Workplace } from "./workplace.ts";

/** `backup create | list | verify | prune`. All of them work while the bot runs: none touches the database's own files. */
export function registerBackupVerb(program: Command, place: Workplace): void {
  const backup = program.command("backup").description("verified backups of the database");
  backup
    .command("create")
    .description("make a backup now, also while the bot runs")
    .option("--comment <text>", `what it is for, at most ${COMMENT_LIMIT} characters`, "")
    .option("--json", "print JSON")
    .action(async ({ comment, ...output }: OutputOptions & { comment: string }, command: Command) => {
      if (comment.length > COMMENT_LIMIT) command.error(`error: a comment has at most ${COMMENT_LIMIT} characters`);
      printResult(await withDataTools(place, (tools) => createBackup(tools, comment)), output);
    });
  backup
    .command("list")
    .description("list the backups, the newest first")
    .option("--json", "print JSON")
    .action(async (output: OutputOptions) => {
      printResult(
        await withDataTools(place, async (tools) => describeCatalogue(tools, await tools.backups.list())),
        output,
      );
    });
  backup
    .command("verify")
    .description("unpack a backup and look over all of it")
    .addArgument(new Argument("[id]", "which one"))
    .option("--all", "every one of them")
    .option("--json", "print JSON")
    .action(async (id: string | undefined, { all = false, ...output }: OutputOptions & { all?: boolean }, command) => {
      if ((id === undefined) !== all) (command as Command).error("error: name a backup, or give --all");
      printResult(await withDataTools(place, (tools) => verifyBackups(tools, id)), output);
    });
  backup
    .command("prune")
    .description("remove backups beyond DB_MAX_BACKUPS, and what of the archive none of the others needs")
    .option("--dry-run", "only say what would be removed")
    .option("--json", "print JSON")
    .action(async ({ dryRun = false, ...output }: OutputOptions & { dryRun?: boolean }) => {
      printResult(await withDataTools(place, (tools) => pruneBackups(tools, dryRun)), output);
    });
}

async function createBackup({ backups }: DataTools, comment: string): Promise<VerbResult> {
  const manifest = await withProgress("backup", (onProgress) =>
    backups.create({ reason: "manual", comment, onProgress }),
  );
  const { id, databaseBytes, storedBytes } = manifest;
  const sizes = `${formatSizeBytes(databaseBytes)}, stored in ${formatSizeBytes(storedBytes)}`;
  return { data: manifest, lines: [`Backup ${id} is made and verified: ${sizes}.`] };
}

function describeCatalogue({ settings }: DataTools, { snapshots, problems }: SnapshotCatalogue): VerbResult {
  const rows = snapshots.map(({ manifest }) => describeSnapshot(manifest));
  const lines = [
    ...(rows.length === 0
      ? [`There is no backup yet in ${settings.DB_BACKUP_DIR} (DB_BACKUP_DIR).`]
      : alignColumns([["id", "made", "size", "why", "state"], ...rows])),
    ...problems.map(({ file, message }) => `Not usable: ${file}: ${message}`),
  ];
  return { data: { snapshots: snapshots.map(({ manifest }) => manifest), problems }, lines };
}

function describeSnapshot(manifest: SnapshotManifest): string[] {
  const { id, createdAt, storedBytes, reason, comment, verifiedAt, damage } = manifest;
  const state = isVerified(manifest) ? `verified ${formatLocal(verifiedAt)}` : `damaged: ${damage?.message ?? ""}`;
  return [
    id,
    formatLocal(createdAt),
    formatSizeBytes(storedBytes),
    reason,
    comment === "" ? state : `${state}  ${comment}`,
  ];
}

function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

/** Without an id, all; then what only looks like a backup counts as well. */
async function verifyBackups({ backups }: DataTools, id: string | undefined): Promise<VerbResult> {
  const { snapshots, problems } = await backups.list();
  const ids = id === undefined ? snapshots.map(({ manifest }) => manifest.id) : [id];
  if (id === undefined && ids.length + problems.length === 0) {
    throw new MusterError("BACKUP_NOT_FOUND", "verify the backups: there is none", {
      hint: "Make one: backup create.",
    });
  }
  const results: VerifySnapshotResult[] = [];
  for (const each of ids) {
    results.push(await withProgress(each, (onProgress) => backups.verify(each, onProgress)));
  }
  const unusable = id === undefined ? problems : [];
  return {
    data: { results, problems: unusable },
    lines: [...results.map(describeVerdict), ...unusable.map(({ file, message }) => `${file}: NOT USABLE: ${message}`)],
    isFailed: unusable.length > 0 || results.some(({ outcome }) => outcome === "unusable"),
  };
}

function describeVerdict(result: VerifySnapshotResult): string {
  if (result.outcome === "unusable") return `${result.id}: NOT USABLE: ${result.findings.join("; ")}`;
  const { id, createdAt, rows } = result.manifest;
  const count = Object.values(rows).reduce((sum, rowCount) => sum + rowCount, 0);
  return `${id}: sound, of ${formatLocal(createdAt)}, ${count} rows, checked in ${result.durationMs} ms`;
}

async function pruneBackups({ backups }: DataTools, isDryRun: boolean): Promise<VerbResult> {
  const result = await backups.prune(isDryRun);
  const { removedIds, freedBytes } = result;
  const verb = isDryRun ? "Would be removed" : "Removed";
  const names = removedIds.length === 0 ? "no backup" : removedIds.join(", ");
  return { data: { ...result, isDryRun }, lines: [`${verb}: ${names}; ${formatSizeBytes(freedBytes)} in all.`] };
}
