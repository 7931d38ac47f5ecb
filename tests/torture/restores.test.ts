import { compareUnderLoad } from "../helpers/restores-under-load.ts";

const ROUNDS = 10;
const INSTANTS_PER_ROUND = 100;

describe("instants of a long time of writes, checkpoints, kills and sealing", () => {
  it(`are restored exactly, ${ROUNDS * INSTANTS_PER_ROUND} of them`, async () => {
    const totals = { acknowledged: 0, segments: 0, generations: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const findings = await compareUnderLoad({ lives: 4, lifeMs: 1_500, instants: INSTANTS_PER_ROUND });
      expect(findings.gaps).toEqual([]);
      expect(findings.differences).toEqual([]);
      totals.acknowledged += findings.acknowledgedCount;
      totals.segments += findings.segmentCount;
      totals.generations += findings.generationCount;
    }
    process.stderr.write(`${ROUNDS * INSTANTS_PER_ROUND} instants: ${JSON.stringify(totals)}\n`);
  });
});
