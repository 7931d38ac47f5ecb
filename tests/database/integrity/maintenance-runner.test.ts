import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock } from "../../../src/core/clock.ts";
import { silentLogger } from "../../../src/core/logger.ts";
import { MaintenanceRunner } from "../../../src/database/maintenance/maintenance-runner.ts";
import { errorLike, until, withFolder } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { createTemplate } from "./integrity-rig.ts";

const STUCK = new URL("./stuck-process.ts", import.meta.url);
const OUT_OF_FILES = join(import.meta.dirname, "out-of-files.ts");
const DYING = new URL("./dying-process.ts", import.meta.url);
const job = { kind: "integrity-check", path: "/nowhere/test.db", depth: "quick" } as const;

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

describe("MaintenanceRunner", () => {
  it("gives a job's result and its progress, one job after another, and leaves no process behind", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "test.db");
      createTemplate(path, () => undefined);
      const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
      const steps: string[] = [];
      const run = (depth: "quick" | "full"): Promise<unknown> =>
        runner.run({ ...job, path, depth }, { onProgress: ({ step }) => steps.push(`${depth} ${step}`) });
      const results = await Promise.all([run("quick"), run("full")]);
      expect(results).toMatchObject([
        { depth: "quick", lines: ["ok"], foreignKeyViolations: [] },
        { depth: "full", lines: ["ok"], foreignKeyViolations: [] },
      ]);
      expect(steps).toEqual(["quick pages", "quick references", "full pages", "full references"]);
      expect(runner.processId).toBeUndefined();
    });
  });

  it("throws what the job threw", async () => {
    const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger });
    await expect(runner.run(job)).rejects.toEqual(errorLike({ code: "DATABASE_MISSING" }));
  });

  it("tries again to start a process, as long as the job is wanted", async () => {
    const { execPath } = process;
    const lines: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void lines.push(message) };
    const runner = new MaintenanceRunner({ clock: systemClock, logger });
    process.execPath = "/nowhere/node";
    const running = runner.run(job);
    const ended = expect(running).rejects.toEqual(errorLike({ code: "DATABASE_MISSING" }));
    await until(() => lines.length > 0);
    process.execPath = execPath;
    await ended;

    process.execPath = "/nowhere/node";
    const unwanted = runner.run(job);
    const refused = expect(unwanted).rejects.toEqual(errorLike({ code: "SHUTTING_DOWN" }));
    const count = lines.length;
    await until(() => lines.length > count);
    await runner.stop();
    process.execPath = execPath;
    await refused;
  });

  it("tries again when there are too many open files for another process", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "test.db");
      createTemplate(path, () => undefined);
      const command = `ulimit -n 64 && exec "${process.execPath}" "${OUT_OF_FILES}" "${path}"`;
      const { stdout } = await promisify(execFile)("/bin/sh", ["-c", command]);
      expect(stdout).toMatch(/^a maintenance process could not be started, trying again: .*EMFILE\nok\n$/);
    });
  });

  it("kills a job that hangs, cleans up after it, and goes on with the next", async () => {
    const clock = new ManualClock();
    const runner = new MaintenanceRunner({ clock, logger: silentLogger, timeoutMs: 60_000, entry: STUCK });
    let [isStuck, isClean] = [false, false];
    const running = runner.run(job, { onProgress: () => (isStuck = true), cleanUp: () => void (isClean = true) });
    const next = runner.run(job);
    await until(() => isStuck);
    const processId = runner.processId!;
    expect(isAlive(processId)).toBe(true);
    clock.advance(60_000);
    await expect(running).rejects.toEqual(errorLike({ code: "OPERATION_TIMEOUT" }));
    expect([isAlive(processId), isClean]).toEqual([false, true]);
    await until(() => runner.processId !== undefined);
    await runner.stop();
    await expect(next).rejects.toEqual(errorLike({ code: "SHUTTING_DOWN" }));
  });

  it("kills what runs and refuses what waits when it stops, or when the job is no longer wanted", async () => {
    const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger, entry: STUCK });
    const unwanted = new AbortController();
    const first = runner.run(job, { onProgress: () => unwanted.abort(), signal: unwanted.signal });
    await expect(first).rejects.toEqual(errorLike({ code: "SHUTTING_DOWN" }));

    let isStuck = false;
    const jobs = [runner.run(job, { onProgress: () => (isStuck = true) }), runner.run(job)];
    await until(() => isStuck);
    const processId = runner.processId!;
    const ends = Promise.allSettled(jobs);
    await runner.stop();
    expect(isAlive(processId)).toBe(false);
    for (const end of await ends) expect(end).toMatchObject({ reason: { code: "SHUTTING_DOWN" } });
    await expect(runner.run(job)).rejects.toEqual(errorLike({ code: "SHUTTING_DOWN" }));
  });

  it("tells of a process that died, with its last words", async () => {
    const runner = new MaintenanceRunner({ clock: systemClock, logger: silentLogger, entry: DYING });
    await expect(runner.run(job)).rejects.toEqual(
      errorLike({
        code: "INTERNAL",
        message: expect.stringContaining("code 7") as string,
        details: { stderr: expect.stringContaining("out of everything") as string },
      }),
    );
  });
});
