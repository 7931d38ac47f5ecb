import { get } from "node:http";
import { findFreePort } from "../../src/sandbox/free-port.ts";
import type { Bench, Figure, Findings, Row } from "../harness.ts";
import type { Remote } from "../processes/rpc.ts";
import type { Stalls } from "../processes/stall-watch.ts";
import { MUSTER_USES, startBotWithEvents } from "./interactions.ts";

const CALLERS = 32;
const SCRAPE_EVERY_MS = 1_000;

/** A browser with the dashboard open, and Prometheus: both in this process, where they cost the bot only what they ask of it. */
function openObservers(url: string): () => void {
  const stream = get(`${url}/api/stream`, (response) => response.resume());
  stream.on("error", () => undefined);
  const scrape = setInterval(() => {
    get(`${url}/metrics`, (response) => response.resume()).on("error", () => undefined);
  }, SCRAPE_EVERY_MS);
  return () => {
    clearInterval(scrape);
    stream.destroy();
  };
}

async function measureObservers(bench: Bench): Promise<Findings> {
  const { bot, sandbox } = await startWithMonitor(bench);
  const url = await bot.call<string>("monitorUrl");
  const durationMs = bench.choose(10_000, 3_000);
  const stalls: Record<"alone" | "observed", Stalls[]> = { alone: [], observed: [] };
  const useOnce = async (who: "alone" | "observed"): Promise<number> => {
    const close = who === "observed" ? openObservers(url) : (): void => undefined;
    await bot.call("watchStart");
    const rate = await sandbox.call<number>("useAtOnce", { uses: MUSTER_USES, callers: CALLERS, durationMs });
    stalls[who].push(await bot.call<Stalls>("watchStop"));
    close();
    return rate;
  };
  // Code that runs for the first time is compiled first.
  for (const who of ["alone", "observed"] as const) await useOnce(who);
  stalls.alone.length = stalls.observed.length = 0;
  const rates = await bench.interleave({ alone: () => useOnce("alone"), observed: () => useOnce("observed") });
  const delay = (name: keyof Stalls, subject: string): Figure => ({
    ...{ subject, unit: "ms", samples: stalls.observed.map((one) => one[name]) },
    baseline: { subject: "without", samples: stalls.alone.map((one) => one[name]) },
  });
  return {
    figures: [
      {
        ...{ subject: "interactions, with stream and scrapes", unit: "per second", samples: rates.observed },
        baseline: { subject: "without", samples: rates.alone },
      },
      { subject: "interactions, without", unit: "per second", samples: rates.alone },
      delay("p50Ms", "event-loop delay, p50"),
      delay("p99Ms", "event-loop delay, p99"),
      delay("maxMs", "event-loop delay, longest"),
    ],
    notes: [
      `${CALLERS} members who ask again at once, with and without a dashboard's stream open and /metrics scraped each second`,
    ],
  };
}

async function startWithMonitor(bench: Bench): Promise<{ bot: Remote; sandbox: Remote }> {
  // One that the system names: 0 would turn the monitor off.
  return startBotWithEvents(bench, "observed", { MONITOR_PORT: String(await findFreePort()) });
}

export const observersRow: Row = {
  name: "observers",
  title: "What a dashboard and a scrape cost the bot",
  run: measureObservers,
};
