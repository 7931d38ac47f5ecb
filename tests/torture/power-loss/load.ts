import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { writeFileDurably } from "../../../src/core/durable-file.ts";
import { createId } from "../../../src/core/ids.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { createSnapshot } from "../../../src/database/backup/create-snapshot.ts";
import { pruneSnapshots } from "../../../src/database/backup/prune-snapshots.ts";
import { AuditFallback } from "../../../src/store/audit-fallback.ts";
import { recordedEntry, type RecordedEntry } from "../../../src/store/audit.ts";
import { silentProgress } from "../../helpers/silent-progress.ts";
import { createTortureDatabase } from "../../helpers/torture-database.ts";
import { OWNER } from "../../store/fixtures.ts";
import type { LoadReport } from "./promises.ts";

/*
 * The process that loses its power: all that Muster keeps on a disk is written at once, and the parent is told of each
 * promise when it is made. Now and then the database is locked, so that writes are queued and applied later.
 */
const [root = "", intervalMs = "0"] = process.argv.slice(2);
const WRITER_COUNT = 3;
const [FREE_MS, LOCKED_MS] = [900, 700];

const send = (report: LoadReport): void => void process.send?.(report);
const data = join(root, "data");
const backupFolder = join(root, "backups");
mkdirSync(backupFolder, { recursive: true });
const database = createTortureDatabase({ database: data, spool: join(data, "spool") });
const { engine, manager, path } = database;
let isStopping = false;
let onNoted = (): void => undefined;
process.on("message", (command: "stop" | "noted") => {
  if (command === "noted") onNoted();
  else isStopping = true;
});
process.on("disconnect", () => process.exit(1));

async function repeat(action: () => Promise<void>): Promise<void> {
  while (!isStopping) await action();
}

let lastNumber = 0;
async function write(): Promise<void> {
  const number = ++lastNumber;
  const result = await manager.call("counter.add", { name: String(number), amount: 1 }).catch(() => "refused");
  if (result === "refused") return;
  send({ kind: result === undefined ? "queued" : "applied", number, at: Date.now() });
  await pause(Math.random() * 8);
}

let isLocked = false;
async function lockNowAndThen(): Promise<void> {
  const other = new Database(path, { timeout: 0 });
  await repeat(async () => {
    await pause(FREE_MS);
    try {
      other.exec("BEGIN IMMEDIATE");
    } catch {
      return;
    }
    isLocked = true;
    await pause(LOCKED_MS);
    other.exec("ROLLBACK");
    isLocked = false;
  });
  other.close();
}

async function backUp(): Promise<void> {
  await pause(300);
  if (isLocked || engine.archiveStatus?.generation === undefined || engine.archiveStatus.generation === "") return;
  const job = { databasePath: path, backupFolder, reason: "manual", comment: "", compression: "none" } as const;
  const { manifest } = await createSnapshot({ kind: "create-snapshot", ...job, hasArchive: true }, silentProgress);
  send({ kind: "snapshot", id: manifest.id });
  await pruneSnapshots(
    { kind: "prune-snapshots", backupFolder, policy: { newestCount: 1 }, isDryRun: false },
    silentProgress,
  );
}

const fallback = new AuditFallback({
  path: join(data, "audit-fallback.ndjson"),
  logger: silentLogger,
  createDamageEntry: (lineCount) => createEntry(`${lineCount} damaged lines`),
});
function createEntry(target: string): RecordedEntry {
  const at = Date.now();
  return recordedEntry.parse({ id: createId(at), at, guildId: OWNER, actorId: OWNER, action: "test.record", target });
}

let lastEntry = 0;
async function keepAuditEntries(): Promise<void> {
  const numbers = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, () => ++lastEntry);
  await fallback.append(numbers.map((number) => createEntry(String(number))));
  send({ kind: "kept", numbers });
  if (Math.random() < 0.05) {
    // First told, then done: from there on they may be gone.
    const noted = new Promise<void>((resolve) => (onNoted = resolve));
    send({ kind: "forgotten", until: lastEntry });
    await noted;
    fallback.forgetFirst(fallback.count);
    await fallback.removeIfEmpty();
  }
  await pause(Math.random() * 20);
}

let version = 0;
async function replaceFile(): Promise<void> {
  await writeFileDurably(join(data, "state.json"), JSON.stringify({ version: ++version, padding: "x".repeat(2_000) }));
  send({ kind: "file", version });
  await pause(Math.random() * 40);
}

engine.setArchive({ folder: join(backupFolder, "wal"), intervalMs: Number(intervalMs) });
await manager.start();
await fallback.open();
send({ kind: "started" });
const reporting = setInterval(() => {
  const { archivedUntil } = engine.archiveStatus ?? {};
  if (archivedUntil !== undefined) send({ kind: "archived", until: archivedUntil });
}, 50);
await Promise.all([
  ...Array.from({ length: WRITER_COUNT }, () => repeat(write)),
  ...[lockNowAndThen(), repeat(backUp), repeat(keepAuditEntries), repeat(replaceFile)],
]);
clearInterval(reporting);
await database.close();
process.disconnect();
