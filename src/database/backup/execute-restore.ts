import { closeSync, fsyncSync, ftruncateSync, openSync } from "node:fs";
import { rename, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { syncFolder } from "../../core/durable-file.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import { formatSizeBytes } from "../../core/units.ts";
import { planNextStep } from "../integrity/check-plan.ts";
import { quoteName } from "../integrity/table-shape.ts";
import { checkIntegrity, isSound, type IntegrityReport } from "../maintenance/integrity-check.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { classifySqliteError, sqliteCodeOf } from "../sqlite/error-classification.ts";
import { offerPathOf, preparedPathOf, replacementPathOf } from "../sqlite/replacement.ts";
import { applySegment, findSegmentEnd, type SegmentSpan } from "./apply-segments.ts";
import { findCommitWithin, type ArchivedSegment } from "./archive-catalogue.ts";
import { ARCHIVE_FOLDER } from "./archive-index.ts";
import { BackupKey } from "./encryption.ts";
import { JobProgress } from "./job-progress.ts";
import { readSegment } from "./read-segment.ts";
import {
  formatInstant,
  withCutSegment,
  withoutArchive,
  withoutFile,
  withoutSnapshot,
  type ArchiveRun,
  type RestoreFacts,
  type RestoreRoute,
  type RestoreTarget,
} from "./restore-facts.ts";
import { planRestore } from "./restore-plan.ts";
import { readRestoreFacts } from "./restore-sources.ts";
import { getSnapshot } from "./snapshot-catalogue.ts";
import { openReadOnly, readDatabaseFacts } from "./snapshot-check.ts";
import { decodeFile } from "./stored-file.ts";
import { findEarlierEnd } from "./take-back.ts";

/**
 * The job that puts a database together again, beside the one that stands there and without touching it. Under
 * `<database>.restoring` it is unfinished and counts for nothing, whatever is in it; the rename to its last name, after
 * everything was checked and made durable, is what makes it complete. When a piece turns out to be damaged, the facts are
 * corrected and it is planned again, so it ends with the best that can be had, or without anything; never with a file
 * that holds something else than it says.
 */

export interface RestoreJob {
  readonly kind: "restore";
  readonly databasePath: string;
  readonly backupFolder: string;
  readonly target: RestoreTarget;
  /** The passphrase, for encrypted files. */
  readonly key?: string;
  /** Leaves the complete file as `<database>.offered`, for a person to decide; default: `<database>.replacement`. */
  readonly isOffer?: boolean;
  /** Leaves it as `<database>.prepared`, to be exchanged at once. */
  readonly isPrepared?: boolean;
}

export type RestoreStep = "unpack" | "apply" | "check" | "finish";

export interface RestoreResult {
  /** The complete file. */
  readonly path: string;
  readonly snapshotId: string;
  /** Time of the last change that it contains. */
  readonly reachedAt: number;
  readonly appliedSegmentCount: number;
  readonly appliedFrameCount: number;
  /** What could not be used, and why, in the order in which it was found out. */
  readonly skipped: readonly string[];
  /** What it does not contain, and what is uncertain. */
  readonly warnings: readonly string[];
  /** By table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly schemaVersion: number;
  readonly foreignKeyViolations: number;
  readonly databaseBytes: number;
  /** Milliseconds, of the try that succeeded. */
  readonly durationsMs: Readonly<Partial<Record<RestoreStep, number>>>;
}

/** Measured with 1 GB, of which a fifth came from the archive. */
const STEP_WEIGHTS = { unpack: 0.45, apply: 0.15, check: 0.35, finish: 0.05 } as const;
/** What else may need room on the disk meanwhile. */
const RESERVE_BYTES = 32 * 1024 ** 2;

/**
 * Removes what a job that was killed left behind, a complete file that was not exchanged any more, and the empty files
 * that SQLite makes beside one in WAL mode even when it only reads; called when no job is running.
 */
export async function removeRestoreLeftovers(databasePath: string): Promise<void> {
  await removeWithCompanions(preparedPathOf(databasePath));
  await removeWithCompanions(restoringPathOf(databasePath));
}

async function removeWithCompanions(path: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) await rm(path + suffix, { force: true });
}

function restoringPathOf(databasePath: string): string {
  return `${databasePath}.restoring`;
}

