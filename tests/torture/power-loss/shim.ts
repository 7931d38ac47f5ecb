import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCE = fileURLToPath(new URL("./shim.c", import.meta.url));

/** Why power cannot be cut on this machine; undefined when it can. */
export function findObstacle(): string | undefined {
  if (process.platform !== "linux") return "the library that notes what a process writes is made for Linux";
  if (spawnSync("cc", ["--version"]).status !== 0) return "there is no C compiler (cc) to build shim.c with";
  return undefined;
}

/** Builds the library in a folder, and returns its path. Takes a quarter of a second. */
export function buildShim(folder: string): string {
  const path = join(folder, "power-loss.so");
  execFileSync("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-o", path, SOURCE, "-ldl", "-pthread"], { stdio: "pipe" });
  return path;
}

/** What a process needs in its environment for everything that it changes below `root` to be noted in `journal`. */
export function shimEnvironment(shim: string, root: string, journal: string): Readonly<Record<string, string>> {
  // Rings would pass what is written to the kernel without any call that could be noted.
  return { LD_PRELOAD: shim, POWER_LOSS_ROOT: root, POWER_LOSS_JOURNAL: journal, UV_USE_IO_URING: "0" };
}
