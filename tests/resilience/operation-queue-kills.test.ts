import { withFolder } from "../helpers/database.ts";
import { killRepeatedly } from "../helpers/queue-process.ts";

describe("the operation queue of a process that is killed", () => {
  it("has everything that it acknowledged, once and in order, after 10 kills", async () => {
    await withFolder(async (folder) => {
      const { acknowledgedCount, ...report } = await killRepeatedly(folder, 10);
      expect(acknowledgedCount).toBeGreaterThan(20);
      expect(report).toMatchObject({ lost: [], doubled: [], overtaken: [], errors: [], remaining: 0 });
    });
  }, 120_000);
});
