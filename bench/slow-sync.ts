import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";

/**
 * A disk that takes longer to sync than this machine's. Whoever measures on a fast one would otherwise never see what
 * most disks do: an SSD without a capacitor needs about 2 ms, a hard disk 8, an SD card more than that.
 */

const SOURCE = join(import.meta.dirname, "slow-sync.c");

/** Why it cannot be had on this machine; undefined when it can. */
export function findObstacle(): string | undefined {
  if (process.platform !== "linux") return "the library that makes a sync slower is made for Linux";
  if (spawnSync("cc", ["--version"]).status !== 0) return "there is no C compiler (cc) to build slow-sync.c with";
  return undefined;
}

/** Builds the library into a folder. Gives what a process needs in its environment for each of its syncs to take so much longer. */
export function slowSyncEnvironment(folder: string, addedMs: number): Readonly<Record<string, string>> {
  const path = join(folder, "slow-sync.so");
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-o", path, SOURCE, "-ldl"], { stdio: "pipe" });
  // Rings would sync without any call that could be made slower.
  return { LD_PRELOAD: path, SLOW_SYNC_US: String(addedMs * 1_000), UV_USE_IO_URING: "0" };
}
