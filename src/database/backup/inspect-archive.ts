import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import {
  fingerprintOf,
  planTakeUp,
  readArchiveTail,
  readHeader,
  withFile,
  type ArchiveTail,
} from "../sqlite/archive-take-up.ts";
import { WalArchive } from "../sqlite/wal-archive.ts";
import { parseWalHeader, WAL_HEADER_BYTES, WalScanner } from "../sqlite/wal-format.ts";
import { ARCHIVE_FOLDER, readArchiveIndex } from "./archive-index.ts";
import { BackupKey } from "./encryption.ts";
import { executeRestore, type RestoreResult } from "./execute-restore.ts";
import { readSnapshotPages, scan } from "./page-proof.ts";
import { neutralise } from "./page-table.ts";
import type { ArchiveRun, RestoreFacts } from "./restore-facts.ts";
import { planRestore } from "./restore-plan.ts";
import { readRestoreFacts } from "./restore-sources.ts";

/**
 * The job that holds a database, which nobody has open, against its archive. First the archive is completed from the log
 * beside the database. Then: does the log join what is archived, and is each page what the archive makes of it? That
 * finds what no check of SQLite's can: a changed byte inside a value, a log that was lost or put back.
 */
export interface InspectArchiveJob {
  readonly kind: "inspect-archive";
  readonly databasePath: string;
  readonly backupFolder: string;
  /** The passphrase, for encrypted files. */
  readonly key?: string;
  /** Pages are compared when database and archive together are no larger; 0 = never. */
  readonly compareLimitBytes: number;
}

/**
 * `complete`: the archive has every commit of the log. `closed`: it had every commit when the database was closed.
 * `behind`: the log is an earlier one than what was archived. `interrupted`: neither can be proved. `none`: no archive.
 */
export type ArchiveChain = "complete" | "closed" | "behind" | "interrupted" | "none";

export interface ArchiveFindings {
  readonly chain: ArchiveChain;
  /** Time of the last commit that is archived. */
  readonly archivedUntil: number | undefined;
  /** After it was closed something else wrote to the database, or put another in its place. */
  readonly isChangedSince: boolean;
  /** Whole frames of the log behind a damaged one: their commits were made, and can be read nowhere. */
  readonly lostFrameCount: number;
  /** Pages that are not what the archive says; undefined = they were not compared. */
  readonly differingPageCount: number | undefined;
  /** Why they could not be compared although they are few enough: what the backups lack, in words. */
  readonly uncomparable: string | undefined;
  /** Each page that differs is an earlier version that the archive has: the database lost what came after. */
  readonly isEarlierState: boolean;
}

/** Throws what keeps it from being found out; backups that cannot be read only leave the pages uncompared. */
export async function inspectArchive(job: InspectArchiveJob, report: ReportProgress): Promise<ArchiveFindings> {
  const { databasePath, backupFolder } = job;
  const folder = join(backupFolder, ARCHIVE_FOLDER);
  const before = readArchiveTail(folder);
  const nothing = { differingPageCount: undefined, uncomparable: undefined, isEarlierState: false };
  if (!before) return { chain: "none", archivedUntil: undefined, isChangedSince: false, lostFrameCount: 0, ...nothing };
  const isIntact = before.fingerprint !== undefined && before.fingerprint === fingerprintOf(databasePath);
  const log = readLog(`${databasePath}-wal`);
  new WalArchive({ databasePath, folder, now: () => Date.now() }).open();
  const found = { ...findChain(databasePath, folder), lostFrameCount: log.lostFrameCount };
  if (isIntact && found.chain === "closed") return { ...found, isChangedSince: false, ...nothing };
  if (found.chain === "interrupted" && log.commits.length === 0 && (await isAsLastSettled(before, job))) {
    return { ...found, ...nothing, isEarlierState: true };
  }
  report({ step: "compare" });
  try {
    return { ...found, ...nothing, ...(await comparePages(job, log.pages, found.chain)) };
  } catch (error) {
    return { ...found, ...nothing, uncomparable: toError(error).message };
  }
}

function findChain(
  databasePath: string,
  archiveFolder: string,
): Pick<ArchiveFindings, "chain" | "archivedUntil" | "isChangedSince"> {
  const tail = readArchiveTail(archiveFolder)!;
  const walPath = `${databasePath}-wal`;
  const header = readHeader(walPath);
  const offsets = new Map(readLog(walPath).commits);
  const plan = planTakeUp(tail, {
    ...{ header, fingerprint: fingerprintOf(databasePath) },
    readChecksumAt: (offset) => (offset === WAL_HEADER_BYTES ? header?.checksum : offsets.get(offset)),
  });
  const findings = (chain: ArchiveChain, isChangedSince = false) => ({ chain, isChangedSince, archivedUntil: tail.at });
  if (plan.kind === "same-life") return findings("complete");
  if (plan.kind === "settled") return findings("closed");
  if (tail.fingerprint !== undefined && tail.header?.salts !== header?.salts) return findings("closed", true);
  const end = Math.max(WAL_HEADER_BYTES, ...offsets.keys());
  const isShorter = header !== undefined && header.salts === tail.header?.salts && end < tail.offset;
  return findings(isShorter ? "behind" : "interrupted");
}

