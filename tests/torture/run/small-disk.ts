import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, renameSync, rmSync } from "node:fs";

/** Beside what is there already. */
const FREE_MB = 160;
/** Mounts that must not outlive this process. */
const mounted = new Set<string>();
process.on("exit", () => {
  for (const path of mounted) execFileSync("umount", ["-l", path]);
});

/** Has the folder on a disk of its own, of a size that can be filled, for as long as `body` runs. */
export async function withSmallDisk<Result>(folder: string, body: () => Promise<Result>): Promise<Result> {
  const aside = `${folder}.aside`;
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  renameSync(folder, aside);
  mkdirSync(folder);
  const usedMb = Number(execFileSync("du", ["-sm", aside], { encoding: "utf8" }).split("\t")[0]);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${usedMb + FREE_MB}m`, "tmpfs", folder]);
  mounted.add(folder);
  try {
    copyInto(aside, folder);
    return await body();
  } finally {
    rmSync(aside, { recursive: true });
    copyInto(folder, aside);
    execFileSync("umount", [folder]);
    mounted.delete(folder);
    rmSync(folder, { recursive: true });
    renameSync(aside, folder);
  }
}

function copyInto(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
}
