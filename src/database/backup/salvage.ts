import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { rename, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { FOLDER_MODE, syncFolder } from "../../core/durable-file.ts";
import { MusterError, toError } from "../../core/errors.ts";
import { describeTable } from "../integrity/table-shape.ts";
import { checkIntegrity, isSound } from "../maintenance/integrity-check.ts";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { asTransaction, SalvageMerger } from "./salvage-merger.ts";
import { requireDamage, stageTable } from "./salvage-reader.ts";

/**
 * The job that brings rows over from a damaged database into a restored one, for what the archive does not have. Both
 * are copied first: the damaged one is evidence and never written to, and the restored one stays as it is when this
 * fails. What cannot be read is counted, and what contradicts the rest is set aside in the table `quarantine`.
 */
export interface SalvageJob {
  readonly kind: "salvage";
  /** The damaged file, with its `-wal` beside it. Nobody may be writing to it. */
  readonly damagedPath: string;
  /** A complete, sound database of the same origin; replaced by itself with the salvaged rows. */
  readonly targetPath: string;
  /** When neither says when it was written to last: whether the damaged one counts as the newer one. */
  readonly isNewerIfUnknown: boolean;
  /** No more is read after this; what was read until then counts. */
  readonly timeLimitMs: number;
}

export interface SalvagedTable {
  /** Rows read from the damaged file. */
  readonly readCount: number;
  /** Of those: missing in the restored database, different there, and refused by its rules. */
  readonly insertedCount: number;
  readonly replacedCount: number;
  readonly setAsideCount: number;
  /** Rows known to be in the damaged file that could not be read; undefined = nobody knows how many. */
  readonly unreadableCount: number | undefined;
  /** Rows of the restored database that were not found in the damaged one: deleted since, or among the unreadable. */
  readonly unconfirmedCount: number;
  readonly isWhole: boolean;
}

export interface SalvageResult {
  readonly tables: Readonly<Record<string, SalvagedTable>>;
  /** What could not be done, in words. */
  readonly problems: readonly string[];
  readonly isTimeUp: boolean;
  readonly durationMs: number;
}

const RESERVE_BYTES = 32 * 1024 ** 2;
/** Of the first page: what a file is, and how large its pages are. */
const FILE_HEADER_BYTES = 100;
const PAGE_SIZE_OFFSET = 16;
/** SQLite takes the size from the file when these two differ. */
const CHANGE_COUNTER_OFFSET = 24;
const VALID_FOR_OFFSET = 92;

/** Throws DATABASE_FULL, or DATABASE_CORRUPT when the result is not sound; the target is as it was then. */
export async function salvage(job: SalvageJob, report: ReportProgress): Promise<SalvageResult> {
  const startedAt = performance.now();
  const isTimeUp = (): boolean => performance.now() - startedAt > job.timeLimitMs;
  const folder = `${job.targetPath}.salvage`;
  await rm(folder, { recursive: true, force: true });
  try {
    await requireRoom(job);
    mkdirSync(folder, { mode: FOLDER_MODE });
    const work: Work = { damaged: join(folder, "damaged.db"), target: join(folder, "target.db") };
    report({ step: "copy" });
    copyFileSync(job.targetPath, work.target);
    if (!copyDamaged(job.damagedPath, work.damaged)) return nothing(startedAt, "the damaged file is not there");
    const database = openBoth(work);
    if (!database) return nothing(startedAt, "nothing in the damaged file can be recognised");
    if (!isNewer(database, job.isNewerIfUnknown)) {
      database.close();
      return nothing(startedAt, "the damaged file has nothing newer than what was restored");
    }
    const outcome = await readAndMerge(database, isTimeUp, report);
    report({ step: "check" });
    await complete(work.target, job.targetPath);
    return { ...outcome, isTimeUp: isTimeUp(), durationMs: Math.round(performance.now() - startedAt) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Work {
  readonly damaged: string;
  readonly target: string;
}

function nothing(startedAt: number, problem: string): SalvageResult {
  const durationMs = Math.round(performance.now() - startedAt);
  return { tables: {}, problems: [problem], isTimeUp: false, durationMs };
}

async function requireRoom({ damagedPath, targetPath }: SalvageJob): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(targetPath));
  const { size } = statSync(targetPath);
  const neededBytes = size * 2 + RESERVE_BYTES;
  if (bavail * bsize >= neededBytes) return;
  throw new MusterError("DATABASE_FULL", `salvage rows of ${damagedPath}: there is no room to work on copies`, {
    hint: "Free space on the disk that holds the database.",
  });
}

/** False when there is nothing to copy. */
function copyDamaged(source: string, target: string): boolean {
  if (!existsSync(source) && !existsSync(`${source}-wal`)) return false;
  if (existsSync(source)) copyFileSync(source, target);
  else closeSync(openSync(target, "w"));
  if (existsSync(`${source}-wal`)) copyFileSync(`${source}-wal`, `${target}-wal`);
  return true;
}

/**
 * The damaged file as it is; else with the file header of the restored one, which has the same origin, or with its whole
 * first page, which says where each table begins. Undefined when it is not recognised with any of these.
 */
function openBoth(work: Work): Database.Database | undefined {
  for (const headBytes of [0, FILE_HEADER_BYTES, Infinity]) {
    if (headBytes > 0) replaceHead(work, headBytes);
    const database = new Database(work.target, { fileMustExist: true });
    try {
      database.pragma("foreign_keys = OFF");
      database.pragma("synchronous = OFF");
      database.pragma("cell_size_check = ON");
      database.prepare("ATTACH ? AS damaged").run(work.damaged);
      const known = database.prepare("SELECT count(*) FROM damaged.sqlite_schema WHERE type = 'table'").pluck().get();
      if ((known as number) > 0) return database;
    } catch (error) {
      requireDamage(error);
    }
    database.close();
  }
  return undefined;
}

/**
 * Rows of an earlier state would undo what was restored. Every write leaves an id in the ledger of its database, and
 * only the oldest ones are pruned, so the newest id that just one of the two has is of a write that the other lacks. What
 * both have tells nothing: while a clock was ahead it gave ids that sort behind those of all later writes.
 */
function isNewer(database: Database.Database, ifUnknown: boolean): boolean {
  const listNewestFirst = (schema: string): IterableIterator<string> =>
    database.prepare<[], string>(`SELECT id FROM ${schema}.applied_operation ORDER BY id DESC`).pluck().iterate();
  try {
    const restoredIds = Iterator.from(listNewestFirst("main"));
    try {
      for (const damaged of listNewestFirst("damaged")) {
        const { value: restored, done } = restoredIds.next();
        if (done || damaged !== restored) return done || damaged > restored;
      }
      return false;
    } finally {
      restoredIds.return?.();
    }
  } catch (error) {
    requireDamage(error);
    return ifUnknown;
  }
}

function replaceHead({ damaged, target }: Work, headBytes: number): void {
  const head = Buffer.alloc(65_536);
  const source = openSync(target, "r");
  const readBytes = readSync(source, head, 0, head.length, 0);
  closeSync(source);
  const pageBytes = head.readUInt16BE(PAGE_SIZE_OFFSET) === 1 ? 65_536 : head.readUInt16BE(PAGE_SIZE_OFFSET);
  head.writeUInt32BE((head.readUInt32BE(CHANGE_COUNTER_OFFSET) + 1) >>> 0, VALID_FOR_OFFSET);
  const handle = openSync(damaged, "r+");
  writeSync(handle, head, 0, Math.min(headBytes, pageBytes, readBytes), 0);
  closeSync(handle);
}

async function readAndMerge(
  database: Database.Database,
  isTimeUp: () => boolean,
  report: ReportProgress,
): Promise<Pick<SalvageResult, "tables" | "problems">> {
  const tables: Record<string, SalvagedTable> = {};
  const problems: string[] = [];
  try {
    const merger = new SalvageMerger(database);
    const names = await merger.listTables();
    for (const [index, name] of names.entries()) {
      report({ step: "read", share: index / names.length });
      if (isTimeUp()) {
        problems.push(`there was no time left for the table ${name}`);
        continue;
      }
      try {
        tables[name] = await salvageTable(database, merger, name, isTimeUp);
      } catch (error) {
        requireDamage(error);
        problems.push(`the table ${name}: ${toError(error).message}`);
      }
    }
    for (const [table, count] of Object.entries(await merger.setOrphansAside())) {
      const known = tables[table];
      if (known) tables[table] = { ...known, setAsideCount: known.setAsideCount + count };
    }
    database.exec("DROP TABLE IF EXISTS temp.stage");
    database.exec("DETACH damaged");
  } finally {
    database.close();
  }
  return { tables, problems };
}

async function salvageTable(
  database: Database.Database,
  merger: SalvageMerger,
  name: string,
  isTimeUp: () => boolean,
): Promise<SalvagedTable> {
  const shape = await describeTable(asTransaction(database), name);
  if (!shape) throw new MusterError("INTERNAL", `salvage ${name}: it is no table of rows`);
  const found = database
    .prepare<[string], string>("SELECT name FROM pragma_table_info(?, 'damaged')")
    .pluck()
    .all(name);
  const columns = shape.columns.filter((column) => found.includes(column));
  if (columns.length === 0) throw new Database.SqliteError("it is not in the damaged file", "SQLITE_CORRUPT");
  const reading = stageTable({ database, shape, columns, isTimeUp });
  const merged = await merger.merge(shape, columns);
  return {
    ...merged,
    readCount: reading.readCount,
    unreadableCount: reading.unreadableCount,
    isWhole: reading.isWhole,
  };
}

async function complete(work: string, targetPath: string): Promise<void> {
  const { lines } = checkIntegrity({ kind: "integrity-check", path: work, depth: "full" }, () => undefined);
  if (!isSound(lines)) {
    const findings = lines.slice(0, 3).join("; ");
    throw new MusterError("DATABASE_CORRUPT", `salvage rows: what they were put into is not sound: ${findings}`);
  }
  for (const suffix of ["-wal", "-shm"]) await rm(work + suffix, { force: true });
  const handle = openSync(work, "r+");
  fsyncSync(handle);
  closeSync(handle);
  await rename(work, targetPath);
  await syncFolder(dirname(targetPath));
}
