import type { Clock } from "../../core/clock.ts";
import { Interval } from "../../core/interval.ts";
import type { DatabaseThread } from "./database-thread.ts";
import { inspectFile, type FileFinding, type FileIdentity } from "./file-guard.ts";

/**
 * Notices the losses that no error tells of: a thread that hangs in a call which does not return, an answer that never
 * comes, a file that is not the one that is open any more.
 */

const CHECK_INTERVAL_MS = 500;
/** A thread that has not answered a ping for this long hangs; a commit on a slow disk does not take that long. */
const HANG_TIMEOUT_MS = 10_000;

export interface LossDetectorOptions {
  readonly path: string;
  readonly listThreads: () => readonly DatabaseThread[];
  /** Of the file as the writer opened it; undefined while there is none, or it is being looked after already. */
  readonly getFileIdentity: () => FileIdentity | undefined;
  readonly onHang: (thread: DatabaseThread, silentMs: number) => void;
  readonly onFileLoss: (finding: FileFinding) => void;
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
}

export class LossDetector {
  readonly #options: LossDetectorOptions;
  readonly #checks: Interval;
  #isInspecting = false;

  constructor(options: LossDetectorOptions) {
    this.#options = options;
    const { clock, onError } = options;
    this.#checks = new Interval({ clock, everyMs: () => CHECK_INTERVAL_MS, run: () => this.#check(), onError });
  }

  start(): void {
    this.#checks.start();
  }

  stop(): Promise<void> {
    return this.#checks.stop();
  }

  #check(): void {
    const { listThreads, onHang, onError } = this.#options;
    for (const thread of listThreads()) {
      thread.expire();
      if (thread.silentMs > HANG_TIMEOUT_MS) onHang(thread, thread.silentMs);
      else thread.ping();
    }
    // Not waited for: on a disk that hangs it does not return, and then above all the threads have to be watched.
    this.#inspectFile().catch(onError);
  }

  async #inspectFile(): Promise<void> {
    const { path, getFileIdentity, onFileLoss } = this.#options;
    const identity = getFileIdentity();
    if (identity === undefined || this.#isInspecting) return;
    this.#isInspecting = true;
    try {
      const finding = await inspectFile(path, identity);
      // Opened anew meanwhile: what was found is of the past.
      if (finding !== undefined && getFileIdentity() === identity) onFileLoss(finding);
    } finally {
      this.#isInspecting = false;
    }
  }
}
