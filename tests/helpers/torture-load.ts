import { monitorEventLoopDelay } from "node:perf_hooks";
import { inspect } from "node:util";
import { isMusterError, toError } from "../../src/core/errors.ts";
import type { LogFields, Logger } from "../../src/core/logger.ts";
import type { TestDatabase } from "./database.ts";
import { createTortureDatabase } from "./torture-database.ts";
import type { TortureReport } from "./torture-process.ts";

/*
 * The process under torture: adds to a counter of its own for each write, reads now and then, and tells its parent of
 * every write what became of it as soon as it knows. Ends when it is told to stop, or is killed.
 */
const [databaseFolder = "", spoolFolder = "", firstNumber = "0"] = process.argv.slice(2);
/** Writes that begin together, and the pause behind them. */
const GROUP_SIZE = 4;
const PAUSE_MS = 25;
const REPORT_INTERVAL_MS = 100;

const send = (report: TortureReport): void => void process.send?.(report);
const codeOf = (error: unknown): string => (isMusterError(error) ? error.code : toError(error).message);

/** What the log says of the system's and SQLite's own errors: that a fault has hit something at all. */
function reportFaults(message: string, fields: LogFields = {}): void {
  const codes = inspect({ message, fields }, { depth: 5 }).match(/\b(SQLITE_[A-Z_]+|E[A-Z]{2,10})\b/g) ?? [];
  for (const code of new Set(codes)) send({ kind: "fault", code });
}
const logger: Logger = {
  ...{ error: reportFaults, warn: reportFaults, info: () => undefined, debug: () => undefined },
  with: () => logger,
};

let isStopping = false;
process.on("message", () => (isStopping = true));
process.on("disconnect", () => process.exit(1));

async function write({ manager }: TestDatabase, number: number): Promise<void> {
  try {
    const result = await manager.call("counter.add", { name: String(number), amount: 1 });
    send({ kind: result === undefined ? "queued" : "applied", number });
  } catch (error) {
    send({ kind: "refused", number, code: codeOf(error) });
  }
}

async function read({ manager }: TestDatabase, number: number): Promise<void> {
  try {
    await manager.call("counter.listLedger", {});
    await manager.call("counter.get", { name: String(number) });
    send({ kind: "read" });
  } catch (error) {
    send({ kind: "read", code: codeOf(error) });
  }
}

const database = createTortureDatabase({ database: databaseFolder, spool: spoolFolder }, logger);
const delays = monitorEventLoopDelay({ resolution: 5 });
const reporting = setInterval(() => {
  const { state } = database.degradation;
  const reason = state.kind === "normal" ? undefined : `${state.reason.code}: ${state.reason.message}`;
  const { queue, engine } = database.manager.health();
  send({
    kind: "state",
    state: state.kind,
    reason,
    engine: engine.state.kind,
    waiting: queue.size,
    stallMs: delays.max / 1e6,
  });
  delays.reset();
}, REPORT_INTERVAL_MS);

// Rejects while the database cannot be used; the engine keeps trying.
await database.manager.start().catch(() => undefined);
delays.enable();
for (let number = Number(firstNumber); !isStopping; number += GROUP_SIZE) {
  const numbers = Array.from({ length: GROUP_SIZE }, (_, index) => number + index);
  await Promise.all([
    ...numbers.map((it) => write(database, it)),
    ...(number % 5 === 0 ? [read(database, number)] : []),
  ]);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
await database.close();
clearInterval(reporting);
process.disconnect();
