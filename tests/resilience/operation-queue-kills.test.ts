import { withFolder } from "../helpers/database.ts";
import { killRepeatedly } from "../helpers/queue-process.ts";

/** Torture has a hundred. */
describe("the operation queue of a process that is killed", () => {
  it("has everything that it acknowledged, once and in order, after three kills", async () => {
    await withFolder(async (folder) => {
      const { acknowledgedCount, ...report } = await killRepeatedly(folder, 3);
      expect(acknowledgedCount).toBeGreaterThan(0);
      expect(report).toMatchObject({ lost: [], doubled: [], overtaken: [], errors: [], remaining: 0 });
    });
  });
});
