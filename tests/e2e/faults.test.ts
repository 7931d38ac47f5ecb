import { withFolder } from "../helpers/database.ts";
import { killAtRandom } from "../helpers/torture-kills.ts";
import { NOTHING_LOST } from "../helpers/torture-process.ts";

describe("a process that is killed while it writes, queues and applies what was queued", () => {
  it("leaves every acknowledged and every queued write in the database exactly once", async () => {
    await withFolder(async (folder) => {
      const { tally, findings } = await killAtRandom(folder, 5);
      expect(findings).toEqual(NOTHING_LOST);
      expect(tally.acknowledged.size).toBeGreaterThan(100);
    });
  }, 90_000);
});
