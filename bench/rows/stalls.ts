import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { pause, type Bench, type Figure, type Findings, type Row } from "../harness.ts";
import type { Spread } from "../processes/load.ts";
import type { Remote } from "../processes/rpc.ts";
import type { Stalls } from "../processes/stall-watch.ts";
import { bigBytes, createFilledFolder, startBot } from "./muster.ts";

const WRITES_PER_SECOND = 1_000;
const MAX_GOAL_MS = 50;
const P99_GOAL_MS = 20;
const LULL_MS = 1_000;
/** Each takes minutes in a full run. */
const FULL_REPETITIONS = 3;

interface Seen {
  readonly muster: Stalls[];
  /** Another process that does nothing: what the machine itself makes a timer wait. */
  readonly idle: Stalls[];
  readonly plain: Stalls[];
  readonly answered: Spread[];
}

type Load = Spread & { readonly failedCount: number; readonly perSecond: number };

class StallRig {
  readonly seen = new Map<string, Seen>();
  readonly #bench: Bench;
  readonly bot: Remote;
  readonly plain: Remote;
  readonly idle: Remote;

  constructor(bench: Bench, bot: Remote, plain: Remote, idle: Remote) {
    this.#bench = bench;
    this.bot = bot;
    this.plain = plain;
    this.idle = idle;
  }

  /** What the main threads go through while something happens and 1,000 writes come each second. */
  async watch(what: string, inMuster: () => Promise<unknown>, inPlain?: () => Promise<unknown>): Promise<void> {
    const seen = this.seen.get(what) ?? { muster: [], idle: [], plain: [], answered: [] };
    this.seen.set(what, seen);
    this.#bench.progress(`${what}: Muster`);
    await this.bot.call("startLoad", WRITES_PER_SECOND);
    await pause(LULL_MS);
    await Promise.all([this.bot.call("watchStart"), this.idle.call("watchStart")]);
    await inMuster();
    seen.muster.push(await this.bot.call<Stalls>("watchStop"));
    seen.idle.push(await this.idle.call<Stalls>("watchStop"));
    seen.answered.push(await this.bot.call<Load>("stopLoad"));
    if (!inPlain) return;
    this.#bench.progress(`${what}: plain better-sqlite3 on the main thread`);
    await this.plain.call("startLoad", WRITES_PER_SECOND);
    await pause(LULL_MS);
    await this.plain.call("watchStart");
    await inPlain();
    // What it was held up with comes out only when its loop turns again.
    await pause(LULL_MS);
    seen.plain.push(await this.plain.call<Stalls>("watchStop"));
    await this.plain.call("stopLoad");
  }
}

async function measureStalls(bench: Bench): Promise<Findings> {
  const folder = await createFilledFolder(bench, bigBytes(bench));
  const plainFolder = await bench.createFolder("plain");
  const plainPath = join(plainFolder, "plain.db");
  await copyFile(join(folder, "data", "muster.db"), plainPath);
  const { bot, databasePath } = await startBot(bench, { name: "muster", folder });
  const [plain, idle, stranger, plainStranger] = Array.from({ length: 4 }, () => bench.start("plain.ts")) as [
    ...[Remote, Remote, Remote, Remote],
  ];
  await bot.call("prepare");
  bench.progress("waiting for the bot's own first check and snapshot");
  await bot.call("settle");
  await plain.call("open", plainPath);
  await stranger.call("open", databasePath);
  await plainStranger.call("open", plainPath);
  const lockMs = bench.choose(30_000, 5_000);
  const rig = new StallRig(bench, bot, plain, idle);
  for (let repetition = 0; repetition < Math.min(bench.repetitions, FULL_REPETITIONS); repetition++) {
    await rig.watch(
      "1,000 writes/s",
      () => pause(lockMs / 2),
      () => pause(lockMs / 2),
    );
    await rig.watch(
      `a foreign lock of ${lockMs / 1_000} s`,
      () => stranger.call("lock", lockMs),
      () => plainStranger.call("lock", lockMs),
    );
    let snapshotId = "";
    await rig.watch(
      "a backup",
      async () => (snapshotId = (await bot.call<{ id: string }>("backUp")).id),
      () => Promise.race([plain.call("backUp", join(plainFolder, "copy.db")), pause(lockMs)]),
    );
    await rig.watch(
      "an integrity check",
      () => bot.call("check"),
      () => plain.call("check"),
    );
    await rig.watch("a restore", () => bot.call("restore", snapshotId));
    await bot.call("settle");
  }
  return { figures: [...rig.seen].flatMap(([what, seen]) => figuresOf(what, seen)), notes: NOTES };
}

function figuresOf(what: string, { muster, idle, plain, answered }: Seen): Figure[] {
  const maxOf = (all: readonly Stalls[]): number[] => all.map(({ maxMs }) => maxMs);
  const worst = { unit: "ms", summary: "worst" } as const;
  return [
    {
      ...{ subject: `${what}: longest`, ...worst, samples: maxOf(muster), goal: { of: "value", atMost: MAX_GOAL_MS } },
      ...(plain.length === 0 ? {} : { baseline: { subject: "plain", samples: maxOf(plain) } }),
    },
    {
      ...{ subject: `${what}: p99`, unit: "ms", samples: muster.map(({ p99Ms }) => p99Ms) },
      goal: { of: "value", atMost: P99_GOAL_MS },
    },
    { subject: `${what}: an idle process beside it, longest`, ...worst, samples: maxOf(idle) },
    ...(plain.length === 0
      ? []
      : [{ subject: `${what}: plain better-sqlite3, longest`, ...worst, samples: maxOf(plain) }]),
    { subject: `${what}: Muster's writes, p99`, unit: "ms", samples: answered.map(({ p99 }) => p99) },
  ];
}

const NOTES = [
  "event-loop delay of the main thread (perf_hooks, 1 ms), the timer's own millisecond taken off, with 1,000 writes/s through `store.*` all the while",
  "plain: better-sqlite3 on the main thread of its process, 1,000 writes/s, default busy timeout; backup by `db.backup()`, which begins anew with each foreign write; ended after the time of the lock",
  "an idle process beside it: what the machine alone makes a timer wait",
];

export const stallsRow: Row = {
  name: "stalls",
  title: "Longest stall of the main thread",
  run: measureStalls,
};
