import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLockPart } from "../src/app-parts.ts";
import type { Part } from "../src/core/lifecycle.ts";
import { silentLogger } from "../src/core/logger.ts";
import { ManualClock } from "./helpers/manual-clock.ts";

const PAUSE_MS = 500;

describe("the lock of a data folder", () => {
  let folder: string;
  let clock: ManualClock;
  let attempts: unknown[];
  const logger = { ...silentLogger, warn: (_message: string, fields = {}) => void attempts.push(fields) };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "muster-lock-"));
    clock = new ManualClock();
    attempts = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** What it fails with is looked at later. */
  function begin(part: Part): Promise<void> {
    const start = Promise.resolve(part.start!());
    start.catch(() => undefined);
    return start;
  }

  /** Goes on to the next try. */
  async function pause(): Promise<void> {
    clock.advance(PAUSE_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }

  it("is tried again while the disk does not let it be taken, and then kept from another bot", async () => {
    const dataFolder = join(folder, "data");
    // Where the folder has to be there is something else.
    writeFileSync(dataFolder, "");
    const part = createLockPart(dataFolder, clock, logger);
    const start = begin(part);
    await pause();
    expect(attempts).toMatchObject([
      { attempt: 1, error: { code: "DATABASE_UNAVAILABLE" } },
      { attempt: 2, error: { code: "DATABASE_UNAVAILABLE" } },
    ]);
    rmSync(dataFolder);
    await pause();
    await start;

    const other = createLockPart(dataFolder, clock, logger);
    await expect(other.start!()).rejects.toMatchObject({ code: "INSTANCE_LOCKED" });
    expect(attempts).toHaveLength(2);
    expect(clock.delaysMs).toEqual([]);

    await part.stop!();
    await other.start!();
    await other.stop!();
  });

  it("is given up with its error after ten seconds", async () => {
    const part = createLockPart(join(writeFile(), "data"), clock, logger);
    const start = begin(part);
    for (let waitedMs = 0; waitedMs < 10_000; waitedMs += PAUSE_MS) await pause();
    await expect(start).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    expect(attempts).toHaveLength(19);
  });

  it("is waited for no longer when the program stops", async () => {
    const part = createLockPart(join(writeFile(), "data"), clock, logger);
    const start = begin(part);
    await part.stop!();
    await expect(start).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
    expect(clock.delaysMs).toEqual([]);
  });

  function writeFile(): string {
    const path = join(folder, "file");
    writeFileSync(path, "");
    return path;
  }
});
