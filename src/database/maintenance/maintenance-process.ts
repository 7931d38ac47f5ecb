import { constants, setPriority } from "node:os";
import "../../core/lean-loading.ts";
import { toWireError, type WireError } from "../sqlite/thread-protocol.ts";
import type { MaintenanceJob } from "./maintenance-job.ts";
import type { MaintenanceProgress } from "./maintenance-progress.ts";
import { performJob } from "./perform-job.ts";

/**
 * The maintenance process: started for one job, which it gets as its only message, and gone with its answer. It is a
 * process because closing a handle on the database inside the bot's would drop SQLite's locks there, and because a heavy
 * job must not share the bot's heap, nor take its turn.
 */

export type MaintenanceMessage =
  | { readonly message: "progress"; readonly progress: MaintenanceProgress }
  | { readonly message: "done"; readonly result: unknown }
  | { readonly message: "failed"; readonly error: WireError };

function send(message: MaintenanceMessage): Promise<void> {
  // Without a parent there is nobody to tell, and nothing left to do.
  return new Promise((resolve) => (process.connected ? process.send!(message, () => resolve()) : resolve()));
}

async function run(job: MaintenanceJob): Promise<void> {
  try {
    const result = await performJob(job.kind, job, (progress) => void send({ message: "progress", progress }));
    await send({ message: "done", result });
  } catch (error) {
    await send({ message: "failed", error: toWireError(error) });
  }
  // Done: from here on that the channel ends is in order, and it was all that kept the process alive.
  process.removeAllListeners("disconnect");
  if (process.connected) process.disconnect();
}

/** The disk and the processor belong to the bot first. */
function lowerPriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // A system that does not allow it: the job runs all the same, at the priority it has.
  }
}

lowerPriority();
// A terminal sends Ctrl-C to the whole group: the bot decides when its maintenance ends.
process.on("SIGINT", () => undefined);
// A job whose bot was killed ends where it can be ended: another bot may have the database by now.
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.once("message", (job) => void run(job as MaintenanceJob));
