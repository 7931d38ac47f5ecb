import type { AppOptions } from "../../src/app.ts";
import { MusterError } from "../../src/core/errors.ts";
import type {
  MaintenanceJob,
  MaintenanceKind,
  MaintenanceResult,
} from "../../src/database/maintenance/maintenance-job.ts";
import {
  MaintenanceRunner,
  type Maintenance,
  type RunOptions,
} from "../../src/database/maintenance/maintenance-runner.ts";
import { performJob } from "../../src/database/maintenance/perform-job.ts";
import { fromWireError, toWireError } from "../../src/database/sqlite/thread-protocol.ts";

/**
 * Does maintenance jobs in the test's own process, one after another: a process for each costs as much as most tests.
 * Only where nothing in this process has the database open, else `createJobsBesideBot`. What goes in and what comes out
 * is plain data, as it is between processes.
 */
export class JobsHere implements Maintenance {
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

/** These open the database's file without SQLite: closing it would drop the locks that the bot has on it. */
const NOT_BESIDE_A_BOT: readonly MaintenanceKind[] = ["scrub-pages", "repair-pages"];

/** For a bot in the test's own process: what may not be done beside it has a process, as in life. */
export const createJobsBesideBot: NonNullable<AppOptions["createMaintenance"]> = (parts) => {
  const [here, processes] = [new JobsHere(), new MaintenanceRunner(parts)];
  return {
    run: (job, options) => (NOT_BESIDE_A_BOT.includes(job.kind) ? processes : here).run(job, options),
    stop: async () => void (await Promise.all([here.stop(), processes.stop()])),
  };
};

function toPlain<Value>(value: Value): Value {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as Value);
}
