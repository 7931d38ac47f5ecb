import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

/** The counters, in a thread that works at something long before it is ready: until a file `.released` is there. */
const { connection } = workerData as { connection: { path: string } };
while (!existsSync(`${connection.path}.released`)) {
  parentPort!.postMessage({ notice: "working" });
  appendFileSync(`${connection.path}.worked`, "1");
  await pause(5);
}

export { migrations, operations } from "../../helpers/counter-data-module.ts";
