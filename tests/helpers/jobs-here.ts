import { MusterError } from "../../src/core/errors.ts";
import type { MaintenanceJob, MaintenanceResult } from "../../src/database/maintenance/maintenance-job.ts";
import type { MaintenanceRunner, RunOptions } from "../../src/database/maintenance/maintenance-runner.ts";
import { performJob } from "../../src/database/maintenance/perform-job.ts";
import { fromWireError, toWireError } from "../../src/database/sqlite/thread-protocol.ts";

/**
 * Does maintenance jobs in the test's own process, one after another: a process for each costs as much as most tests.
 * Only where nothing in this process has the database open: closing it here would drop the locks of the others. What
 * goes in and what comes out is plain data, as it is between processes.
 */
export class JobsHere implements Pick<MaintenanceRunner, "run" | "stop"> {
  #last: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  readonly run = <Job extends MaintenanceJob>(job: Job, options: RunOptions = {}): Promise<MaintenanceResult<Job>> => {
    const result = this.#last.then(() => this.#perform(job, options));
    this.#last = result.catch(() => undefined);
    return result;
  };

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#last;
  }

  async #perform<Job extends MaintenanceJob>(job: Job, options: RunOptions): Promise<MaintenanceResult<Job>> {
    const { onProgress = () => undefined, signal, cleanUp } = options;
    if (this.#isStopped || signal?.aborted) throw new MusterError("SHUTTING_DOWN", "run a maintenance job");
    try {
      return toPlain(await performJob(job.kind, toPlain(job), onProgress));
    } catch (error) {
      await cleanUp?.();
      throw fromWireError(toPlain(toWireError(error)));
    }
  }
}

function toPlain<Value>(value: Value): Value {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as Value);
}
