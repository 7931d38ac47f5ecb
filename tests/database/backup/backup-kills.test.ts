import { killAroundBackups, loseEverything, NOTHING_LOST } from "../../helpers/backup-kills.ts";

describe("backups around kill -9", () => {
  it("lose nothing, and the archive goes on, whatever job or checkpoint was interrupted", async () => {
    const findings = await killAroundBackups(5);
    expect(findings).toMatchObject(NOTHING_LOST);
    expect(findings.acknowledgedCount).toBeGreaterThan(100);
    expect(Object.keys(findings.interrupted)).not.toEqual([]);
  }, 120_000);
});

describe("the newest state in the backups, when everything else is lost", () => {
  it("has every acknowledged write with an interval of 0", async () => {
    const { acknowledgedCount, missingForMs, doubled } = await loseEverything(0, 300);
    expect(acknowledgedCount).toBeGreaterThan(50);
    expect({ missingForMs, doubled }).toEqual({ missingForMs: [], doubled: [] });
  }, 60_000);

  it("lacks only what was acknowledged within the interval before", async () => {
    const { missingForMs, doubled } = await loseEverything(300, 500);
    expect(Math.max(0, ...missingForMs)).toBeLessThan(500);
    expect(doubled).toEqual([]);
  }, 60_000);
});
