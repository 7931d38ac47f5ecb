import { join } from "node:path";
import { buildPreload } from "../tests/helpers/preload.ts";

/**
 * A disk that takes longer to sync than this machine's. Whoever measures on a fast one would otherwise never see what
 * most disks do: an SSD without a capacitor needs about 2 ms, a hard disk 8, an SD card more than that.
 */

const SOURCE = join(import.meta.dirname, "slow-sync.c");

/** Builds the library into a folder. Gives what a process needs in its environment for each of its syncs to take so much longer. */
export function slowSyncEnvironment(folder: string, addedMs: number): Readonly<Record<string, string>> {
  // Rings would sync without any call that could be made slower.
  return { LD_PRELOAD: buildPreload(SOURCE, folder), SLOW_SYNC_US: String(addedMs * 1_000), UV_USE_IO_URING: "0" };
}
