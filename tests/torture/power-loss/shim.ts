import { join } from "node:path";
import { buildPreload } from "../../helpers/preload.ts";

const SOURCE = join(import.meta.dirname, "shim.c");

/**
 * Builds the library into `folder`. Gives what a process needs in its environment for everything that it changes below
 * `root` to be noted in `journal`.
 */
export function shimEnvironment(folder: string, root: string, journal: string): Readonly<Record<string, string>> {
  // Rings would pass what is written to the kernel without any call that could be noted.
  return {
    LD_PRELOAD: buildPreload(SOURCE, folder),
    POWER_LOSS_ROOT: root,
    POWER_LOSS_JOURNAL: journal,
    UV_USE_IO_URING: "0",
  };
}
