import { writeSync } from "node:fs";
import { systemClock } from "../../src/core/clock.ts";
import type { Logger } from "../../src/core/logger.ts";
import { OperationLog } from "../../src/database/operation-log.ts";

/**
 * A process of its own that records operations 0, 1, 2, … and writes to its standard output how many it was told are in
 * the file. It ends in the way that its plan says, or is killed.
 */
export interface RecordingPlan {
  readonly folder: string;
  /** `kill`: goes on until somebody kills it. `crash`: throws. `exit`: leaves. Both after `turnCount` turns. */
  readonly end: "kill" | "crash" | "exit";
  readonly turnCount: number;
  readonly recordsPerTurn: number;
  readonly turnsPerFlush: number;
  readonly isFlushedSynchronously: boolean;
}

/** Nobody needs a killer to be late for longer. */
const MAX_RECORDS = 300_000;

/** The one of `core` would bring winston, which takes longer to load than all the rest. */
const nothing = (): void => undefined;
const logger: Logger = { error: nothing, warn: nothing, info: nothing, debug: nothing, with: () => logger };

const plan = JSON.parse(process.argv[2]!) as RecordingPlan;
const log = new OperationLog({
  ...{ folder: plan.folder, clock: systemClock, logger, isDebug: () => false },
  flushIntervalMs: 3,
});
log.start();
process.on("uncaughtException", () => {
  log.flushSync();
  process.exit(3);
});
process.on("exit", () => log.flushSync());

let count = 0;
for (let turn = 1; plan.end === "kill" ? count < MAX_RECORDS : turn <= plan.turnCount; turn++) {
  for (let record = 0; record < plan.recordsPerTurn; record++) {
    log.record({
      ...{ id: `id-${count++}`, name: "events.find", at: Date.now(), durationMs: 1, attempts: 1, outcome: "ok" },
    });
  }
  if (turn % plan.turnsPerFlush === 0) {
    if (plan.isFlushedSynchronously) log.flushSync();
    else await log.flush();
    writeSync(1, `${count}\n`);
  }
  await new Promise((resolve) => setImmediate(resolve));
}
if (plan.end === "crash") {
  setTimeout(() => {
    throw new Error("as planned");
  });
} else if (plan.end === "exit") {
  process.exit(0);
}
