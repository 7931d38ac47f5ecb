import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { workerData } from "node:worker_threads";

/**
 * The counters, on a disk that hangs while a named pipe is beside the database file: reading that does not return until
 * somebody writes to it, and nothing ends a thread that is in such a call.
 */
const { connection } = workerData as { connection: { path: string } };
const pipe = `${connection.path}.pipe`;
if (existsSync(pipe)) {
  appendFileSync(`${connection.path}.hung`, "1");
  readFileSync(pipe);
}

export { migrations, operations } from "../../helpers/counter-data-module.ts";
