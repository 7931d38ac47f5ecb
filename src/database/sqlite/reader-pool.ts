import { MusterError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { DatabaseThread } from "./database-thread.ts";
import type { FileIdentity } from "./file-guard.ts";
import { RetryTimers, type RetryTimersOptions } from "./retry-timers.ts";
import type { ThreadOpener } from "./thread-opener.ts";

export interface ReaderPoolOptions extends RetryTimersOptions {
  readonly opener: ThreadOpener;
  /** How many readers there should be. */
  readonly size: number;
  readonly logger: Logger;
}

/** The threads that read. One that is lost is replaced with growing delays, and the pool is smaller meanwhile. */
export class ReaderPool {
  readonly #options: ReaderPoolOptions;
  readonly #readers: DatabaseThread[] = [];
  readonly #timers: RetryTimers;
  /** Threads that open, and such that are not needed any more: closing the pool waits for them. */
  readonly #underWay = new Set<Promise<void>>();
  #openingCount = 0;
  #size: number;
  #isOpen = false;
  /** Of the file that the writer has open; undefined while that is not known, or in memory. */
  #fileIdentity: FileIdentity | undefined;
  #restartCount = 0;

  constructor(options: ReaderPoolOptions) {
    this.#options = options;
    this.#size = options.size;
    this.#timers = new RetryTimers(options);
  }

  get readers(): readonly DatabaseThread[] {
    return this.#readers;
  }
  get restartCount(): number {
    return this.#restartCount;
  }

  /**
   * Fills the pool with readers of this file, and replaces those that have another one open: they would answer from it
   * for ever. Resolves when each has been tried once.
   */
  async open(fileIdentity: FileIdentity | undefined): Promise<void> {
    this.#isOpen = true;
    this.#fileIdentity = fileIdentity;
    for (const reader of [...this.#readers]) {
      if (!this.#hasRightFile(reader)) void reader.terminate(wrongFile());
    }
    await this.#fill();
  }

  /** Ends all of them; others take their place, on whatever file is there then. */
  replaceAll(cause: MusterError): void {
    this.#fileIdentity = undefined;
    for (const reader of [...this.#readers]) void reader.terminate(cause);
  }

  /** Resolves when the pool has the new size, as far as threads start; those too many finish what they have. */
  async resize(size: number): Promise<void> {
    this.#size = size;
    if (!this.#isOpen) return;
    const surplus = [...this.#readers].sort((a, b) => a.pendingCount - b.pendingCount);
    const ends = surplus.slice(0, Math.max(0, this.#readers.length - size)).map((reader) => this.#dismiss(reader));
    await Promise.all([...ends, this.#fill()]);
  }

  /** Lets them finish what they have. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#timers.cancelAll();
    for (const reader of [...this.#readers]) void this.#dismiss(reader);
    await Promise.all(this.#underWay);
  }

  async #fill(): Promise<void> {
    const missingCount = Math.max(0, this.#size - this.#plannedCount);
    await Promise.all(Array.from({ length: missingCount }, () => this.#start(1)));
  }

  /** There, on their way, or waiting for their next try. */
  get #plannedCount(): number {
    return this.#readers.length + this.#openingCount + this.#timers.size;
  }

  get #isOneWanted(): boolean {
    return this.#isOpen && this.#plannedCount < this.#size;
  }

  #start(attempt: number): Promise<void> {
    return this.#track(this.#open(attempt));
  }

  async #open(attempt: number): Promise<void> {
    this.#openingCount++;
    let reader: DatabaseThread;
    try {
      reader = await this.#openOnRightFile();
    } catch (error) {
      this.#openingCount--;
      if (this.#isOneWanted) {
        this.#options.logger.warn("reader thread did not start", { attempt, error });
        this.#startLater(attempt + 1, this.#timers.delayMs(attempt));
      }
      return;
    }
    this.#openingCount--;
    if (this.#isOneWanted) this.#readers.push(reader);
    else await reader.close();
  }

  async #openOnRightFile(): Promise<DatabaseThread> {
    const reader = await this.#options.opener.open("reader", (lost, cause) => this.#handleLost(lost, cause));
    if (this.#hasRightFile(reader)) return reader;
    void reader.terminate(wrongFile());
    throw wrongFile();
  }

  #hasRightFile(reader: DatabaseThread): boolean {
    return this.#fileIdentity === undefined || reader.opened?.fileIdentity === this.#fileIdentity;
  }

  #startLater(attempt: number, delayMs: number): void {
    this.#timers.schedule(delayMs, () => {
      if (this.#isOneWanted) void this.#start(attempt);
    });
  }

  /** Out of the pool at once, so that it gets no more requests. */
  #dismiss(reader: DatabaseThread): Promise<void> {
    this.#readers.splice(this.#readers.indexOf(reader), 1);
    return this.#track(reader.close());
  }

  #handleLost(reader: DatabaseThread, cause: MusterError): void {
    const index = this.#readers.indexOf(reader);
    if (index === -1) return; // One that never became ready: its starter handles it.
    this.#options.logger.warn("reader thread lost", { error: cause });
    this.#readers.splice(index, 1);
    if (!this.#isOneWanted) return;
    this.#restartCount++;
    this.#startLater(1, this.#timers.delayMs(1));
  }

  #track(work: Promise<void>): Promise<void> {
    const end = (): void => void this.#underWay.delete(work);
    this.#underWay.add(work);
    work.then(end, end);
    return work;
  }
}

function wrongFile(): MusterError {
  return new MusterError("DATABASE_UNAVAILABLE", "open the database: the writer has another file open by now");
}
