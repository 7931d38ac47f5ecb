import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { sleep, type Clock } from "../../core/clock.ts";
import { COMPILE_CACHE_FOLDER } from "../../core/compile-cache.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { backoffDelayMs, type RetryConfig } from "../../resilience/backoff.ts";
import { fromWireError } from "../sqlite/thread-protocol.ts";
import type { MaintenanceJob, MaintenanceResult } from "./maintenance-job.ts";
import type { MaintenanceMessage } from "./maintenance-process.ts";
import type { ReportProgress } from "./maintenance-progress.ts";

export interface MaintenanceRunnerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds after which a job counts as hanging and is killed. Default 30 minutes. */
  readonly timeoutMs?: number;
  /** Module that the process is started with; default `maintenance-process.ts`. */
  readonly entry?: URL;
}

export interface RunOptions {
  readonly onProgress?: ReportProgress;
  /** Kills the job when it is aborted, or never begins it: SHUTTING_DOWN. */
  readonly signal?: AbortSignal;
  /** Removes what an unfinished job left behind, once its process is gone; must not fail when there is nothing. */
  readonly cleanUp?: () => Promise<void> | void;
}

const DEFAULT_TIMEOUT_MS = 30 * 60_000;
/** A process that has answered has nothing left to do but to end. */
const EXIT_GRACE_MS = 5_000;
const HEAP_LIMIT_MB = 512;
/** Enough of what a dying process said to know why. */
const STDERR_LIMIT = 4_000;
/** For a system that has no room for another process at the moment. */
const START_RETRY: RetryConfig = { maxAttempts: 8, baseDelay: 100, maxDelay: 5_000, backoffMultiplier: 2 };
const ENTRY = new URL("./maintenance-process.ts", import.meta.url);

/** Runs jobs in the maintenance process, one after another, each in a process of its own. */
export class MaintenanceRunner {
  readonly #options: MaintenanceRunnerOptions;
  #last: Promise<void> = Promise.resolve();
  #running: { readonly child: ChildProcess; readonly abort: (cause: MusterError) => void } | undefined;
  #isStopped = false;

  constructor(options: MaintenanceRunnerOptions) {
    this.#options = options;
  }

  /** The id of the process that works now. */
  get processId(): number | undefined {
    return this.#running?.child.pid;
  }

  /**
   * The job's result, once its process has ended. Throws what the job threw, OPERATION_TIMEOUT when it was killed for
   * hanging, SHUTTING_DOWN when it was killed or never begun because of `stop()`, INTERNAL when its process died.
   */
  run<Job extends MaintenanceJob>(job: Job, options: RunOptions = {}): Promise<MaintenanceResult<Job>> {
    const result = this.#last.then(() => this.#start(job, options));
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result as Promise<MaintenanceResult<Job>>;
  }

  /** Kills what runs, refuses what waits; resolves when nothing is left. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#running?.abort(createStopError());
    await this.#last;
  }

  async #start(job: MaintenanceJob, { onProgress, signal, cleanUp }: RunOptions): Promise<unknown> {
    if (this.#isStopped || signal?.aborted) throw createStopError();
    const { logger } = this.#options;
    logger.debug("maintenance job begins", { kind: job.kind });
    try {
      const result = await this.#tryToRun(job, onProgress ?? (() => undefined), signal);
      logger.debug("maintenance job done", { kind: job.kind });
      return result;
    } catch (error) {
      await cleanUp?.();
      throw error;
    }
  }

  /** A process that cannot be started has done nothing: it is tried again. */
  async #tryToRun(job: MaintenanceJob, onProgress: ReportProgress, signal: AbortSignal | undefined): Promise<unknown> {
    const { clock, logger } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#runProcess(job, onProgress, signal);
      } catch (error) {
        const hasBegun = !isMusterError(error) || error.details?.["hasBegun"] !== false;
        if (hasBegun || attempt === START_RETRY.maxAttempts) throw error;
        logger.warn("a maintenance process could not be started, trying again", { attempt, error });
      }
      await sleep(clock, backoffDelayMs(attempt, START_RETRY, Math.random), signal);
      if (this.#isStopped || signal?.aborted) throw createStopError();
    }
  }

  async #runProcess(
    job: MaintenanceJob,
    onProgress: ReportProgress,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const { clock, timeoutMs = DEFAULT_TIMEOUT_MS, entry = ENTRY } = this.#options;
    const activity = `run the maintenance job ${job.kind}`;
    const child = await startProcess(entry, activity);
    const outcome = Promise.withResolvers<unknown>();
    // Awaited only when the process has ended, and that may be long after it failed.
    outcome.promise.catch(() => undefined);
    const exited = Promise.withResolvers<void>();
    let stderr = "";
    let cancelTimer = (): void => undefined;

    const abort = (cause: MusterError): void => {
      outcome.reject(cause);
      // Inside a call of SQLite nothing else is listened to.
      child.kill("SIGKILL");
    };
    const awaitExit = (): void => {
      cancelTimer();
      cancelTimer = clock.schedule(EXIT_GRACE_MS, () => child.kill("SIGKILL"));
    };
    cancelTimer = clock.schedule(timeoutMs, () =>
      abort(
        new MusterError("OPERATION_TIMEOUT", `${activity}: it was not done within ${timeoutMs} ms, and was killed`),
      ),
    );
    child.stderr!.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-STDERR_LIMIT)));
    child.on("message", (message: MaintenanceMessage) => {
      if (message.message === "progress") return onProgress(message.progress);
      if (message.message === "done") outcome.resolve(message.result);
      else outcome.reject(fromWireError(message.error));
      awaitExit();
    });
    child.on("error", (cause) => {
      outcome.reject(new MusterError("INTERNAL", `${activity}: ${cause.message}`, { cause }));
    });
    child.on("close", (code, signal) => {
      const message = `${activity}: its process ended with ${signal ?? `code ${String(code)}`} and no answer`;
      outcome.reject(new MusterError("INTERNAL", message, { details: { stderr } }));
      exited.resolve();
    });
    const onAbort = (): void => abort(createStopError());
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#running = { child, abort };
    child.send(job, (error) => {
      if (error) abort(new MusterError("INTERNAL", `${activity}: ${error.message}`, { cause: error }));
    });
    return exited.promise.then(() => {
      cancelTimer();
      signal?.removeEventListener("abort", onAbort);
      this.#running = undefined;
      return outcome.promise;
    });
  }
}

/** Who does the jobs, wherever they are done. */
export type Maintenance = Pick<MaintenanceRunner, "run" | "stop">;

/** Throws when the system refuses, in whichever way: at once, or as an error of a child that has no process and no streams. */
async function startProcess(entry: URL, activity: string): Promise<ChildProcess> {
  try {
    const child = fork(fileURLToPath(entry), [], {
      // Neither the settings with their secrets nor the options of the bot's own process are for it.
      env: { NODE_COMPILE_CACHE: COMPILE_CACHE_FOLDER },
      execArgv: [`--max-old-space-size=${HEAP_LIMIT_MB}`],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    if (child.pid === undefined) throw ((await once(child, "error")) as [Error])[0];
    return child;
  } catch (error) {
    throw createStartError(activity, toError(error));
  }
}

function createStartError(activity: string, cause: Error): MusterError {
  const details = { hasBegun: false };
  return new MusterError("INTERNAL", `${activity}: its process cannot be started: ${cause.message}`, {
    ...{ cause, details },
    hint: "The system may be short of memory or of processes.",
  });
}

function createStopError(): MusterError {
  return new MusterError("SHUTTING_DOWN", "run a maintenance job: the program is stopping");
}
