import { withFolder } from "../helpers/database.ts";
import { killRepeatedly } from "../helpers/queue-process.ts";

const KILL_COUNT = 100;

describe("the operation queue of a process that is killed", () => {
  it(`has everything that it acknowledged, once and in order, after ${KILL_COUNT} kills`, async () => {
    await withFolder(async (folder) => {
      const report = await killRepeatedly(folder, KILL_COUNT);
      const { acknowledgedCount, appliedCount, deadLetterCount } = report;
      process.stdout.write(
        `${KILL_COUNT} kills: ${JSON.stringify({ acknowledgedCount, appliedCount, deadLetterCount })}\n`,
      );
      expect(acknowledgedCount).toBeGreaterThan(KILL_COUNT);
      expect(report).toMatchObject({ lost: [], doubled: [], overtaken: [], errors: [], remaining: 0 });
    });
  }, 300_000);
});
