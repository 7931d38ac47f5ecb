import { execFile } from "node:child_process";
import { chmodSync, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { fillDisk } from "../../../helpers/full-disk.ts";
import { findPreloadObstacle } from "../../../helpers/preload.ts";
import type { Random } from "../random.ts";
import type { Rig } from "../rig.ts";
import type { Fault, Heal, Need } from "./fault.ts";

/**
 * The operating system that refuses: calls that fail through libfiu, a disk without space, permissions that are gone; and
 * a clock that is moved.
 */

const FIU_LIBRARIES = ["fiu_run_preload.so", "fiu_posix_preload.so"].map((name) => `/usr/lib/fiu/${name}`);
/** Values of errno. */
const EIO = 5;
const EMFILE = 24;
const ENOSPC = 28;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const CALLS = [
  { call: "pread", points: ["posix/io/rw/pread"], errno: EIO },
  { call: "pwrite", points: ["posix/io/rw/pwrite"], errno: EIO },
  { call: "pwrite without space", points: ["posix/io/rw/pwrite"], errno: ENOSPC },
  { call: "fsync", points: ["posix/io/sync/fdatasync", "posix/io/sync/fsync"], errno: EIO },
  { call: "ftruncate", points: ["posix/io/rw/ftruncate"], errno: EIO },
  { call: "open", points: ["posix/io/oc/open"], errno: EMFILE },
] as const;

const HOWS = [
  { how: "once", verb: "enable", suffix: ",onetime", maxMs: 300 },
  { how: "again and again", verb: "enable", suffix: "", maxMs: 3_000 },
  { how: "now and then", verb: "enable_random", suffix: ",probability=0.05", maxMs: 4_000 },
] as const;

/** The environment of a process whose calls can be made to fail. */
export function fiuEnvironment(rig: Rig): Record<string, string> {
  return { LD_PRELOAD: FIU_LIBRARIES.join(" "), FIU_CTRL_FIFO: pipePrefix(rig), FIU_ENABLE: "" };
}

function pipePrefix({ folder }: Rig): string {
  return join(folder, "fiu");
}

/** Discord and the people live in this process: it must not wait for a bot that is slow to listen. */
async function order(rig: Rig, pid: number, command: string): Promise<void> {
  await promisify(execFile)("fiu-ctrl", ["-f", pipePrefix(rig), "-c", command, String(pid)], { timeout: 5_000 });
}

const failingCalls: readonly Fault[] = CALLS.flatMap(({ call, points, errno }) =>
  HOWS.map(({ how, verb, suffix, maxMs }): Fault => ({
    ...{ name: `${call} fails ${how}`, weight: 0.5, needs: "libfiu", maxMs },
    async begin(rig) {
      const { pid } = rig.bot;
      const heal = async (): Promise<void> => {
        // Another process has forgotten it.
        if (rig.bot.pid !== pid) return;
        for (const point of points) await order(rig, pid, `disable name=${point}`);
      };
      try {
        for (const point of points) await order(rig, pid, `${verb} name=${point},failinfo=${errno}${suffix}`);
      } catch (error) {
        await heal().catch(() => undefined);
        throw error;
      }
      return heal;
    },
  })),
);

async function takePermissions({ databasePath }: Rig): Promise<Heal> {
  const paths = [databasePath, `${databasePath}-wal`, `${databasePath}-shm`, dirname(databasePath)];
  const modes = paths.filter((path) => existsSync(path)).map((path) => [path, statSync(path).mode & 0o777] as const);
  for (const [path] of modes) chmodSync(path, 0);
  return () => {
    // The folder first.
    for (const [path, mode] of modes.toReversed()) if (existsSync(path)) chmodSync(path, mode);
  };
}

/** As when a machine without a battery for its clock has begun with any time, and hears of the right one later. */
async function jump({ clock }: Rig, random: Random): Promise<Heal> {
  clock!.move(random.pick([-DAY_MS, -HOUR_MS, -5_000, 5_000, HOUR_MS, DAY_MS]));
  return () => clock!.move(0);
}

export const systemFaults: readonly Fault[] = [
  ...failingCalls,
  { name: "disk full", weight: 3, needs: "own-disk", maxMs: 4_000, begin: async ({ home }) => fillDisk(home) },
  { name: "clock jumps", weight: 3, needs: "moved-clock", maxMs: 8_000, begin: jump },
  { name: "permissions taken", weight: 2, needs: "permissions", maxMs: 4_000, begin: takePermissions },
];

/** Why faults with this need are left out on this machine; undefined = they are not. */
export function findObstacle(need: Need): string | undefined {
  const isRoot = process.getuid?.() === 0;
  switch (need) {
    case "libfiu":
      return FIU_LIBRARIES.every((path) => existsSync(path)) ? undefined : "libfiu is not installed (fiu-utils)";
    case "own-disk":
      return isRoot ? undefined : "mounting a small disk takes root";
    case "permissions":
      return isRoot ? "no permission stops root" : undefined;
    case "moved-clock":
      return findPreloadObstacle();
  }
}