/**
 * Throws BACKUP_NOT_FOUND and BACKUP_DAMAGED as `planRestore`, BACKUP_KEY_WRONG, DATABASE_FULL when the disk has not
 * enough room.
 */
export async function executeRestore(job: RestoreJob, report: ReportProgress): Promise<RestoreResult> {
  await removeRestoreLeftovers(job.databasePath);
  const key = job.key === undefined ? undefined : new BackupKey(job.key);
  const skipped: string[] = [];
  let unsoundCount = 0;
  try {
    for (let facts = await readRestoreFacts(job.backupFolder, job.target); ;) {
      const plan = planRestore(facts, job.target);
      const progress = new JobProgress<RestoreStep>(report, STEP_WEIGHTS);
      const attempt: Attempt = {
        job,
        facts,
        route: plan.route,
        key,
        progress,
        path: restoringPathOf(job.databasePath),
        unsoundCount,
      };
      const outcome = await restore(attempt);
      if (outcome.kind === "restored") {
        const { warnings } = outcome.result;
        return { ...outcome.result, skipped, warnings: [...plan.warnings, ...warnings] };
      }
      skipped.push(outcome.reason);
      facts = outcome.facts;
      if (outcome.isUnsound) unsoundCount++;
      await removeWithCompanions(restoringPathOf(job.databasePath));
    }
  } catch (error) {
    throw addSkipped(error, skipped);
  } finally {
    await removeWithCompanions(restoringPathOf(job.databasePath));
  }
}

/** Nothing led to the target: what stood in the way is the reason, not that there was never anything. */
function addSkipped(error: unknown, skipped: readonly string[]): unknown {
  if (skipped.length === 0 || !isMusterError(error, "BACKUP_NOT_FOUND", "BACKUP_DAMAGED")) return error;
  return new MusterError("BACKUP_DAMAGED", `${error.message}; ${skipped.join("; ")}`, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: { ...error.details, skipped },
  });
}

interface Attempt {
  readonly job: RestoreJob;
  readonly facts: RestoreFacts;
  readonly route: RestoreRoute;
  readonly key: BackupKey | undefined;
  readonly progress: JobProgress<RestoreStep>;
  readonly path: string;
  /** How many tries before it gave a database that is not sound. */
  readonly unsoundCount: number;
}

interface Damaged {
  readonly kind: "damaged";
  readonly reason: string;
  /** What is known now; leads to another plan. */
  readonly facts: RestoreFacts;
  /** Every piece was what had been stored. */
  readonly isUnsound?: boolean;
}

type Outcome = { readonly kind: "restored"; readonly result: Omit<RestoreResult, "skipped"> } | Damaged;

async function restore(attempt: Attempt): Promise<Outcome> {
  const { route, progress, path, job } = attempt;
  await requireRoom(path, route.databaseBytes);
  progress.begin("unpack");
  const unpacked = await unpackSnapshot(attempt);
  if (unpacked) return unpacked;
  progress.begin("apply");
  const applied = await applyArchive(attempt);
  if (applied.kind === "damaged") return applied;
  progress.begin("check");
  const checked = await checkRestored(attempt, applied);
  if (checked.kind === "damaged") return checked;
  progress.begin("finish");
  const finalPath = finalPathOf(job);
  await rename(path, finalPath);
  await syncFolder(dirname(finalPath));
  progress.end();
  return {
    kind: "restored",
    result: {
      ...{ path: finalPath, snapshotId: route.snapshot.id, reachedAt: route.reachesAt },
      ...{ appliedSegmentCount: applied.segmentCount, appliedFrameCount: applied.frameCount },
      ...checked.facts,
      durationsMs: progress.durationsMs,
    },
  };
}

function finalPathOf({ databasePath, isOffer, isPrepared }: RestoreJob): string {
  if (isOffer) return offerPathOf(databasePath);
  return isPrepared ? preparedPathOf(databasePath) : replacementPathOf(databasePath);
}

async function requireRoom(path: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes + RESERVE_BYTES) return;
  const needed = formatSizeBytes(neededBytes + RESERVE_BYTES);
  const message = `restore the database: ${needed} are needed beside it, and ${formatSizeBytes(freeBytes)} are free`;
  throw new MusterError("DATABASE_FULL", message, { hint: "Free space on the disk that holds the database." });
}

