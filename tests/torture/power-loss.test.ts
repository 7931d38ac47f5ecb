import { withFolder } from "../helpers/database.ts";
import { findPreloadObstacle } from "../helpers/preload.ts";
import { cutPowerInExchange } from "./power-loss/exchange-cuts.ts";
import { cutPowerInLoad, promisesOf, runLoad } from "./power-loss/rounds.ts";

const obstacle = findPreloadObstacle();
const describeHere = obstacle === undefined ? describe : describe.skip;

/** Another journal each time, whatever the seed: a failing one is kept with the disks that were made of it. */
const SEED = Number(process.env.POWER_LOSS_SEED ?? Date.now() % 1_000_000);
const ROUND_COUNT = Number(process.env.POWER_LOSS_ROUNDS ?? 1);
/** Minutes for each round on a machine that has other work. */
const LIMIT_MS = ROUND_COUNT * 20 * 60_000;
const LAYER = { cutCount: 10, disksPerCut: 3, depth: "layer" } as const;
const FILES = { cutCount: 100, disksPerCut: 3, depth: "files" } as const;

describeHere(obstacle ?? "when the power is cut", () => {
  it.each([
    ["before a write is acknowledged", 0],
    ["each second", 1_000],
  ])(
    "everything that was acknowledged is there, with the archive written %s",
    async (_when, intervalMs) => {
      for (let seed = SEED; seed < SEED + ROUND_COUNT; seed++) {
        await withFolder(async (folder) => {
          const powered = await runLoad({ folder, intervalMs, lifeMs: Math.random() * 4_000, end: "kill" });
          const { acknowledged, queuedCount } = promisesOf(powered.reports);
          for (const cuts of [FILES, LAYER]) {
            const findings = await cutPowerInLoad(powered, { ...cuts, folder, seed, intervalMs });
            report({ fault: `power cut, archive at ${intervalMs} ms`, seed, ...cuts, lost: findings.length });
            expect(findings).toEqual([]);
          }
          report({ acknowledged: acknowledged.size, queued: queuedCount });
        });
      }
    },
    LIMIT_MS,
  );

  it(
    "the old database or the restored one is there, and the old one kept, wherever their exchange is cut",
    async () => {
      for (let seed = SEED; seed < SEED + ROUND_COUNT; seed++) {
        await withFolder(async (folder) => {
          const cuts = { disksPerCut: 10, depth: seed % 2 === 0 ? "layer" : "files" } as const;
          const { findings, states } = await cutPowerInExchange(folder, { ...cuts, seed });
          report({ fault: "power cut in an exchange", seed, ...cuts, lost: findings.length });
          expect(findings).toEqual([]);
          expect(states).toEqual(new Set(["present", "restored"]));
        });
      }
    },
    LIMIT_MS,
  );
});

function report(facts: Readonly<Record<string, unknown>>): void {
  process.stderr.write(`${JSON.stringify(facts)}\n`);
}
