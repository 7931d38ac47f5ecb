import { randomInt } from "node:crypto";
import * as fs from "node:fs";
import { Debugger, type DebuggedThread } from "./debugger.ts";
import type { DebuggerTarget, SaboteurAnswer, SaboteurJob, WriterJob } from "./saboteur-job.ts";

/**
 * The saboteur: a process of its own that gets one job as its only message and does it as any stranger on the same
 * machine could: with the file system, with a database library that is not the bot's, or with a debugger. It may use
 * node:sqlite because it is not the bot's process, where a second SQLite would undo the first one's locks. It ends with
 * its job, or with its parent.
 */

const LOCK_WAIT_MS = 5_000;
const DEFAULT_PAGE_BYTES = 4_096;
const WRITER_NAME = "muster-writer";
/** What SQLite allows when nobody asked for less. */
const MAX_PAGE_COUNT = 4_294_967_294;
const SCHEMA_PAGES = "SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'";
const DATABASE_PROTOTYPE = `process.getBuiltinModule("node:module").createRequire(process.argv[1])("better-sqlite3").prototype`;

function withCompanions(path: string): string[] {
  return [path, `${path}-wal`, `${path}-shm`];
}

async function holdLock(path: string): Promise<string> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(path, { timeout: LOCK_WAIT_MS });
  database.exec("BEGIN IMMEDIATE");
  // Neither committed nor closed: the lock goes with the process.
  process.on("message", () => database.isOpen);
  return "the write lock is held";
}

async function replace(path: string): Promise<string> {
  const { DatabaseSync } = await import("node:sqlite");
  const stranger = `${path}.stranger`;
  fs.rmSync(stranger, { force: true });
  const database = new DatabaseSync(stranger);
  database.exec("CREATE TABLE somebody_elses (note TEXT)");
  database.close();
  fs.renameSync(stranger, path);
  return "another database lies where the bot's was";
}

/** In the first byte, which says what kind of page it is: most others of a young database mean nothing. */
async function flipBits(path: string, pageCount: number): Promise<string> {
  const spared = await listSchemaPages(path);
  const file = fs.openSync(path, "r+");
  try {
    const pageBytes = readPageBytes(file);
    const total = Math.floor(fs.statSync(path).size / pageBytes);
    const pages = Array.from({ length: total }, (_, index) => index + 1).filter((page) => !spared.has(page));
    const hit = new Set<number>();
    while (hit.size < Math.min(pageCount, pages.length)) hit.add(pages[randomInt(pages.length)]!);
    for (const page of hit) flipBit(file, (page - 1) * pageBytes);
    fs.fsyncSync(file);
    return `one bit was flipped in each of ${hit.size} pages out of ${total}`;
  } finally {
    fs.closeSync(file);
  }
}

/**
 * Where the tables are described, page numbers from 1. A letter changed there is a different table, which looks as if
 * somebody had meant it, and the bot leaves that to a person. The connection stays open until the process ends: closed,
 * it could take the log away.
 */
async function listSchemaPages(path: string): Promise<Set<number>> {
  const { DatabaseSync } = await import("node:sqlite");
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    const rows = database.prepare(SCHEMA_PAGES).all() as { pageno: number }[];
    return new Set(rows.map(({ pageno }) => pageno));
  } catch {
    // Damaged already, so there is nothing to be careful about.
    return new Set();
  }
}

function readPageBytes(file: number): number {
  const header = Buffer.alloc(18);
  fs.readSync(file, header, 0, header.length, 0);
  // The largest size does not fit into the two bytes and is written as 1.
  const pageBytes = header.readUInt16BE(16);
  if (pageBytes === 1) return 65_536;
  return pageBytes === 0 ? DEFAULT_PAGE_BYTES : pageBytes;
}

function flipBit(file: number, offset: number): void {
  const byte = Buffer.alloc(1);
  fs.readSync(file, byte, 0, 1, offset);
  fs.writeSync(file, Buffer.of(byte[0]! ^ (1 << randomInt(8))), 0, 1, offset);
}

async function workOnWriter(job: WriterJob & DebuggerTarget): Promise<string> {
  const attached = await Debugger.attach(job);
  try {
    const writer = await attached.findThread(WRITER_NAME);
    if (!writer) throw new Error(`the process has no thread ${WRITER_NAME}`);
    return await treatWriter(job, writer);
  } finally {
    await attached.close();
  }
}

async function treatWriter(job: WriterJob, writer: DebuggedThread): Promise<string> {
  if (job.kind === "kill-writer") {
    // Behind the answer to the debugger, so that nothing catches it.
    writer.order(`setImmediate(() => { throw new Error("killed by a debugger"); })`);
    return "the writer thread was ended";
  }
  if (job.kind === "hang-writer") {
    writer.order(`Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${job.durationMs})`);
    return "the writer thread stands still";
  }
  const count = await writer.callOnInstances(
    DATABASE_PROTOTYPE,
    `function () {
      const open = this.filter((database) => database.open);
      for (const database of open) {
        const limit = ${job.isLimited} ? database.pragma("page_count", { simple: true }) : ${MAX_PAGE_COUNT};
        database.pragma("max_page_count = " + limit);
      }
      return open.length;
    }`,
  );
  if (count === 0) throw new Error("the writer thread has no database open");
  return job.isLimited ? "the database may not grow any more" : "there is room again";
}

function perform(job: SaboteurJob): Promise<string> | string {
  switch (job.kind) {
    case "hold-lock":
      return holdLock(job.path);
    case "delete":
      for (const path of withCompanions(job.path)) fs.rmSync(path, { force: true });
      return "the database file and what belongs to it are gone";
    case "empty":
      fs.truncateSync(job.path);
      return "the database file is empty";
    case "replace":
      return replace(job.path);
    case "flip-bits":
      return flipBits(job.path, job.pageCount);
    case "set-mode":
      for (const [path, mode] of Object.entries(job.modes)) if (fs.existsSync(path)) fs.chmodSync(path, mode);
      return "the permissions were changed";
    default:
      return workOnWriter(job);
  }
}

async function run(job: SaboteurJob): Promise<void> {
  let answer: SaboteurAnswer;
  try {
    answer = { answer: "done", text: await perform(job) };
  } catch (error) {
    answer = { answer: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
  const isHolding = job.kind === "hold-lock" && answer.answer === "done";
  process.send?.(answer, () => {
    if (!isHolding) leave();
  });
}

function leave(): void {
  process.kill(process.pid, "SIGKILL");
}

process.on("SIGINT", () => undefined);
// Whoever sent it is gone: nothing may go on without anybody who could end it.
process.once("disconnect", leave);
process.once("message", (job) => void run(job as SaboteurJob));
