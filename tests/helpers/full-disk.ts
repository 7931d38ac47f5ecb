import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Runs with a disk of its own, in memory, of so many MB. Needs root, for its mount. */
export async function withTmpfs(
  folder: string,
  sizeMb: number,
  body: (mountPoint: string) => Promise<void>,
): Promise<void> {
  const mountPoint = join(folder, "disk");
  mkdirSync(mountPoint);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "tmpfs", mountPoint]);
  try {
    await body(mountPoint);
  } finally {
    execFileSync("umount", [mountPoint]);
  }
}

/** Takes what is left of a disk, to the last byte. Returns what gives it back. */
export function fillDisk(mountPoint: string): () => void {
  const path = join(mountPoint, "filler");
  const handle = openSync(path, "w");
  for (let size = 1024 ** 2; size >= 1;) {
    try {
      writeSync(handle, Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 2);
    }
  }
  closeSync(handle);
  return () => rmSync(path, { force: true });
}
