import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pause, type Bench, type Findings, type Row } from "../harness.ts";
import { bigBytes, createFilledFolder, startBot } from "./muster.ts";

const WRITES_PER_SECOND = 1_000;
const GOAL_RATIO = 2;
const RESTORE_GOAL_S = 10;
const RESTORE_REPETITIONS = 5;

const seconds = (samples: readonly number[]): number[] => samples.map((ms) => ms / 1_000);

async function measureBackup(bench: Bench): Promise<Findings> {
  const folder = await createFilledFolder(bench, bigBytes(bench));
  const { bot, databasePath } = await startBot(bench, { name: "muster", folder });
  await bot.call("prepare");
  await bot.call("settle");
  const backUp = async (): Promise<number> => (await bot.call<{ durationMs: number }>("backUp")).durationMs;
  const plain = bench.start("plain.ts");
  await plain.call("open", databasePath);
  const copyPath = join(await bench.createFolder("copy"), "copy.db");
  const samples = await bench.interleave({
    idle: backUp,
    async "under load"() {
      await bot.call("startLoad", WRITES_PER_SECOND);
      await pause(500);
      const durationMs = await backUp();
      await bot.call("stopLoad");
      return durationMs;
    },
    async plain() {
      const durationMs = await plain.call<number>("backUp", copyPath);
      await rm(copyPath);
      return durationMs;
    },
  });
  const baseline = { subject: "plain, idle", samples: seconds(samples.plain) };
  return {
    figures: [
      {
        ...{ subject: "under 1,000 writes/s", unit: "s", samples: seconds(samples["under load"]) },
        ...{ baseline: { subject: "idle", samples: seconds(samples.idle) }, goal: { of: "ratio", atMost: GOAL_RATIO } },
      },
      { subject: "idle", unit: "s", samples: seconds(samples.idle), baseline },
      { subject: "plain, idle", unit: "s", samples: seconds(samples.plain) },
    ],
    notes: [
      "Muster: pages copied from a pinned state, read back, integrity and foreign keys checked, rows counted, hashed, compressed, fsynced, with its manifest; then old ones pruned",
      "plain: `db.backup()` and `integrity_check` of the copy, on the main thread of another process; under load by another process it would never end",
    ],
  };
}

async function measureRestore(bench: Bench): Promise<Findings> {
  const folder = await createFilledFolder(bench, bigBytes(bench));
  const { bot, databasePath } = await startBot(bench, { name: "muster", folder });
  await bot.call("settle");
  const { id } = await bot.call<{ id: string }>("backUp");
  const plain = bench.start("plain.ts");
  await plain.call("open", databasePath);
  const copyPath = join(await bench.createFolder("copy"), "copy.db");
  const samples: { muster: number[]; plain: number[] } = { muster: [], plain: [] };
  for (let repetition = 0; repetition < Math.min(bench.repetitions, RESTORE_REPETITIONS); repetition++) {
    bench.progress(`restore ${repetition + 1}`);
    samples.plain.push(await plain.call<number>("backUp", copyPath));
    await rm(copyPath);
    samples.muster.push(await bot.call<number>("restore", id));
    await bot.call("settle");
  }
  return {
    figures: [
      {
        ...{ subject: "Muster", unit: "s", samples: seconds(samples.muster) },
        baseline: { subject: "plain copy and check", samples: seconds(samples.plain) },
        goal: { of: "value", atMost: RESTORE_GOAL_S },
      },
      { subject: "plain copy and check", unit: "s", samples: seconds(samples.plain) },
    ],
    notes: [
      "under a running bot, until the restored database answers: unpacked, hash compared, integrity and foreign keys checked, rows counted, fsynced, exchanged, opened",
    ],
  };
}

export const backupRow: Row = { name: "backup", title: "Backup of 1 GB", run: measureBackup };
export const restoreRow: Row = { name: "restore", title: "Restore of 1 GB, verified", run: measureRestore };
