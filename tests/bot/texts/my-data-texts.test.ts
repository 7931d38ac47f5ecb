import { myDataTexts, type BackupRetention } from "../../../src/bot/texts/my-data-texts.ts";

const RETENTION: BackupRetention = {
  ...{ areMadeRegularly: true, newestCount: 10, dailyCount: 0, weeklyCount: 0, monthlyCount: 0 },
};

describe("what is said about backups before a deletion", () => {
  it.each([
    [{}, "the newest 10 are kept, with every change"],
    [{ newestCount: 1 }, "the newest one is kept, with"],
    [{ dailyCount: 7 }, "kept, and the newest of each of the last 7 days, with"],
    [{ dailyCount: 7, weeklyCount: 1, monthlyCount: 3 }, "of each of the last 7 days, 1 week and 3 months, with"],
    [{ areMadeRegularly: false }, "are kept; here new ones are made by hand only, with"],
  ])("follows the settings: %j", (changes, part) => {
    expect(myDataTexts.whatBackupsHave({ ...RETENTION, ...changes })).toContain(part);
  });
});
