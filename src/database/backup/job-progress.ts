import type { ReportProgress } from "../maintenance/maintenance-progress.ts";

/** Less would be many messages for nothing that anybody sees. */
const MINIMUM_GAIN = 0.01;

/** Progress of a job in steps with known weights: shares of the whole, which never go back. Also times the steps. */
export class JobProgress<Step extends string> {
  /** Milliseconds by step. */
  readonly durationsMs: Partial<Record<Step, number>> = {};
  readonly #report: ReportProgress;
  readonly #weights: Readonly<Record<Step, number>>;
  #step: Step | undefined;
  #beganAt = 0;
  #doneShare = 0;
  #lastShare = 0;

  /** The weights add up to 1. */
  constructor(report: ReportProgress, weights: Readonly<Record<Step, number>>) {
    this.#report = report;
    this.#weights = weights;
  }

  begin(step: Step): void {
    this.end();
    this.#step = step;
    this.#beganAt = performance.now();
    this.#send(this.#doneShare);
  }

  /** How much of the present step is done, 0 to 1. */
  advance(share: number): void {
    const whole = Math.min(1, this.#doneShare + this.#weights[this.#step!] * Math.min(1, Math.max(0, share)));
    if (whole - this.#lastShare >= MINIMUM_GAIN) this.#send(whole);
  }

  end(): void {
    if (this.#step === undefined) return;
    this.durationsMs[this.#step] = Math.round(performance.now() - this.#beganAt);
    this.#doneShare = Math.min(1, this.#doneShare + this.#weights[this.#step]);
    this.#step = undefined;
  }

  #send(share: number): void {
    this.#lastShare = share;
    this.#report({ step: this.#step!, share });
  }
}
