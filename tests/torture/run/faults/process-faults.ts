import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../../../src/core/clock.ts";
import { Debugger } from "../../../../src/sandbox/chaos/debugger.ts";
import { runSaboteur } from "../../../../src/sandbox/chaos/run-saboteur.ts";
import type { Random } from "../random.ts";
import type { Rig } from "../rig.ts";
import { waitFor, type Fault, type Heal } from "./fault.ts";

/** Kills and hangs: of the bot, of its threads, of the process that does its heavy work; and a lock that is not its own. */

const MAINTENANCE_WITHIN_MS = 10_000;
const QUEUE_WITHIN_MS = 10_000;
const THREADS = ["muster-writer", "muster-reader"] as const;

async function orderThread(rig: Rig, name: string, expression: string): Promise<void> {
  const { pid, debuggerPort } = rig.bot;
  const attached = await Debugger.attach({ processId: pid, port: debuggerPort, isOpen: false });
  try {
    const thread = await attached.findThread(name);
    if (!thread) throw new Error(`there is no thread ${name}`);
    thread.order(expression);
  } finally {
    await attached.close();
  }
}

async function holdLock({ databasePath }: Rig): Promise<Heal> {
  const { end } = await runSaboteur({ kind: "hold-lock", path: databasePath }, systemClock);
  return end;
}

function hasQueue({ spoolFolder }: Rig): boolean {
  return readdirSync(spoolFolder).some((name) => name.startsWith("segment-"));
}

/** Asks for a backup or a restore drill, and waits until a process is at it. */
async function findMaintenance(rig: Rig): Promise<number> {
  void rig.load.ask(rig.world.ids.ownerId, "dbbackup create").catch(() => undefined);
  let found: number | undefined;
  await waitFor("a maintenance process", MAINTENANCE_WITHIN_MS, () => {
    found = rig.bot.listChildren()[0];
    return found !== undefined;
  });
  return found!;
}

async function killWithQueue(rig: Rig, random: Random): Promise<void> {
  const release = await holdLock(rig);
  try {
    await waitFor("a queue", QUEUE_WITHIN_MS, () => hasQueue(rig));
    // While it is written, or, after the lock is gone, while it is applied.
    if (random.isTrue(0.5)) await release();
    await pause(random.between(0, 400));
    await rig.killAndStart();
  } finally {
    await release();
  }
}

export const processFaults: readonly Fault[] = [
  { name: "kill -9 at random", weight: 4, begin: (rig) => rig.killAndStart() },
  {
    name: "kill -9 while it starts",
    weight: 2,
    begin: (rig, random) => rig.killWhileStarting(random.between(50, 3_000)),
  },
  { name: "kill -9 with a queue", weight: 3, begin: killWithQueue },
  {
    name: "kill -9 during a backup",
    weight: 2,
    async begin(rig, random) {
      await findMaintenance(rig);
      await pause(random.between(0, 600));
      await rig.killAndStart();
    },
  },
  {
    name: "kill -9 of the maintenance process",
    weight: 2,
    async begin(rig, random) {
      const processId = await findMaintenance(rig);
      await pause(random.between(0, 600));
      // Done already: then nothing was hit.
      process.kill(processId, "SIGKILL");
    },
  },
  {
    name: "thread ends",
    weight: 2,
    begin: (rig, random) => orderThread(rig, random.pick(THREADS), "process.exit(1)"),
  },
  {
    name: "thread hangs",
    weight: 1,
    begin: (rig, random) =>
      orderThread(
        rig,
        random.pick(THREADS),
        `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${random.between(1_000, 14_000)})`,
      ),
  },
  { name: "foreign write lock", weight: 3, maxMs: 5_000, begin: holdLock },
];
