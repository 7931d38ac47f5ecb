import { openSync, writeSync } from "node:fs";
import type { ArchivedReport } from "./archived-process.ts";
import { createCounterDatabase } from "./database.ts";

/*
 * A process that writes to an archived database until it is killed or told to stop. Each write adds to a counter of its
 * own, and what is acknowledged is noted in a journal at once: a line there outlives the process, whatever ends it.
 */
const [folder = "", archiveFolder = "", journalPath = "", intervalMs = "0", firstNumber = "0", pauseMs = "1"] =
  process.argv.slice(2);
const WRITER_COUNT = 4;
const REPORT_INTERVAL_MS = 50;

const send = (report: ArchivedReport): void => void process.send?.(report);
const journal = openSync(journalPath, "a");
const database = createCounterDatabase({ folder, readerCount: 1 });
const { engine, manager } = database;
let isStopping = false;
let number = Number(firstNumber);

async function write(): Promise<void> {
  const name = String(number++);
  try {
    await manager.call("counter.add", { name, amount: 1 });
    writeSync(journal, `${name} ${Date.now()}\n`);
  } catch (error) {
    send({ kind: "refused", message: String(error) });
  }
}

process.on("disconnect", () => process.exit(1));
process.on("message", (command: "stop" | "crash") => {
  if (command === "stop") isStopping = true;
  // Ends the writer thread in the middle of a transaction.
  else void manager.call("counter.crash", { name: "crash" }).catch(() => undefined);
});

engine.setArchive({ folder: archiveFolder, intervalMs: Number(intervalMs) });
await manager.start();
send({ kind: "started" });
const reporting = setInterval(() => send({ kind: "status", status: engine.archiveStatus }), REPORT_INTERVAL_MS);
await Promise.all(
  Array.from({ length: WRITER_COUNT }, async () => {
    while (!isStopping) {
      await write();
      await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
    }
  }),
);
clearInterval(reporting);
await database.close();
process.disconnect();
