import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { until } from "../../helpers/database.ts";
import { inspectDisk, NO_LOSSES, type InspectionOptions, type Losses } from "./inspect.ts";
import { cutPower, type CutFinding } from "./power-cuts.ts";
import { PoweredProcess } from "./powered-process.ts";
import { Promises, type LoadReport } from "./promises.ts";

const LOAD_SCRIPT = fileURLToPath(new URL("./load.ts", import.meta.url));

export interface LoadOptions {
  readonly folder: string;
  /** Of the archive, milliseconds. */
  readonly intervalMs: number;
  /** How long it goes on when it has queued writes and made a snapshot, milliseconds. */
  readonly lifeMs: number;
  readonly end: "kill" | "stop";
}

/** Lets everything be written for a while. */
export async function runLoad({ folder, intervalMs, lifeMs, end }: LoadOptions): Promise<PoweredProcess> {
  const powered = new PoweredProcess(folder, LOAD_SCRIPT, [String(intervalMs)]);
  const isUnderWay = (): boolean => {
    const { hasSnapshot, queuedCount } = promisesOf(powered.reports);
    return hasSnapshot && queuedCount > 0;
  };
  await until(() => isUnderWay() || !powered.isRunning);
  if (!powered.isRunning) throw new Error("the process that is to lose its power has ended by itself");
  await pause(lifeMs);
  await (end === "kill" ? powered.kill() : powered.stop());
  return powered;
}

export interface CutOptions extends InspectionOptions {
  /** That of the load. */
  readonly folder: string;
  readonly seed: number;
  readonly cutCount: number;
  readonly disksPerCut: number;
}

/** Cuts power at places of chance in what a load has done, and returns what was lost. */
export function cutPowerInLoad(
  powered: PoweredProcess,
  { folder, seed, cutCount, disksPerCut, ...inspection }: CutOptions,
): Promise<CutFinding<Losses>[]> {
  const records = powered.readJournal();
  return cutPower({
    ...{ root: powered.root, records, cutCount, disksPerCut, seed },
    folder: join(folder, `drawn-${inspection.depth}`),
    // The schema stands.
    from: records.findIndex(({ kind }) => kind === "note"),
    inspect: ({ folder: disk, reports }) => inspectDisk(disk, promisesOf(reports), inspection),
    isWell: (losses) => JSON.stringify(losses) === JSON.stringify(NO_LOSSES),
  });
}

export function promisesOf(reports: readonly unknown[]): Promises {
  const promises = new Promises();
  for (const report of reports) promises.add(report as LoadReport);
  return promises;
}
