import { ENOUGH_COUNT, killAroundBackups, loseEverything, NOTHING_LOST } from "../../helpers/backup-kills.ts";

describe("backups around kill -9", () => {
  it("lose nothing, and the archive goes on, whatever job or checkpoint was interrupted", async () => {
    const findings = await killAroundBackups(5);
    expect(findings).toMatchObject(NOTHING_LOST);
    expect(findings.acknowledgedCount).toBeGreaterThan(ENOUGH_COUNT);
    expect(Object.keys(findings.interrupted)).not.toEqual([]);
  }, 120_000);
});

describe("the newest state in the backups, when everything else is lost", () => {
  it("has every acknowledged write with an interval of 0", async () => {
    const { acknowledgedCount, missingForMs, doubled } = await loseEverything(0, 300);
    expect(acknowledgedCount).toBeGreaterThan(ENOUGH_COUNT);
    expect({ missingForMs, doubled }).toEqual({ missingForMs: [], doubled: [] });
  }, 60_000);

  it("lacks only what was acknowledged within the interval before", async () => {
    const { missingForMs, doubled } = await loseEverything(300, 1_500);
    // A second more than the interval for a slow disk, and less than what was written in all.
    expect(Math.max(0, ...missingForMs)).toBeLessThan(1_300);
    expect(doubled).toEqual([]);
  }, 60_000);
});
