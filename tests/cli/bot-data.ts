import type { ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { segmentName } from "../../src/database/backup/archive-index.ts";
import { createSnapshot } from "../../src/database/backup/create-snapshot.ts";
import { listSnapshots } from "../../src/database/backup/snapshot-catalogue.ts";
import { WalArchive } from "../../src/database/sqlite/wal-archive.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { withRawConnection } from "../helpers/database.ts";
import { createJobsBesideBot } from "../helpers/jobs-here.ts";

/** What a bot has left in a folder, and what it held in between. */
export interface BotData {
  readonly folder: string;
  readonly databasePath: string;
  readonly guildId: string;
  readonly snapshotId: string;
  /** Between the backup and the last change. */
  readonly middleAt: number;
  readonly middleContent: string;
  readonly lastContent: string;
}

/** Runs the real bot in a folder: an entry, a backup, a change, a pause, another change. The caller removes the folder. */
export async function makeBotData(folder: string): Promise<BotData> {
  const bot = await startTestBot({ dataFolder: folder, createMaintenance: createJobsBesideBot });
  const { databasePath, guildId } = bot;
  await append(bot, "before");
  const { id: snapshotId } = await bot.app.backups!.manager.create({ reason: "manual", comment: "the first" });
  await append(bot, "after");
  await bot.app.engine.flushArchive();
  await bot.stopApp();
  const middleContent = readContent(databasePath);
  const middleAt = Date.now() + 10;
  await new Promise((resolve) => setTimeout(resolve, 20));
  await bot.startApp();
  await append(bot, "last");
  await bot.stop();
  return {
    folder,
    databasePath,
    guildId,
    snapshotId,
    middleAt,
    middleContent,
    lastContent: readContent(databasePath),
  };
}

/**
 * What a bot leaves that is killed: a backup, a note that is archived, and another that only the database's log has.
 * `archivedAt`: between the two.
 */
export async function makeKilledBotData(
  folder: string,
): Promise<{ databasePath: string; archivedAt: number; segmentPath: string }> {
  const running = join(folder, "running");
  const [databasePath, backupFolder] = [join(running, "muster.db"), join(running, "backups")];
  mkdirSync(join(backupFolder, "wal"), { recursive: true });
  const archive = new WalArchive({ databasePath, folder: join(backupFolder, "wal"), now: () => Date.now() });
  archive.open();
  const database = new Database(databasePath);
  try {
    database.pragma("journal_mode = WAL");
    database.exec("CREATE TABLE note (id INTEGER PRIMARY KEY)");
    archive.flush();
    await createSnapshot(
      {
        ...{ kind: "create-snapshot", databasePath, backupFolder, reason: "manual", comment: "", compression: "zstd" },
        hasArchive: true,
      },
      () => undefined,
    );
    database.exec("INSERT INTO note VALUES (1)");
    archive.flush();
    const archivedAt = archive.status.archivedUntil! + 10;
    await new Promise((resolve) => setTimeout(resolve, 50));
    database.exec("INSERT INTO note VALUES (2)");
    // The files as they are while it is open, as a kill leaves them.
    for (const name of ["muster.db", "muster.db-wal", "backups"]) {
      cpSync(join(running, name), join(folder, name), { recursive: true });
    }
    const { generation } = archive.status;
    const segmentPath = join(folder, "backups/wal", generation, segmentName(1));
    return { databasePath: join(folder, "muster.db"), archivedAt, segmentPath };
  } finally {
    database.close();
    archive.close();
    rmSync(running, { recursive: true });
  }
}

function append(bot: TestBot, target: string): Promise<unknown> {
  return bot.store.audit.append({ guildId: bot.guildId, actorId: bot.ids.ownerId, action: "test.note", target });
}

/** Changes a byte in the middle of a file. */
export function damageFile(path: string): void {
  const content = readFileSync(path);
  const middle = Math.floor(content.length / 2);
  content[middle] = content[middle]! ^ 0xff;
  writeFileSync(path, content);
}

export async function damageSnapshot(folder: string, id: string): Promise<void> {
  const { snapshots } = await listSnapshots(join(folder, "backups"));
  damageFile(snapshots.find(({ manifest }) => manifest.id === id)!.dataPath);
}

/** Enough for a job to take a while, of what cannot be compressed. */
export function addBulk(databasePath: string): void {
  withRawConnection(databasePath, (raw) => {
    raw.exec("CREATE TABLE bulk (value BLOB)");
    const insert = raw.prepare("INSERT INTO bulk VALUES (randomblob(1000000))");
    raw.transaction(() => {
      for (let count = 0; count < 25; count++) insert.run();
    })();
  });
}

/** Waits for the work of a process to have begun; throws when it ends before. */
export async function untilFile(child: ChildProcess, isThere: () => boolean): Promise<void> {
  while (!isThere()) {
    if (child.exitCode !== null) throw new Error(`the process ended with ${child.exitCode} before it had begun`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Whether something of a restore that was begun is still there. */
export function hasRestoreLeftovers(databasePath: string): boolean {
  return [".restoring", ".prepared", ".offered", ".replacement"].some((suffix) => existsSync(databasePath + suffix));
}

/** Every row of every table, as text. */
export function readContent(path: string): string {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();
    const rowsOf = (name: unknown): string[] =>
      database
        .prepare<[], unknown[]>(`SELECT * FROM "${String(name)}"`)
        .raw()
        .all()
        .map((row) => JSON.stringify(row))
        .sort();
    return JSON.stringify(tables.map((name) => [name, rowsOf(name)]));
  } finally {
    database.close();
  }
}
