import { compareUnderLoad } from "../../helpers/restores-under-load.ts";

describe("any instant of a time of writes, checkpoints, kills and sealing", () => {
  it("is restored with all that was acknowledged by then, and nothing that was asked for later", async () => {
    const { differences, instantCount, segmentCount } = await compareUnderLoad({ lives: 3, lifeMs: 700, instants: 30 });
    expect(differences).toEqual([]);
    expect(instantCount).toBe(30);
    // The log was begun anew meanwhile.
    expect(segmentCount).toBeGreaterThan(3);
  }, 120_000);
});
