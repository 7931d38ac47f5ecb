import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { listGenerationsSync } from "../../src/database/backup/archive-index.ts";
import { sealSegments } from "../../src/database/backup/seal-segments.ts";
import { ArchivedDatabase, ArchivedProcess, NO_DIFFERENCE, type Comparison } from "./archived-process.ts";
import { withFolder } from "./database.ts";
import { silentProgress } from "./silent-progress.ts";

/** Between the time that a snapshot has and the last commit that it may contain. */
const PINNING_MS = 50;

export interface LoadPlan {
  /** Processes, one after another; all but the last are killed. */
  readonly lives: number;
  readonly lifeMs: number;
  readonly instants: number;
}

export interface LoadFindings {
  readonly differences: readonly (Comparison & { readonly at: number; readonly warnings: readonly string[] })[];
  readonly instantCount: number;
  readonly acknowledgedCount: number;
  readonly segmentCount: number;
  readonly generationCount: number;
  /** Why generations began. */
  readonly gaps: readonly string[];
}

/** What a backup and its archive meet in a bot's life: readers, the end of a thread, sealing, a snapshot. */
async function disturb(
  database: ArchivedDatabase,
  process: ArchivedProcess,
  { lifeMs, isCrashing }: { readonly lifeMs: number; readonly isCrashing: boolean },
): Promise<void> {
  await pause(lifeMs / 4);
  const firstSegment = process.status?.segment;
  const reader = new Database(database.path, { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM ledger").get();
  await pause(lifeMs / 4);
  reader.close();
  if (isCrashing) process.crashThread();
  await pause(lifeMs / 4);
  const { status } = process;
  // Just after the thread has ended it may have no place yet.
  if (status && status.generation !== "") {
    const { generation, segment } = status;
    const job = { kind: "seal-segments", backupFolder: database.backups, compression: "zstd" } as const;
    await sealSegments({ ...job, writing: { generation, segment } }, silentProgress);
  }
  await pause(lifeMs / 4);
  // The log is begun anew in each life, however slow the disk is.
  for (let waitedMs = 0; waitedMs < 20_000 && process.status?.segment === firstSegment; waitedMs += 20) await pause(20);
}

/** Has processes write to one database, then restores instants of that time, chosen by chance. */
export function compareUnderLoad({ lives, lifeMs, instants }: LoadPlan): Promise<LoadFindings> {
  return withFolder(async (folder) => {
    const database = new ArchivedDatabase(folder);
    let firstAt = 0;
    const gaps = new Set<string>();
    for (let life = 0; life < lives; life++) {
      // What a kill keeps from being archived at its time has none of its own: it comes back with the last of it. Where
      // everything is archived before it is acknowledged, every instant is exact, whatever is killed.
      const isKilled = life < lives - 1;
      const process = await ArchivedProcess.start(database, { intervalMs: isKilled ? 0 : 100 });
      // A snapshot without an archive to go on with would be all that there is.
      while (!process.status?.generation) await pause(10);
      if (life < 2) {
        const { manifest } = await database.jobs.run(database.snapshotJob());
        firstAt ||= manifest.createdAt + PINNING_MS;
      }
      await disturb(database, process, { lifeMs, isCrashing: isKilled });
      if (isKilled) await process.kill();
      else await process.stop();
      for (const { gap } of process.statuses) if (gap !== undefined) gaps.add(gap);
    }
    const acknowledged = database.readAcknowledged();
    const lastAt = acknowledged.at(-1)!.at;
    const differences: LoadFindings["differences"][number][] = [];
    for (let count = 0; count < instants; count++) {
      const at = firstAt + Math.floor(Math.random() * (lastAt - firstAt));
      const found = await database.compareAt(at, acknowledged);
      if (JSON.stringify({ ...found, warnings: [] }) !== JSON.stringify({ ...NO_DIFFERENCE, warnings: [] })) {
        differences.push({ ...found, at });
      }
    }
    const archiveFolder = join(database.backups, "wal");
    const generations = listGenerationsSync(archiveFolder);
    const segmentCount = generations.flatMap((name) => readdirSync(join(archiveFolder, name))).length;
    return {
      ...{ differences, instantCount: instants, acknowledgedCount: acknowledged.length },
      ...{ segmentCount: segmentCount - generations.length, generationCount: generations.length },
      ...{ gaps: [...gaps] },
    };
  });
}
