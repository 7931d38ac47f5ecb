import { copyFileSync, existsSync, readdirSync, renameSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { until, withFolder } from "../helpers/database.ts";
import { databasePathIn, type TortureFolders } from "../helpers/torture-database.ts";
import { inspectAfterTorture, NOTHING_LOST, TortureProcess, TortureTally } from "../helpers/torture-process.ts";

const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));
const foldersIn = (folder: string): TortureFolders => ({ database: folder, spool: join(folder, "spool") });

describe("a database file that is emptied in place under the running service", () => {
  it("is offline with the reason, writes nothing into it, keeps what is left, and goes on with a copy that is put back", async () => {
    await withFolder(async (folder) => {
      const folders = foldersIn(folder);
      const path = databasePathIn(folders);
      const goodCopy = join(folder, "copy.db");
      const before = new TortureTally();
      const first = await TortureProcess.start(folders, before);
      await pause(300);
      // Closing moves everything into the file itself.
      await first.stop();
      copyFileSync(path, goodCopy);

      const unsure = new TortureTally();
      unsure.processCount = 10;
      const second = await TortureProcess.start(folders, unsure);
      try {
        truncateSync(path, 0);
        // A read may meet the empty file first, and say that it is no database.
        await until(() => second.state === "offline" && [...unsure.reasons].join().includes("emptied"), 40_000);
        await until(() => !existsSync(path), 30_000);
        const [moment] = readdirSync(join(folder, "quarantine"));
        const kept = join(folder, "quarantine", moment!);
        expect(readdirSync(kept).sort()).toContain("test.db-wal");
        expect(statSync(join(kept, "test.db")).size).toBe(0);

        // From here on everything is queued.
        const queuedBefore = new Set(unsure.acknowledged);
        await pause(700);
        expect(existsSync(path)).toBe(false);
        renameSync(goodCopy, path);
        await second.awaitNormal(40_000);
        await second.stop();

        const later = new TortureTally();
        later.acknowledged = new Set([...unsure.acknowledged].filter((number) => !queuedBefore.has(number)));
        expect(later.acknowledged.size).toBeGreaterThan(0);
        expect(await inspectAfterTorture(folders, before)).toEqual(NOTHING_LOST);
        expect(await inspectAfterTorture(folders, later)).toEqual(NOTHING_LOST);
      } finally {
        if (second.isRunning) await second.kill();
      }
    });
  }, 90_000);

  it("loses nothing when all of its content is still in the log beside it", async () => {
    await withFolder(async (folder) => {
      const folders = foldersIn(folder);
      const tally = new TortureTally();
      const service = await TortureProcess.start(folders, tally);
      try {
        truncateSync(databasePathIn(folders), 0);
        await until(() => tally.states.has("offline"), 40_000);
        await service.awaitNormal(40_000);
        await service.stop();
        expect(await inspectAfterTorture(folders, tally)).toEqual(NOTHING_LOST);
      } finally {
        if (service.isRunning) await service.kill();
      }
    });
  }, 90_000);
});
