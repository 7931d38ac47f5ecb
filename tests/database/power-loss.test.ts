import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { withFolder } from "../helpers/database.ts";
import { findPreloadObstacle } from "../helpers/preload.ts";
import { compareFolders } from "../torture/power-loss/compare-folders.ts";
import { Disk } from "../torture/power-loss/disk.ts";
import { cutPowerInExchange } from "../torture/power-loss/exchange-cuts.ts";
import { cutPowerInLoad, promisesOf, runLoad } from "../torture/power-loss/rounds.ts";

const obstacle = findPreloadObstacle();
const describeHere = obstacle === undefined ? describe : describe.skip;
const seed = Date.now() % 1_000_000;

describeHere(obstacle ?? `when the power is cut (seed ${seed})`, () => {
  it("everything that was acknowledged is there: in the database, its queue, the backups and beside them", async () => {
    await withFolder(async (folder) => {
      const powered = await runLoad({ folder, intervalMs: 0, lifeMs: 0, end: "stop" });

      // The journal is complete: all of it together makes the very files.
      const whole = new Disk(powered.root);
      for (const record of powered.readJournal()) whole.apply(record);
      mkdirSync(join(folder, "whole"));
      whole.draw(join(folder, "whole"), { names: 1, content: 1 }, Math.random);
      expect(compareFolders(powered.root, join(folder, "whole"))).toEqual([]);

      const { acknowledged, queuedCount, fileVersion } = promisesOf(powered.reports);
      expect(acknowledged.size).toBeGreaterThan(50);
      expect(Math.min(queuedCount, fileVersion)).toBeGreaterThan(0);
      // Some of them may have been brought over and forgotten since.
      expect(powered.reports).toContainEqual(expect.objectContaining({ kind: "kept" }));
      const options = { folder, seed, intervalMs: 0 };
      expect(await cutPowerInLoad(powered, { ...options, cutCount: 5, disksPerCut: 1, depth: "files" })).toEqual([]);
      expect(await cutPowerInLoad(powered, { ...options, cutCount: 1, disksPerCut: 2, depth: "layer" })).toEqual([]);
    });
  });

  it("while a restored database takes its place, the old one or the new one is there, and the old one kept", async () => {
    await withFolder(async (folder) => {
      const options = { seed, disksPerCut: 5, depth: "files" } as const;
      const { findings, states } = await cutPowerInExchange(folder, options);
      expect(findings).toEqual([]);
      expect(states).toEqual(new Set(["present", "restored"]));
    });
  });
});
