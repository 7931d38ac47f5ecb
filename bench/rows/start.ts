import { join } from "node:path";
import type { Bench, Findings, Row } from "../harness.ts";
import { MainProcess } from "./main-process.ts";
import { bigBytes, createFilledFolder, startBot, startSandbox, stopBot } from "./muster.ts";

const GOAL_MS = 2_000;

async function measureStart(bench: Bench): Promise<Findings> {
  const folder = await createFilledFolder(bench, bigBytes(bench));
  const first = await startBot(bench, { name: "first", folder });
  await first.bot.call("settle");
  await stopBot(bench, first);
  const { address } = await startSandbox(bench);
  const startMuster = async (): Promise<number> => {
    const main = await MainProcess.start(folder, address);
    await main.stop();
    return main.readyAfterMs;
  };
  const startPlain = async (): Promise<number> => {
    const startedAt = performance.now();
    const plain = bench.start("plain.ts");
    await plain.call("open", join(folder, "data", "muster.db"));
    const durationMs = performance.now() - startedAt;
    await plain.call("close");
    await bench.stop(plain);
    return durationMs;
  };
  // The compiled code is kept from here on, as it is for everybody after the first start.
  await startMuster();
  const samples = await bench.interleave({ muster: startMuster, plain: startPlain });
  const baseline = { subject: "node and one read", samples: samples.plain };
  return {
    figures: [
      { subject: "Muster", unit: "ms", samples: samples.muster, baseline, goal: { of: "value", atMost: GOAL_MS } },
      { subject: "node and one read by plain better-sqlite3", unit: "ms", samples: samples.plain },
    ],
    notes: [
      "from the start of `node src/main.ts` until /health/ready says that it is connected (sandbox in another process) and its database available; asked every 5 ms",
    ],
  };
}

export const startRow: Row = { name: "start", title: "Start to ready with 1 GB", run: measureStart };
