import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { createId } from "../../../src/core/ids.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { executeRestore } from "../../../src/database/backup/execute-restore.ts";
import { OperationQueue } from "../../../src/resilience/operation-queue.ts";
import { AuditFallback } from "../../../src/store/audit-fallback.ts";
import { recordedEntry } from "../../../src/store/audit.ts";
import { until, withRawConnection } from "../../helpers/database.ts";
import { silentProgress } from "../../helpers/silent-progress.ts";
import { createTortureDatabase, databasePathIn, type TortureFolders } from "../../helpers/torture-database.ts";
import { OWNER } from "../../store/fixtures.ts";
import type { Promises } from "./promises.ts";

/** What is wrong on a disk after a power cut; nothing, if all promises were kept. */
export interface Losses {
  /** Acknowledged, and neither in the database nor in its queue. */
  readonly writes: readonly number[];
  /** There more than once, or in one table only. */
  readonly doubled: readonly string[];
  readonly integrity: unknown;
  /** Said to be archived, and not in what the backups give back. */
  readonly archived: readonly number[];
  readonly auditEntries: readonly string[];
  readonly file: string;
}

export const NO_LOSSES: Losses = {
  ...{ writes: [], doubled: [], integrity: "ok", archived: [], auditEntries: [], file: "" },
};

export interface InspectionOptions {
  /** Of the archive, milliseconds. */
  readonly intervalMs: number;
  /** `layer`: opens everything anew, as the next start does. `files`: reads what is there, in a tenth of the time. */
  readonly depth: "layer" | "files";
}

export async function inspectDisk(
  disk: string,
  promises: Promises,
  { intervalMs, depth }: InspectionOptions,
): Promise<Losses> {
  const archived = await inspectBackups(disk, promises, intervalMs);
  const auditEntries = await inspectAuditEntries(join(disk, "data", "audit-fallback.ndjson"), promises);
  const file = inspectFile(join(disk, "data", "state.json"), promises);
  const folders = { database: join(disk, "data"), spool: join(disk, "data", "spool") };
  const path = databasePathIn(folders);
  // The memory that connections shared is left as it may be.
  if (existsSync(path)) writeFileSync(`${path}-shm`, Buffer.alloc(32_768, "garbage"));
  if (depth === "layer") await openLayer(folders, join(disk, "backups", "wal"), intervalMs);
  const waiting = depth === "layer" ? [] : await readQueue(folders.spool);
  return { ...inspectDatabase(path, promises, waiting), archived, auditEntries, file };
}

interface Row {
  readonly name: string;
  readonly value: number;
  readonly entries: number;
}

/** None before the first start has come so far. */
function readRows(path: string): Row[] {
  return withRawConnection(path, (raw) =>
    raw
      .prepare<[], Row>(
        "SELECT name, value, (SELECT count(*) FROM ledger WHERE ledger.name = counter.name) AS entries FROM counter",
      )
      .all(),
  );
}

function findMissing(wanted: Iterable<number>, rows: readonly Row[]): number[] {
  const present = new Set(rows.map(({ name }) => Number(name)));
  return [...wanted].filter((number) => !present.has(number));
}

/** Lets the next start do what it has to do, up to the last operation that waits. */
async function openLayer(folders: TortureFolders, archiveFolder: string, intervalMs: number): Promise<void> {
  const database = createTortureDatabase(folders);
  try {
    database.engine.setArchive({ folder: archiveFolder, intervalMs });
    await database.manager.start();
    await until(() => database.manager.health().queue.size === 0, 60_000);
  } finally {
    await database.close();
  }
}

/** Numbers of the writes that wait. */
async function readQueue(folder: string): Promise<number[]> {
  const waiting: number[] = [];
  const queue = new OperationQueue({
    ...{ folder, clock: systemClock, logger: silentLogger, maxRetries: () => 1 },
    async apply(operations) {
      for (const { parameters } of operations) waiting.push(...numbersIn(parameters));
      return operations.map(() => ({ kind: "applied" }));
    },
  });
  await queue.open();
  await queue.drain();
  await queue.close();
  return waiting;
}

/** What is queued is a call, whatever its form: its counters are numbers. */
function numbersIn(parameters: unknown): number[] {
  return [...JSON.stringify(parameters).matchAll(/"name":"(\d+)"/g)].map(([, number]) => Number(number));
}

function inspectDatabase(
  path: string,
  { acknowledged }: Promises,
  waiting: readonly number[],
): Pick<Losses, "writes" | "doubled" | "integrity"> {
  const rows = readRows(path);
  const isWaiting = new Set(waiting);
  return {
    writes: findMissing(acknowledged, rows).filter((number) => !isWaiting.has(number)),
    doubled: rows.filter(({ value, entries }) => value !== 1 || entries !== 1).map(({ name }) => name),
    integrity: withRawConnection(path, (raw) => raw.pragma("integrity_check", { simple: true })),
  };
}

/** What the backups alone give back, beside everything else. */
async function inspectBackups(disk: string, promises: Promises, intervalMs: number): Promise<number[]> {
  if (!promises.hasSnapshot) return [];
  const folder = join(disk, "restored");
  mkdirSync(folder);
  const { path } = await executeRestore(
    {
      ...{ kind: "restore", databasePath: join(folder, "test.db"), backupFolder: join(disk, "backups") },
      target: { kind: "newest" },
    },
    silentProgress,
  );
  renameSync(path, join(folder, "test.db"));
  return findMissing(promises.archived(intervalMs), readRows(join(folder, "test.db")));
}

async function inspectAuditEntries(path: string, { entries }: Promises): Promise<string[]> {
  const fallback = new AuditFallback({
    path,
    logger: silentLogger,
    // Of several lines that were being written, the end may be there and the begin not.
    createDamageEntry: (lineCount) => {
      const id = createId(0);
      const what = { guildId: OWNER, actorId: OWNER, action: "test.damaged", target: `${lineCount} damaged lines` };
      return recordedEntry.parse({ id, at: 0, ...what });
    },
  });
  await fallback.open();
  const targets = fallback.first(fallback.count).map(({ target }) => target ?? "");
  const present = new Set(targets);
  const missing = [...entries].map(String).filter((number) => !present.has(number));
  return present.size === targets.length ? missing : [...missing, "one is there twice"];
}

function inspectFile(path: string, { fileVersion }: Promises): string {
  if (!existsSync(path)) return fileVersion === 0 ? "" : "is not there";
  const content = readFileSync(path, "utf8");
  try {
    const { version } = JSON.parse(content) as { version: number };
    return version >= fileVersion ? "" : `is version ${version}, and ${fileVersion} was promised`;
  } catch {
    return `holds ${content.length} bytes that are not what was written`;
  }
}
