import { readdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { databasePathIn, type TortureFolders } from "./torture-database.ts";
import { inspectAfterTorture, TortureProcess, TortureTally, type TortureFindings } from "./torture-process.ts";

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));
/** Longer than a call waits for the lock: then the writes are queued. */
const LOCK_MS = 900;
const FREE_MS = 1_200;

/** Another program that takes the write lock now and then, until `isOver`. */
async function lockNowAndThen(path: string, isOver: () => boolean): Promise<void> {
  const other = new Database(path, { timeout: 0 });
  try {
    while (!isOver()) {
      try {
        other.exec("BEGIN IMMEDIATE");
        await pause(Math.random() * LOCK_MS);
      } catch {
        // Somebody is writing: the next try gets it.
        await pause(1);
        continue;
      }
      other.exec("ROLLBACK");
      await pause(Math.random() * FREE_MS);
    }
  } finally {
    other.close();
  }
}

export interface KillResult {
  readonly tally: TortureTally;
  readonly findings: TortureFindings;
  /** Kills after which writes waited in the queue. */
  readonly killsWithQueue: number;
}

/** Starts the same service again and again, and kills it at a moment of chance while it writes, queues and replays. */
export async function killAtRandom(folder: string, killCount: number): Promise<KillResult> {
  const folders: TortureFolders = { database: folder, spool: join(folder, "spool") };
  const tally = new TortureTally();
  let killsWithQueue = 0;
  for (let kill = 0; kill < killCount; kill++) {
    const process = await TortureProcess.start(folders, tally);
    let isOver = false;
    const locking = lockNowAndThen(databasePathIn(folders), () => isOver);
    await pause(Math.random() * 2_500);
    await process.kill();
    isOver = true;
    await locking;
    if (readdirSync(folders.spool).some((name) => name.startsWith("segment-"))) killsWithQueue++;
  }
  return { tally, findings: await inspectAfterTorture(folders, tally), killsWithQueue };
}