/**
 * The file is as the last checkpoint left it, and what was archived after that is in no log: it is lost. That takes no
 * page to be read, however large the database is.
 */
async function isAsLastSettled(
  { generation, fingerprint }: ArchiveTail,
  { databasePath, backupFolder }: InspectArchiveJob,
): Promise<boolean> {
  if (fingerprint !== undefined) return false;
  let settled: string | undefined;
  await readArchiveIndex(join(backupFolder, ARCHIVE_FOLDER, generation), (line) => {
    if (line.kind === "settled") settled = line.fingerprint;
  });
  return settled !== undefined && settled === fingerprintOf(databasePath);
}

interface Log {
  /** Place of the last committed version of each page. */
  readonly pages: ReadonlyMap<number, number>;
  readonly pageCount: number | undefined;
  /** Checksum by offset. */
  readonly commits: readonly (readonly [number, string])[];
  readonly lostFrameCount: number;
}

const READ_FRAMES = 256;
/** So many times what may be compared is read at most to find out where the file's pages come from: the start waits. */
const HISTORY_FACTOR = 8;

function readLog(path: string): Log {
  return withFile(path, (handle) => {
    const nothing: Log = { pages: new Map(), pageCount: undefined, commits: [], lostFrameCount: 0 };
    if (handle === undefined) return nothing;
    const head = Buffer.alloc(WAL_HEADER_BYTES);
    readSync(handle, head, 0, head.length, 0);
    const header = parseWalHeader(head);
    if (!header) return nothing;
    const scanner = new WalScanner(header);
    const content = Buffer.alloc(READ_FRAMES * scanner.frameBytes);
    const [pages, pending] = [new Map<number, number>(), new Map<number, number>()];
    const commits: [number, string][] = [];
    let pageCount: number | undefined;
    for (let from = -1; scanner.offset !== from;) {
      from = scanner.offset;
      const readBytes = readSync(handle, content, 0, content.length, from);
      const found = scanner.scan(content.subarray(0, readBytes), ({ pageNumber, offset }) => {
        pending.set(pageNumber, offset + scanner.frameBytes - header.pageBytes);
      });
      for (const { offset, checksum, pageCount: count } of found) {
        commits.push([offset, checksum]);
        pageCount = count;
      }
      const end = commits.at(-1)?.[0] ?? 0;
      for (const [page, offset] of pending) {
        if (offset >= end) continue;
        pages.set(page, offset);
        pending.delete(page);
      }
    }
    const lostFrameCount = countFramesBehind(handle, scanner, header.salts);
    return { pages, pageCount, commits, lostFrameCount };
  });
}

/** A frame with the log's salts is of this life of it; one behind the first that is not whole was cut off from it. */
function countFramesBehind(handle: number, { offset, frameBytes }: WalScanner, salts: string): number {
  const head = Buffer.alloc(16);
  let count = 0;
  for (let at = offset + frameBytes; readSync(handle, head, 0, 16, at) === 16; at += frameBytes) {
    if (head.toString("hex", 8, 16) === salts) count++;
  }
  return count;
}

type Comparison = Pick<ArchiveFindings, "differingPageCount" | "isEarlierState">;

/** Undefined when it would take too long; throws when the backups cannot say, for certain, what the pages have to be. */
async function comparePages(
  job: InspectArchiveJob,
  logPages: ReadonlyMap<number, number>,
  chain: ArchiveChain,
): Promise<Comparison | undefined> {
  const { databasePath, backupFolder, compareLimitBytes } = job;
  if (!existsSync(databasePath)) return undefined;
  const facts = await readRestoreFacts(backupFolder, { kind: "newest" });
  const { route } = planRestore(facts, { kind: "newest" });
  if (!route.archive) throw new MusterError("BACKUP_DAMAGED", "read the archive: no snapshot leads to it");
  const { snapshot, archive, readBytes, databaseBytes } = route;
  if (statSync(databasePath).size + readBytes + databaseBytes * 2 > compareLimitBytes) return undefined;
  const scratch = `${databasePath}.compared`;
  try {
    const expected = await restoreNewest(job, scratch);
    const [warning] = expected.warnings;
    if (warning !== undefined) throw new MusterError("BACKUP_DAMAGED", `read the archive: ${warning}`);
    const differing = listDiffering(databasePath, logPages, expected.path, snapshot.pageSize);
    const isEarlierState =
      chain !== "complete" &&
      differing.length > 0 &&
      (await areKnown(job, differing, facts, { run: archive, pageBytes: snapshot.pageSize }));
    return { differingPageCount: differing.length, isEarlierState };
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) await rm(`${scratch}.replacement${suffix}`, { force: true });
  }
}

