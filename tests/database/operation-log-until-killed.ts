import { writeSync } from "node:fs";
import { systemClock } from "../../src/core/clock.ts";
import type { Logger } from "../../src/core/logger.ts";
import { OperationLog } from "../../src/database/operation-log.ts";

/**
 * A process of its own that records operations 0, 1, 2, … in several logs at once, and writes to its standard output of
 * which log how many it was told are in the file. It ends in the way that its plan says, or is killed.
 */
export interface RecordingPlan {
  /** `kill`: goes on until somebody kills it. `crash`: throws. `exit`: leaves. Both when every log has had its turns. */
  readonly end: "kill" | "crash" | "exit";
  readonly logs: readonly LogPlan[];
}

export interface LogPlan {
  readonly folder: string;
  readonly turnCount: number;
  readonly recordsPerTurn: number;
  readonly turnsPerFlush: number;
  readonly isFlushedSynchronously: boolean;
}

/** In each log: nobody needs a killer to be late for longer. */
const MAX_RECORDS = 30_000;

/** The one of `core` would bring winston, which takes longer to load than all the rest. */
const nothing = (): void => undefined;
const logger: Logger = { error: nothing, warn: nothing, info: nothing, debug: nothing, with: () => logger };

const { end, logs: plans } = JSON.parse(process.argv[2]!) as RecordingPlan;
const logs = plans.map(
  ({ folder }) =>
    new OperationLog({ ...{ folder, clock: systemClock, logger, isDebug: () => false }, flushIntervalMs: 3 }),
);
function flushAll(): void {
  for (const log of logs) log.flushSync();
}
process.on("uncaughtException", () => {
  flushAll();
  process.exit(3);
});
process.on("exit", flushAll);

async function record(index: number, plan: LogPlan): Promise<void> {
  const log = logs[index]!;
  log.start();
  let count = 0;
  for (let turn = 1; end === "kill" ? count < MAX_RECORDS : turn <= plan.turnCount; turn++) {
    for (let record = 0; record < plan.recordsPerTurn; record++) {
      log.record({
        ...{ id: `id-${count++}`, name: "events.find", at: Date.now(), durationMs: 1, attempts: 1, outcome: "ok" },
      });
    }
    if (turn % plan.turnsPerFlush === 0) {
      if (plan.isFlushedSynchronously) log.flushSync();
      else await log.flush();
      writeSync(1, `${index} ${count}\n`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

await Promise.all(plans.map((plan, index) => record(index, plan)));
if (end === "crash") {
  setTimeout(() => {
    throw new Error("as planned");
  });
} else if (end === "exit") {
  process.exit(0);
}
