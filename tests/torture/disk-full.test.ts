import { join } from "node:path";
import { withFolder } from "../helpers/database.ts";
import { fillDisk, withTmpfs } from "../helpers/full-disk.ts";
import type { TortureFolders } from "../helpers/torture-database.ts";
import { inspectAfterTorture, NOTHING_LOST, TortureProcess, TortureTally } from "../helpers/torture-process.ts";
import { reportTorture, STALL_LIMIT_MS } from "../helpers/torture-report.ts";

const ROUNDS = 10;
const FULL_MS = 2_500;
const BETWEEN_MS = 1_500;
/** After the disk has space again. */
const NORMAL_WITHIN_MS = 20_000;

const isRoot = process.getuid?.() === 0;
const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));

async function fillAndFree(fault: string, folders: TortureFolders, mountPoint: string): Promise<TortureTally> {
  const tally = new TortureTally();
  const normalAfterSeconds: number[] = [];
  const process = await TortureProcess.start(folders, tally);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await pause(BETWEEN_MS);
      const free = fillDisk(mountPoint);
      // Also after what fails in between: the next test needs the disk.
      try {
        await pause(FULL_MS);
      } finally {
        free();
      }
      normalAfterSeconds.push(await process.awaitNormal(NORMAL_WITHIN_MS));
    }
  } catch (error) {
    await process.kill();
    throw new Error(`${[...tally.reasons].join("\n")}`, { cause: error });
  }
  await process.stop();
  const findings = await inspectAfterTorture(folders, tally);
  reportTorture({ fault, rounds: ROUNDS, tally, findings, normalAfterSeconds });
  expect(findings).toEqual(NOTHING_LOST);
  expect(tally.longestStallMs).toBeLessThan(STALL_LIMIT_MS);
  expect(tally.states).toContain("read-only");
  expect(tally.failedReadsByCode).toEqual(new Map());
  return tally;
}

(isRoot ? describe : describe.skip)("a disk that is full and has space again, ten times under load", () => {
  it("takes neither reads nor acknowledged writes with it, and what cannot be queued either is refused", async () => {
    await withFolder((folder) =>
      withTmpfs(folder, 8, async (disk) => {
        const folders = { database: disk, spool: join(disk, "spool") };
        const tally = await fillAndFree("database and spool on a full disk", folders, disk);
        expect([...tally.refusedByCode.keys()]).toEqual(["QUEUE_WRITE_FAILED"]);
      }),
    );
  });

  async function keepQueueElsewhere(sizeMb: number): Promise<void> {
    await withFolder((folder) =>
      withTmpfs(folder, sizeMb, async (disk) => {
        const folders = { database: disk, spool: join(folder, "spool") };
        const tally = await fillAndFree(`database on a full disk of ${sizeMb} MB, spool elsewhere`, folders, disk);
        expect(tally.refusedByCode).toEqual(new Map());
        expect(tally.queuedCount).toBeGreaterThan(0);
      }),
    );
  }

  it("refuses no write when the queue is on another disk", () => keepQueueElsewhere(64));

  // The log beside the database could fill this one by itself while the queue is applied.
  it("is normal again soon on a disk that the applied queue's own log can fill", () => keepQueueElsewhere(8));
});