function restoreNewest({ backupFolder, key }: InspectArchiveJob, path: string): Promise<RestoreResult> {
  const job = { kind: "restore", databasePath: path, backupFolder, target: { kind: "newest" } } as const;
  return executeRestore({ ...job, ...(key === undefined ? {} : { key }) }, () => undefined);
}

interface DifferingPage {
  readonly number: number;
  /** undefined = the file ends before it. */
  readonly page: Buffer | undefined;
}

function listDiffering(
  databasePath: string,
  logPages: ReadonlyMap<number, number>,
  expectedPath: string,
  pageBytes: number,
): DifferingPage[] {
  const handles = [databasePath, expectedPath].map((path) => openSync(path, "r"));
  const [file, expected] = handles as [number, number];
  const log = logPages.size === 0 ? undefined : openSync(`${databasePath}-wal`, "r");
  try {
    const differing: DifferingPage[] = [];
    const pageCount = fstatSync(expected).size / pageBytes;
    const fileBytes = fstatSync(file).size;
    for (let number = 1; number <= pageCount; number++) {
      const wanted = readPage(expected, (number - 1) * pageBytes, pageBytes);
      const inLog = logPages.get(number);
      const at = (number - 1) * pageBytes;
      let page: Buffer | undefined;
      if (inLog !== undefined) page = readPage(log!, inLog, pageBytes);
      else if (at < fileBytes) page = readPage(file, at, pageBytes);
      if (!page || !neutralise(number, page).equals(neutralise(number, wanted))) differing.push({ number, page });
    }
    return differing;
  } finally {
    for (const handle of [...handles, ...(log === undefined ? [] : [log])]) closeSync(handle);
  }
}

function readPage(handle: number, at: number, bytes: number): Buffer {
  const page = Buffer.alloc(bytes);
  readSync(handle, page, 0, bytes, at);
  return page;
}

/**
 * Whether each page is a version of it that the archive has seen, at any time of its generation, or was not there yet:
 * the file may be older than the newest snapshot. The oldest snapshot has what nobody changed since; the later a segment, the likelier it is.
 */
async function areKnown(
  { backupFolder, key, compareLimitBytes }: InspectArchiveJob,
  pages: readonly DifferingPage[],
  { snapshots, generations }: RestoreFacts,
  { run, pageBytes }: { readonly run: ArchiveRun; readonly pageBytes: number },
): Promise<boolean> {
  const source = { backupFolder, key: key === undefined ? undefined : new BackupKey(key) };
  const unknown = new Map(pages.flatMap(({ number, page }) => (page ? [[number, neutralise(number, page)]] : [])));
  const strike = (number: number, page: Buffer): void => {
    if (unknown.get(number)?.equals(neutralise(number, page))) unknown.delete(number);
  };
  const [oldest] = snapshots
    .filter(({ archive, damage }) => !damage && archive?.from.generation === run.generation)
    .sort((a, b) => a.archive!.from.segment - b.archive!.from.segment || a.createdAt - b.createdAt);
  const segments = generations.find(({ name }) => name === run.generation)?.segments ?? [];
  const readings = segments
    .filter(({ end, files }) => end && files.length > 0)
    .reverse()
    .map((segment) => ({
      bytes: segment.files[0]!.sizeBytes,
      read: () => scan(source, run, segment, pageBytes, ({ pageNumber, page }) => strike(pageNumber, page)),
    }));
  if (oldest) {
    const read = async (): Promise<void> => {
      let number = 0;
      for await (const page of readSnapshotPages(source, oldest)) strike(++number, page);
    };
    readings.unshift({ bytes: oldest.storedBytes, read });
  }
  let readBytes = 0;
  for (const { bytes, read } of readings) {
    readBytes += bytes;
    if (unknown.size === 0 || readBytes > compareLimitBytes * HISTORY_FACTOR) break;
    try {
      await read();
    } catch (error) {
      // Of a piece that is damaged counts what was found: another page cannot be the same by accident.
      if (!isMusterError(error, "BACKUP_DAMAGED", "BACKUP_NOT_FOUND")) throw error;
    }
  }
  return unknown.size === 0;
}
