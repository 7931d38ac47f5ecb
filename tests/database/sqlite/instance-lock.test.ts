import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../../src/core/clock.ts";
import { isMusterError, type MusterError } from "../../../src/core/errors.ts";
import { acquireInstanceLock, findInstanceHolder } from "../../../src/database/sqlite/instance-lock.ts";
import { withFolder } from "../../helpers/database.ts";

interface HolderReport {
  readonly isHeld: boolean;
  readonly error?: string;
}

const SCRIPT = fileURLToPath(new URL("./hold-instance-lock.ts", import.meta.url));

async function nextReport(child: ChildProcess): Promise<HolderReport> {
  const [report] = (await once(child, "message")) as [HolderReport];
  return report;
}

async function startHolder(path: string): Promise<{ child: ChildProcess; report: HolderReport }> {
  const child = fork(SCRIPT, [path], { execArgv: [] });
  return { child, report: await nextReport(child) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function refusalOf(path: string): MusterError {
  try {
    acquireInstanceLock({ path, clock: systemClock }).release();
  } catch (error) {
    if (isMusterError(error)) return error;
    throw error;
  }
  throw new Error("the lock was to be had");
}

describe("instance lock", () => {
  it("refuses a second process and names the holder, until the holder is killed", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "data", "muster.lock");
      const { child, report } = await startHolder(path);
      try {
        expect(report).toEqual({ isHeld: true });
        const refusal = refusalOf(path);
        expect(refusal.code).toBe("INSTANCE_LOCKED");
        expect(refusal.message).toContain(`process ${child.pid} on ${hostname()}`);
        expect(refusal.message).toContain("version 1.2.3");
        expect(refusal.hint).toContain("Stop the other bot");
        expect(findInstanceHolder(path)).toMatchObject({
          pid: child.pid,
          hostName: hostname(),
          programVersion: "1.2.3",
        });
        expect(Math.abs(findInstanceHolder(path)!.since - Date.now())).toBeLessThan(30_000);
      } finally {
        await kill(child);
      }
      expect(findInstanceHolder(path)).toBeUndefined();
      acquireInstanceLock({ path, clock: systemClock }).release();
    });
  });

  it("is free again when it is released, although the process goes on", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "muster.lock");
      const { child } = await startHolder(path);
      try {
        child.send("release");
        await nextReport(child);
        const lock = acquireInstanceLock({ path, clock: systemClock });
        expect(findInstanceHolder(path)?.pid).toBe(process.pid);
        lock.release();
        lock.release();
        expect(findInstanceHolder(path)).toBeUndefined();
      } finally {
        await kill(child);
      }
    });
  });

  it("is had by exactly one of several processes that start at once", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "muster.lock");
      const holders = await Promise.all(Array.from({ length: 4 }, () => startHolder(path)));
      try {
        const winners = holders.filter(({ report }) => report.isHeld);
        expect(winners).toHaveLength(1);
        expect(findInstanceHolder(path)?.pid).toBe(winners[0]!.child.pid);
        for (const { report } of holders.filter(({ report }) => !report.isHeld)) {
          expect(report.error).toContain("holds it since");
        }
      } finally {
        await Promise.all(holders.map(({ child }) => kill(child)));
      }
    });
  });

  it("refuses a second holder in the same process", async () => {
    await withFolder((folder) => {
      const path = join(folder, "muster.lock");
      const lock = acquireInstanceLock({ path, clock: systemClock });
      expect(refusalOf(path).message).toContain(`process ${process.pid} `);
      lock.release();
    });
  });

  it("keeps its file and folder to the bot's user", async () => {
    await withFolder((folder) => {
      const path = join(folder, "data", "muster.lock");
      acquireInstanceLock({ path, clock: systemClock }).release();
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(join(folder, "data")).mode & 0o777).toBe(0o700);
    });
  });

  it("finds no holder, and creates nothing, where there is no lock file", async () => {
    await withFolder((folder) => {
      const path = join(folder, "muster.lock");
      expect(findInstanceHolder(path)).toBeUndefined();
      expect(() => statSync(path)).toThrow();
    });
  });

  it("says what to do with a lock file that is damaged or cannot be made", async () => {
    await withFolder((folder) => {
      const path = join(folder, "muster.lock");
      writeFileSync(path, "not a database, ".repeat(200));
      expect(refusalOf(path)).toMatchObject({
        code: "DATABASE_CORRUPT",
        hint: expect.stringContaining(path) as string,
      });
      expect(refusalOf(join(path, "below-a-file"))).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    });
  });
});