async function unpackSnapshot({ job, facts, route, key, progress, path }: Attempt): Promise<Damaged | undefined> {
  const { id, storedBytes } = route.snapshot;
  try {
    const { manifest, dataPath } = await getSnapshot(job.backupFolder, id);
    await decodeFile(dataPath, {
      ...{ compression: manifest.compression, isEncrypted: manifest.encryption !== null, key, target: path },
      expected: { contentBytes: manifest.databaseBytes, contentSha256: manifest.contentSha256 },
      onBytes: (bytes) => progress.advance(bytes / storedBytes),
    });
    return undefined;
  } catch (error) {
    if (!isMusterError(error, "BACKUP_DAMAGED", "BACKUP_NOT_FOUND")) throw error;
    const reason = `snapshot ${id} cannot be used: ${error.message}`;
    return { kind: "damaged", reason, facts: withoutSnapshot(facts, id, error.message, Date.now()) };
  }
}

interface Applied {
  readonly kind: "applied";
  readonly segmentCount: number;
  readonly frameCount: number;
  /** undefined = as the snapshot has it. */
  readonly pageCount: number | undefined;
}

async function applyArchive(attempt: Attempt): Promise<Applied | Damaged> {
  const run = attempt.route.archive;
  if (!run) return { kind: "applied", segmentCount: 0, frameCount: 0, pageCount: undefined };
  const { pageSize } = attempt.route.snapshot;
  const { pageCount, ...lastEnd } = await findRunEnd(attempt, run);
  const handle = openSync(attempt.path, "r+");
  try {
    let [frameCount, appliedBytes] = [0, 0];
    const allBytes = run.segments.reduce((sum, segment) => sum + segment.end!.offset, 0);
    for (const [index, segment] of run.segments.entries()) {
      const isLast = index === run.segments.length - 1;
      const span: SegmentSpan = {
        ...{ salts: segment.salts, pageBytes: pageSize },
        from: segment.number === run.from.segment ? run.from.offset : 0,
        to: isLast ? lastEnd : await findEnd(attempt, run, segment),
      };
      const parts = readFrom(attempt, run, segment);
      const outcome = await applySegment(parts, span, { handle, pageCount });
      if (outcome.kind === "damaged") return await correctFacts(attempt, run, segment, outcome);
      frameCount += outcome.frameCount;
      appliedBytes += segment.end!.offset;
      attempt.progress.advance(appliedBytes / allBytes);
    }
    ftruncateSync(handle, pageCount * pageSize);
    fsyncSync(handle);
    return { kind: "applied", segmentCount: run.segments.length, frameCount, pageCount };
  } catch (error) {
    throw explainWriteError(error);
  } finally {
    closeSync(handle);
  }
}

/** Where the last segment ends: where its index says, or when everything is wanted, at its last whole commit. */
async function findRunEnd(attempt: Attempt, run: ArchiveRun): Promise<ArchiveRun["to"]> {
  if (!run.isOpenEnded) return run.to;
  const end = await findSegmentEnd(readFrom(attempt, run, run.segments.at(-1)!));
  return end && end.offset > run.to.offset ? { ...end, at: run.to.at } : run.to;
}

/** Lines that are damaged may be those of a segment's last commits. */
async function findEnd(attempt: Attempt, run: ArchiveRun, segment: ArchivedSegment): Promise<ArchiveRun["to"]> {
  const generation = attempt.facts.generations.find(({ name }) => name === run.generation)!;
  if (generation.indexDamage.length === 0) return segment.end!;
  const end = await findSegmentEnd(readFrom(attempt, run, segment));
  return end && end.offset > segment.end!.offset ? { ...end, at: segment.end!.at } : segment.end!;
}

function readFrom({ job, key }: Attempt, run: ArchiveRun, segment: ArchivedSegment): AsyncGenerator<Buffer> {
  return readSegment(join(job.backupFolder, ARCHIVE_FOLDER, run.generation), segment, key);
}

/** Another file may hold the same segment; when there is none, it counts up to its last commit that is sound. */
async function correctFacts(
  { job, facts }: Attempt,
  run: ArchiveRun,
  segment: ArchivedSegment,
  { reason, soundBytes }: { readonly reason: string; readonly soundBytes: number },
): Promise<Damaged> {
  const place = { generation: run.generation, segment: segment.number };
  const { name } = segment.files[0]!;
  const what = `segment ${segment.number} of ${run.generation} (${name}) is damaged: ${reason}`;
  if (segment.files.length > 1) return { kind: "damaged", reason: what, facts: withoutFile(facts, place, name) };
  const folder = join(job.backupFolder, ARCHIVE_FOLDER, run.generation);
  // Less than before in any case, or the same would be tried again.
  const limit = Math.min(soundBytes, segment.end!.offset - 1);
  const end = await findCommitWithin(folder, segment.number, limit);
  return { kind: "damaged", reason: what, facts: withCutSegment(facts, place, end, reason) };
}

