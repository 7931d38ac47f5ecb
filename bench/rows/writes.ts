import { findPreloadObstacle } from "../../tests/helpers/preload.ts";
import type { Bench, Figure, Findings, Row } from "../harness.ts";
import { slowSyncEnvironment } from "../slow-sync.ts";
import { startBot } from "./muster.ts";
import { openPeers, PEERS, PLAIN, UNTUNED_PEERS } from "./peers.ts";

const MUSTER = "Muster";
const AUDITED = "Muster, audited";
/** What each of these must be exceeded by, by Muster. */
const BEATEN_BY = 25;
/** What an SSD without a capacitor needs for a sync, more or less. */
const SLOW_SYNC_MS = 2;
const BEATEN = ["quick.db", "sequelize", "keyv"].flatMap((name) => [name, `${name} as it comes`]);

async function measureWrites(bench: Bench, callers: number, atLeast: number): Promise<Findings> {
  const { remotes, settings, missing } = await openPeers(bench, { ...PEERS, ...UNTUNED_PEERS });
  const { bot } = await startBot(bench, { name: "muster" });
  await bot.call("prepare");
  await bot.call("settle");
  const durationMs = bench.choose(3_000, 700);
  const load = { callers, durationMs };
  const samples = await bench.interleave<string>({
    [MUSTER]: () => bot.call<number>("write", { ...load, kind: "answers" }),
    [AUDITED]: () => bot.call<number>("write", { ...load, kind: "audited" }),
    ...Object.fromEntries([...remotes].map(([name, remote]) => [name, () => remote.call<number>("write", load)])),
  });
  const baseline = { subject: PLAIN, samples: samples[PLAIN] ?? [] };
  const figureOf = (subject: string): Figure => ({
    ...{ subject, unit: "per second", samples: samples[subject] ?? [] },
    ...(subject === PLAIN ? {} : { baseline }),
    ...(subject === MUSTER ? { goal: { of: "ratio", atLeast } } : {}),
    ...(settings.has(subject) ? { settings: settings.get(subject)! } : {}),
  });
  const beaten = callers === 1 ? [] : BEATEN.filter((name) => samples[name]);
  return {
    figures: [
      ...[MUSTER, AUDITED, ...remotes.keys()].map(figureOf),
      ...beaten.map((name): Figure => ({
        ...{ subject: `Muster against ${name}`, unit: "per second", samples: samples[MUSTER] ?? [] },
        ...{ baseline: { subject: name, samples: samples[name] ?? [] }, goal: { of: "ratio", atLeast: BEATEN_BY } },
      })),
    ],
    notes: [
      "Muster: `store.reactions.record`, which looks up the event, notes the member, stores the answer and the operation's id; archive at its default of 1 s, operation log, health and log files on",
      "Muster, audited: `store.flags.set`, a change and its entry in the audit log's chain in one transaction",
      "everybody else: one row of six columns, or one JSON value of the same",
      ...missing,
    ],
  };
}

export const writesRow: Row = {
  name: "writes-64",
  title: "Durable writes, 64 callers",
  usesPeers: true,
  run: (bench) => measureWrites(bench, 64, 5),
};

export const loneWritesRow: Row = {
  name: "writes-1",
  title: "Durable writes, one caller",
  usesPeers: true,
  run: (bench) => measureWrites(bench, 1, 0.6),
};

/** The same as another row, with a disk that needs longer for each sync than this machine's. */
const onSlowDisk = (row: Row): Row => ({
  ...row,
  name: `${row.name}-slow-disk`,
  title: `${row.title}, each sync ${SLOW_SYNC_MS} ms longer`,
  findObstacle: findPreloadObstacle,
  run: async (bench) => {
    bench.addEnvironment(slowSyncEnvironment(await bench.createFolder("slow-sync"), SLOW_SYNC_MS));
    return row.run(bench);
  },
});

export const slowDiskWritesRow = onSlowDisk(writesRow);
export const slowDiskLoneWritesRow = onSlowDisk(loneWritesRow);
