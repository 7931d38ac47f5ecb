import { randomInt } from "node:crypto";
import { Campaign, type CampaignRound } from "./torture/run/campaign.ts";
import { findFaults } from "./torture/run/plan.ts";
import { describeFailure } from "./torture/run/report.ts";

/** Those that are over soon; `npm run torture` has all of them. */
const FAULTS = ["kill -9 at random", "thread ends", "database emptied", "gateway closes", "session invalid"];
const FIXED_SEED = 9;
const LOAD_MS = 1_500;
const EXTRA_OPTIONS = ` --load ${LOAD_MS / 1_000} --most 1 --faults "${FAULTS.join(",")}"`;

async function torture(seed: number): Promise<CampaignRound[]> {
  const campaign = new Campaign({
    ...{ seed, first: 1, maxRounds: 1, durationMs: Infinity, loadMs: LOAD_MS, maxFaults: 1 },
    faults: findFaults(FAULTS),
    onRound: () => undefined,
  });
  return campaign.run();
}

describe("a round of torture", () => {
  it.each([
    ["a fixed seed", FIXED_SEED],
    ["a random seed", randomInt(2 ** 31)],
  ])("finds everything that was acknowledged, with %s: %i", async (_which, seed) => {
    const rounds = await torture(seed);
    expect(
      rounds.flatMap((round) => (round.findings.length === 0 ? [] : describeFailure(round, EXTRA_OPTIONS))),
    ).toEqual([]);
    expect(rounds[0]!.acknowledgedCount).toBeGreaterThan(0);
  });
});