function explainWriteError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (isMusterError(error) || code === undefined) return error;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new MusterError(isFull ? "DATABASE_FULL" : "DATABASE_IO", `restore the database: ${toError(error).message}`, {
    hint: isFull ? "Free space on the disk that holds the database." : "Check the disk that holds the database.",
    cause: error,
  });
}

type Checked =
  | {
      readonly kind: "sound";
      readonly facts: Pick<
        RestoreResult,
        "rows" | "schemaVersion" | "foreignKeyViolations" | "databaseBytes" | "warnings"
      >;
    }
  | Damaged;

async function checkRestored(attempt: Attempt, { pageCount }: Applied): Promise<Checked> {
  const { path } = attempt;
  const look = (): IntegrityReport =>
    checkIntegrity({ kind: "integrity-check", path, depth: "full" }, () => {
      // Its steps are parts of one of ours.
    });
  const found = look();
  const rebuiltIndexes = rebuildIndexes(path, found);
  const { lines, foreignKeyViolations } = rebuiltIndexes.length > 0 ? look() : found;
  if (!isSound(lines)) return refuseUnsound(attempt, lines.slice(0, 3).join("; "));
  const database = openReadOnly(path);
  try {
    const { rows, schemaVersion, databaseBytes, pageSize } = readDatabaseFacts(database);
    if (pageCount !== undefined && rebuiltIndexes.length === 0 && databaseBytes !== pageCount * pageSize) {
      return await refuseUnsound(attempt, `it has ${databaseBytes / pageSize} pages, and ${pageCount} were archived`);
    }
    const violations = foreignKeyViolations.reduce((sum, { rowCount }) => sum + rowCount, 0);
    const warnings = rebuiltIndexes.map((name) => `The index ${name} was damaged at that moment, and was rebuilt.`);
    return { kind: "sound", facts: { rows, schemaVersion, databaseBytes, foreignKeyViolations: violations, warnings } };
  } finally {
    database.close();
  }
}

/** The names of those that were damaged where all rows are sound: everything in them comes from the rows. */
function rebuildIndexes(path: string, report: IntegrityReport): readonly string[] {
  const step = isSound(report.lines) ? undefined : planNextStep(report);
  if (step?.kind !== "rebuild") return [];
  const database = new Database(path, { fileMustExist: true });
  try {
    for (const name of step.indexes) database.exec(`REINDEX main.${quoteName(name)}`);
    return step.indexes;
  } catch (error) {
    // Rows that contradict the index: then it is as unsound as it was found to be. A full disk says nothing of it.
    if (sqliteCodeOf(error)?.startsWith("SQLITE_CONSTRAINT")) return [];
    throw classifySqliteError(error, "restore the database: rebuild its indexes");
  } finally {
    database.close();
  }
}

/** Every piece was what had been stored, and together they are not sound: so was the database that they were made from. */
async function refuseUnsound({ job, facts, route, unsoundCount }: Attempt, findings: string): Promise<Damaged> {
  const { snapshot, archive } = route;
  const message = `gives a database that is not sound: ${findings}`;
  const refuse = (reason: string, remaining: RestoreFacts): Damaged => ({
    ...{ kind: "damaged", isUnsound: true },
    ...{ reason: `${reason} ${message}`, facts: remaining },
  });
  if (!archive) {
    return refuse(`snapshot ${snapshot.id}`, withoutSnapshot(facts, snapshot.id, findings, Date.now()));
  }
  const { generation } = archive;
  const reason = `snapshot ${snapshot.id} with the archive ${generation} up to ${formatInstant(archive.to.at)}`;
  const folder = join(job.backupFolder, ARCHIVE_FOLDER, generation);
  const end = await findEarlierEnd(folder, archive, unsoundCount);
  if (!end) return refuse(reason, withoutArchive(facts, generation));
  const damage = `from there on it ${message}`;
  return refuse(reason, withCutSegment(facts, { generation, segment: end.segment }, end, damage));
}
