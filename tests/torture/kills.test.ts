import { withFolder } from "../helpers/database.ts";
import { killAtRandom } from "../helpers/torture-kills.ts";
import { NOTHING_LOST } from "../helpers/torture-process.ts";
import { reportTorture, STALL_LIMIT_MS } from "../helpers/torture-report.ts";

const KILL_COUNT = 50;

describe("kill -9 while the service writes, queues and applies what was queued", () => {
  it("leaves every acknowledged and every queued write in the database exactly once", async () => {
    await withFolder(async (folder) => {
      const { tally, findings, killsWithQueue } = await killAtRandom(folder, KILL_COUNT);
      reportTorture({ fault: `kill -9, ${killsWithQueue} of them with a queue`, rounds: KILL_COUNT, tally, findings });
      expect(findings).toEqual(NOTHING_LOST);
      expect(tally.longestStallMs).toBeLessThan(STALL_LIMIT_MS);
      // The kills met what they were to meet.
      expect(killsWithQueue).toBeGreaterThan(0);
      expect(tally.queuedCount).toBeGreaterThan(0);
    });
  });
});
