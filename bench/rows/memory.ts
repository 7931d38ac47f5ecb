import { pause, type Bench, type Findings, type Row } from "../harness.ts";
import { MainProcess, residentMbOf } from "./main-process.ts";
import { startSandbox } from "./muster.ts";

const GUILD_COUNT = 1_000;
const GOAL_MB = 200;
const MAX_REPETITIONS = 3;

async function measureMemory(bench: Bench): Promise<Findings> {
  const settleMs = bench.choose(60_000, 20_000);
  const samples: Record<"muster" | "plain", number[]> = { muster: [], plain: [] };
  for (let repetition = 0; repetition < Math.min(bench.repetitions, MAX_REPETITIONS); repetition++) {
    bench.progress(`Muster ${repetition + 1}`);
    const { sandbox, address } = await startSandbox(bench, GUILD_COUNT);
    const main = await MainProcess.start(await bench.createFolder("muster"), address);
    await pause(settleMs);
    samples.muster.push(main.residentMb);
    await main.stop();
    await bench.stop(sandbox);

    bench.progress(`a plain bot ${repetition + 1}`);
    const plain = await startSandbox(bench, GUILD_COUNT);
    const plainBot = bench.start("plain-bot.ts");
    const { token, apiUrl } = plain.address;
    await plainBot.call("open", { folder: await bench.createFolder("plain"), access: { token, apiUrl } });
    await pause(settleMs);
    samples.plain.push(residentMbOf(plainBot.pid));
    await bench.stop(plainBot);
    await bench.stop(plain.sandbox);
  }
  const baseline = { subject: "a plain bot", samples: samples.plain };
  return {
    figures: [
      { subject: "Muster", unit: "MB", samples: samples.muster, baseline, goal: { of: "value", atMost: GOAL_MB } },
      { subject: "a plain bot", unit: "MB", samples: samples.plain },
    ],
    notes: [
      `VmRSS of \`node src/main.ts\` ${settleMs / 1_000} s after it was ready, in ${GUILD_COUNT} servers of 22 members, monitor on; a plain bot: discord.js and better-sqlite3, nothing else`,
    ],
  };
}

export const memoryRow: Row = { name: "memory", title: "Memory with 1,000 servers", run: measureMemory };
