import type { Bench, Figure, Findings, Row } from "../harness.ts";
import { startBot } from "./muster.ts";
import { openPeers, openPlainEvent, PLAIN, PLAIN_EVENT } from "./peers.ts";

const UNCACHED = "Muster, uncached";
const CACHED = "Muster, cached";
const GOALS: Readonly<Record<string, number>> = { [UNCACHED]: 0.35, [CACHED]: 1 };

async function measureReads(bench: Bench): Promise<Findings> {
  const { remotes, missing } = await openPeers(bench);
  const plainEvent = await openPlainEvent(bench);
  const uncached = await startBot(bench, { name: "uncached", settings: { DB_READ_CACHE: "0" } });
  const cached = await startBot(bench, { name: "cached" });
  for (const { bot } of [uncached, cached]) {
    await bot.call("prepare");
    await bot.call("settle");
  }
  const load = { callers: 64, durationMs: bench.choose(2_000, 500) };
  const samples = await bench.interleave<string>({
    [UNCACHED]: () => uncached.bot.call<number>("read", load),
    [CACHED]: () => cached.bot.call<number>("read", load),
    ...Object.fromEntries(
      [...plainEvent.remotes, ...remotes].map(([name, remote]) => [name, () => remote.call<number>("read", load)]),
    ),
  });
  const figureOf = (subject: string, against: string | undefined): Figure => ({
    ...{ subject, unit: "per second", samples: samples[subject] ?? [] },
    ...(against === undefined ? {} : { baseline: { subject: against, samples: samples[against] ?? [] } }),
    ...(GOALS[subject] === undefined ? {} : { goal: { of: "ratio", atLeast: GOALS[subject] } }),
  });
  return {
    figures: [
      ...[UNCACHED, CACHED].map((subject) => figureOf(subject, PLAIN_EVENT)),
      figureOf(PLAIN_EVENT, undefined),
      ...[...remotes.keys()].map((name) => figureOf(name, name === PLAIN ? undefined : PLAIN)),
    ],
    notes: [
      "Muster: `store.events.find`, a row of 17 columns by its id, one of 1,000; its baseline is the same statement in a plain loop",
      "peers: a row of six columns by its id, one of 1,000; their baseline is that in a plain loop",
      "a plain loop has no thread to ask and nobody else to let in: Muster's answer comes from another thread and back",
      ...missing,
    ],
  };
}

export const readsRow: Row = { name: "reads", title: "Reads, 64 callers", usesPeers: true, run: measureReads };
