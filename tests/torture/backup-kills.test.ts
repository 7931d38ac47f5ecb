import { killAroundBackups, loseEverything, NOTHING_LOST } from "../helpers/backup-kills.ts";

const KILL_COUNT = 100;
const LOSS_COUNT = 15;

const randomMs = (limitMs: number): number => Math.random() * limitMs;

describe("backups around kill -9", () => {
  it(`lose nothing, and the archive goes on, whatever job or checkpoint ${KILL_COUNT} kills interrupt`, async () => {
    const findings = await killAroundBackups(KILL_COUNT);
    const { acknowledgedCount, interrupted } = findings;
    process.stderr.write(`${KILL_COUNT} kills: ${JSON.stringify({ acknowledgedCount, interrupted })}\n`);
    expect(findings).toMatchObject(NOTHING_LOST);
  });
});

describe("the newest state in the backups, when everything else is lost", () => {
  it("has every acknowledged write with an interval of 0", async () => {
    let acknowledged = 0;
    for (let loss = 0; loss < LOSS_COUNT; loss++) {
      const { acknowledgedCount, missingForMs, doubled } = await loseEverything(0, randomMs(2_000));
      expect({ missingForMs, doubled }).toEqual({ missingForMs: [], doubled: [] });
      acknowledged += acknowledgedCount;
    }
    process.stderr.write(`${LOSS_COUNT} losses: ${acknowledged} acknowledged, 0 missing\n`);
  });

  it("lacks only what was acknowledged within the interval before", async () => {
    const longestMs: number[] = [];
    for (let loss = 0; loss < LOSS_COUNT; loss++) {
      const { missingForMs, doubled } = await loseEverything(1_000, 1_000 + randomMs(2_000));
      longestMs.push(Math.max(0, ...missingForMs));
      expect(doubled).toEqual([]);
    }
    process.stderr.write(`${LOSS_COUNT} losses: missing at most for ${longestMs.sort((a, b) => a - b).join(" ")} ms\n`);
    expect(Math.max(...longestMs)).toBeLessThan(1_300);
  });
});
