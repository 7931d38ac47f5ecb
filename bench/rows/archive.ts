import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { MaintenanceRunner } from "../../src/database/maintenance/maintenance-runner.ts";
import { pause, type Bench, type Findings, type Row } from "../harness.ts";
import { spreadOf, type Spread } from "../processes/load.ts";
import { startBot } from "./muster.ts";

const WRITES_PER_SECOND = 1_000;
const LOOK_EVERY_MS = 5;
const TAIL_BYTES = 4_096;
const LAG_GOAL_MS = 1_200;

interface Line {
  readonly kind?: string;
  readonly at?: number;
}

/** When the newest commit was made that the archive's index tells of, epoch milliseconds. */
class ArchiveEye {
  readonly #folder: string;
  #bytes = -1;
  #at = 0;

  constructor(backupFolder: string) {
    this.#folder = join(backupFolder, "wal");
  }

  look(): number {
    const generation = readdirSync(this.#folder).toSorted().at(-1);
    if (generation === undefined) return 0;
    const path = join(this.#folder, generation, "index.ndjson");
    const { size } = statSync(path);
    if (size === this.#bytes) return this.#at;
    this.#bytes = size;
    for (const text of readTail(path, size).split("\n").toReversed()) {
      const at = readCommitTime(text);
      if (at !== undefined) return (this.#at = at);
    }
    return this.#at;
  }
}

/** The last lines; looking at all of them 200 times a second would be a load of its own. */
function readTail(path: string, size: number): string {
  const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
  const handle = openSync(path, "r");
  try {
    const count = readSync(handle, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, count);
  } finally {
    closeSync(handle);
  }
}

function readCommitTime(text: string): number | undefined {
  const start = text.indexOf("{");
  if (start < 0) return undefined;
  try {
    const line = JSON.parse(text.slice(start, text.lastIndexOf("}") + 1)) as Line;
    return line.kind === "commit" ? line.at : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes come without a pause, so what the archive lacks is as old as its newest commit: from the first one on that was
 * made under this load, before which nothing was lacking.
 */
async function watchLag(eye: ArchiveEye, loadedAt: number, durationMs: number): Promise<Spread> {
  while (eye.look() < loadedAt) await pause(LOOK_EVERY_MS);
  const lags: number[] = [];
  const endAt = performance.now() + durationMs;
  while (performance.now() < endAt) {
    lags.push(Date.now() - eye.look());
    await pause(LOOK_EVERY_MS);
  }
  return spreadOf(lags);
}

/** Kills the bot in the middle of its writes and gives its database away; what does the archive bring back? */
async function countLost(bench: Bench, interval: string): Promise<{ lost: number; acknowledged: number; lag: Spread }> {
  const settings = { DB_ARCHIVE_INTERVAL: interval };
  const { bot, sandbox, folder, databasePath } = await startBot(bench, { name: "killed", settings });
  await bot.call("prepare");
  await bot.call("settle");
  await bot.call("backUp");
  const journal = join(folder, "journal");
  await bot.call("journal", journal);
  const loadedAt = Date.now();
  await bot.call("startLoad", WRITES_PER_SECOND);
  const backupFolder = join(folder, "backups");
  const lag = await watchLag(new ArchiveEye(backupFolder), loadedAt, bench.choose(20_000, 4_000));
  await bot.kill();
  await bench.stop(sandbox);
  for (const suffix of ["", "-wal", "-shm"]) await rename(databasePath + suffix, join(folder, `gone.db${suffix}`));
  const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
  const target = { kind: "newest" } as const;
  const { path } = await runner.run({ kind: "restore", databasePath, backupFolder, target });
  const lines = readFileSync(journal, "utf8").split("\n").slice(0, -1);
  const fill = bench.start("fill.ts");
  const userIds = lines.map((line) => line.split(" ")[0]!);
  const lost = await fill.call<number>("countMissing", { path, userIds });
  await bench.stop(fill);
  return { lost, acknowledged: lines.length, lag };
}

async function measureArchive(bench: Bench): Promise<Findings> {
  const atDefault: Awaited<ReturnType<typeof countLost>>[] = [];
  const atZero: Awaited<ReturnType<typeof countLost>>[] = [];
  await bench.interleave({
    "interval of 1 s": async () => atDefault.push(await countLost(bench, "1s")),
    "interval of 0": async () => atZero.push(await countLost(bench, "0")),
  });
  const lag = (name: keyof Spread): number[] => atDefault.map((one) => one.lag[name]);
  return {
    figures: [
      { subject: "lag at 1 s, p50", unit: "ms", samples: lag("p50") },
      { subject: "lag at 1 s, p99", unit: "ms", samples: lag("p99"), goal: { of: "value", atMost: LAG_GOAL_MS } },
      { subject: "lag at 1 s, longest", unit: "ms", samples: lag("max"), summary: "worst" },
      {
        ...{ subject: "lost at 0, of all acknowledged", unit: "count", samples: atZero.map(({ lost }) => lost) },
        ...{ summary: "worst", goal: { of: "value", atMost: 0 } },
      },
      { subject: "acknowledged at 0", unit: "count", samples: atZero.map(({ acknowledged }) => acknowledged) },
      { subject: "lost at 1 s, of all acknowledged", unit: "count", samples: atDefault.map(({ lost }) => lost) },
      { subject: "acknowledged at 1 s", unit: "count", samples: atDefault.map(({ acknowledged }) => acknowledged) },
    ],
    notes: [
      "1,000 writes/s; every 5 ms the age of the newest commit that the archive's index tells of",
      "lost: the bot is killed, its database with -wal and -shm is taken away, and the newest state is restored from snapshot and archive alone; that is the loss of the whole disk that holds the database. A kill alone loses nothing at any interval",
    ],
  };
}

export const archiveRow: Row = { name: "archive", title: "How far the archive lags behind", run: measureArchive };
