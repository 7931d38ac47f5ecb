import type { Clock } from "../core/clock.ts";
import { createId } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { ReportProgress } from "../database/maintenance/maintenance-progress.ts";
import type { JobReport } from "./api-types.ts";
import { describeFailure, HttpRefusal } from "./http-error.ts";

/** Ended ones that can still be asked for. */
const MAX_ENDED = 50;

/** Long pieces of work begun by requests: each is answered at once with its report, and goes on by itself. */
export class Jobs {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<(job: JobReport) => void>();
  /** The oldest first. */
  readonly #byId = new Map<string, JobReport>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  get(id: string): JobReport | undefined {
    return this.#byId.get(id);
  }

  list(): readonly JobReport[] {
    return [...this.#byId.values()];
  }

  /** Calls back when a job begins, gets on and ends. Listeners must not throw. Returns what ends it. */
  onJob(listener: (job: JobReport) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `run` gives what is said at the end. Throws a refusal while another of its kind is in progress. */
  begin(kind: JobReport["kind"], run: (onProgress: ReportProgress) => Promise<string>): JobReport {
    if (this.list().some((job) => job.kind === kind && job.state === "running")) {
      throw new HttpRefusal(409, "CONFLICT", `A ${kind} is in progress already.`, "Wait until it has ended.");
    }
    const startedAt = this.#clock.now();
    const job: JobReport = { id: createId(startedAt), kind, state: "running", startedAt };
    this.#keep(job);
    void this.#run(job.id, run);
    return job;
  }

  async #run(id: string, run: (onProgress: ReportProgress) => Promise<string>): Promise<void> {
    const end = (state: "succeeded" | "failed", message: string): void =>
      this.#update(id, {
        state,
        message,
        finishedAt: this.#clock.now(),
        ...(state === "succeeded" ? { progress: 1 } : {}),
      });
    try {
      end("succeeded", await run(({ step, share }) => this.#noteProgress(id, step, share)));
    } catch (error) {
      if (error instanceof HttpRefusal) {
        end("failed", error.message);
        return;
      }
      const { message, reference } = describeFailure(error, this.#logger, { job: id });
      end("failed", `${message} Reference ${reference}.`);
    }
  }

  /** By whole percents: a heavy job reports more often than anybody looks. */
  #noteProgress(id: string, step: string, share: number | undefined): void {
    const job = this.#byId.get(id);
    const progress = share === undefined ? undefined : Math.floor(share * 100) / 100;
    if (job?.state !== "running" || (job.step === step && job.progress === progress)) return;
    this.#update(id, { step, ...(progress === undefined ? {} : { progress }) });
  }

  #update(id: string, change: Partial<JobReport>): void {
    const job = this.#byId.get(id);
    if (job) this.#keep({ ...job, ...change });
  }

  #keep(job: JobReport): void {
    this.#byId.set(job.id, job);
    const ended = this.list().filter(({ state }) => state !== "running");
    if (ended.length > MAX_ENDED) this.#byId.delete(ended[0]!.id);
    for (const listener of this.#listeners) listener(job);
  }
}
