import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { throttleStart } from "../../src/bot/start-throttle.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const HOUR_MS = 3_600_000;
const FREE_STARTS = 10;

describe("the throttle of starts", () => {
  const clock = new ManualClock();
  let folder: string;
  let warnings: string[];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "muster-throttle-"));
    warnings = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("costs the first starts of an hour nothing, and lets the next ones wait twice as long each", async () => {
    const path = join(folder, "starts.json");
    for (let number = 0; number < FREE_STARTS; number++) await throttleStart(path, clock, logger);
    expect(JSON.parse(readFileSync(path, "utf8"))).toHaveLength(FREE_STARTS);
    expect(warnings).toEqual([]);
    for (const delayMs of [5_000, 10_000]) {
      const stopping = new AbortController();
      const start = throttleStart(path, clock, logger, stopping.signal);
      while (clock.delaysMs.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(clock.delaysMs).toEqual([delayMs]);
      stopping.abort(new Error("stopped"));
      await expect(start).rejects.toThrow("stopped");
    }
    clock.advance(HOUR_MS);
    await throttleStart(path, clock, logger);
  });

  it.each(["a folder that is not there", "a folder in the file's place"])(
    "goes on, with a warning, when the start cannot be noted for %s",
    async (obstacle) => {
      const path = join(folder, "away", "starts.json");
      if (obstacle === "a folder in the file's place") mkdirSync(path, { recursive: true });
      await throttleStart(path, clock, logger);
      expect(warnings).toEqual(["this start could not be noted"]);
    },
  );
});
