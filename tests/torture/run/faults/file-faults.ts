import {
  closeSync,
  existsSync,
  fsyncSync,
  globSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../../src/core/clock.ts";
import { runSaboteur } from "../../../../src/sandbox/chaos/run-saboteur.ts";
import type { Random } from "../random.ts";
import type { Rig } from "../rig.ts";
import type { Fault } from "./fault.ts";

/** Files that go, that change, and that are somebody else's. */

const PAGE_BYTES = 4_096;

/** One bit in each of some places. */
function flipBits(path: string, random: Random, count: number): void {
  const handle = openSync(path, "r+");
  try {
    const size = statSync(path).size;
    const byte = Buffer.alloc(1);
    for (let number = 0; number < count && size > 0; number++) {
      const offset = random.between(0, size - 1);
      readSync(handle, byte, 0, 1, offset);
      writeSync(handle, Buffer.of(byte[0]! ^ (1 << random.between(0, 7))), 0, 1, offset);
    }
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function overwritePage(path: string, random: Random): void {
  const handle = openSync(path, "r+");
  try {
    const page = random.between(0, Math.floor(statSync(path).size / PAGE_BYTES) - 1);
    writeSync(handle, Buffer.alloc(PAGE_BYTES, random.between(0, 255)), 0, PAGE_BYTES, page * PAGE_BYTES);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A backup's or archive's file that fits; throws when there is none yet. */
function pickBackupFile({ backupFolder }: Rig, pattern: string, random: Random): string {
  const names = globSync(pattern, { cwd: backupFolder }).sort();
  const sound = names.map((name) => join(backupFolder, name)).filter((path) => statSync(path).isFile());
  if (sound.length === 0) throw new Error(`there is no ${pattern} yet`);
  return random.pick(sound);
}

const SNAPSHOTS = "snapshots/*.db*";
const SEGMENTS = "wal/*/*.wal*";

const toDatabase = (name: string, harm: (rig: Rig, random: Random) => void | Promise<void>, weight = 1): Fault => ({
  ...{ name, weight, destroys: "database" },
  begin: async (rig, random) => harm(rig, random),
});

export const fileFaults: readonly Fault[] = [
  toDatabase("database deleted", ({ databasePath }) => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(databasePath + suffix, { force: true });
  }),
  toDatabase("database emptied", ({ databasePath }) => truncateSync(databasePath)),
  toDatabase("database replaced", async ({ databasePath }) => {
    await runSaboteur({ kind: "replace", path: databasePath }, systemClock);
  }),
  {
    ...toDatabase("page of the database overwritten", ({ databasePath }, random) =>
      overwritePage(databasePath, random),
    ),
    isFoundBySchedule: true,
  },
  {
    ...toDatabase("bits of the database flipped", ({ databasePath }, random) =>
      flipBits(databasePath, random, random.between(1, 8)),
    ),
    isFoundBySchedule: true,
  },
  {
    name: "database deleted, then kill -9",
    weight: 1,
    destroys: "database",
    async begin(rig) {
      await rig.kill();
      for (const suffix of ["", "-wal", "-shm"]) rmSync(rig.databasePath + suffix, { force: true });
      await rig.startBot();
    },
  },
  {
    name: "snapshot damaged",
    weight: 1,
    destroys: "backups",
    begin: async (rig, random) => flipBits(pickBackupFile(rig, SNAPSHOTS, random), random, random.between(1, 4)),
  },
  {
    name: "snapshot deleted",
    weight: 1,
    destroys: "backups",
    begin: async (rig, random) => rmSync(pickBackupFile(rig, SNAPSHOTS, random)),
  },
  {
    name: "segment damaged",
    weight: 1,
    destroys: "backups",
    begin: async (rig, random) => flipBits(pickBackupFile(rig, SEGMENTS, random), random, random.between(1, 4)),
  },
  {
    name: "archive deleted",
    weight: 1,
    destroys: "backups",
    async begin({ backupFolder }) {
      const folder = join(backupFolder, "wal");
      if (!existsSync(folder)) throw new Error("there is no archive yet");
      rmSync(folder, { recursive: true, force: true });
    },
  },
];
