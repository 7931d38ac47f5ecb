import { execFileSync, spawnSync } from "node:child_process";
import { basename, join } from "node:path";

/** Libraries that take the place of system calls in a process that is started with them (`LD_PRELOAD`). */

/** Why none can be had on this machine; undefined when they can. */
export function findPreloadObstacle(): string | undefined {
  if (process.platform !== "linux") return "libraries that take the place of system calls are made for Linux";
  if (spawnSync("cc", ["--version"]).status !== 0) return "there is no C compiler (cc) to build a library with";
  return undefined;
}

/** Builds a source file in C into a folder, and returns the library's path. Takes a quarter of a second. */
export function buildPreload(source: string, folder: string): string {
  const path = join(folder, `${basename(source, ".c")}.so`);
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-o", path, source, "-ldl", "-pthread"], { stdio: "pipe" });
  return path;
}
