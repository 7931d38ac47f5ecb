import { withFolder } from "../helpers/database.ts";
import { killAtRandom } from "../helpers/torture-kills.ts";
import { NOTHING_LOST } from "../helpers/torture-process.ts";

/** `npm run torture:cases` kills it fifty times. */
const KILL_COUNT = 2;

describe("a process that is killed while it writes, queues and applies what was queued", () => {
  it("leaves every acknowledged and every queued write in the database exactly once", async () => {
    await withFolder(async (folder) => {
      const { tally, findings } = await killAtRandom(folder, KILL_COUNT);
      expect(findings).toEqual(NOTHING_LOST);
      expect(tally.acknowledged.size).toBeGreaterThanOrEqual(KILL_COUNT);
    });
  }, 90_000);
});
