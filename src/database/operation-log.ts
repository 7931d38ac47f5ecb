import { inspect } from "node:util";
import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/errors.ts";
import { Interval } from "../core/interval.ts";
import type { Logger } from "../core/logger.ts";
import { OperationLogFile } from "./operation-log-file.ts";
import { OperationCounter, type OperationStatistics } from "./operation-statistics.ts";
import type { OperationStep } from "./operation.ts";

/**
 * Every call of the database, one line each. `record` only fills a slot of a ring that is allocated once; lines are
 * made and written in batches afterwards, off the caller's path. When the disk does not keep up the ring fills, and
 * what no longer fits is counted and reported instead of holding anyone up.
 */

/**
 * `cached`: answered from memory. `refused`: not run, or its own rules said no. `queued`: kept for when the database is
 * back. `failed`: the database's fault.
 */
export type OperationOutcome = "ok" | "cached" | "refused" | "queued" | "failed";

export interface LoggedOperation {
  readonly id: string;
  /** Of the operation; for a batch, a name that stands for all of it. */
  readonly name: string;
  /** When it was asked for, epoch milliseconds. */
  readonly at: number;
  readonly durationMs: number;
  readonly attempts: number;
  readonly outcome: OperationOutcome;
  readonly code?: ErrorCode | undefined;
  /** What it consisted of. Not written: the inputs may be personal. */
  readonly steps?: readonly OperationStep[];
  /** SQL and values: written at debug level only. */
  readonly sql?: string | undefined;
  readonly parameters?: unknown;
}

export interface OperationLogOptions {
  /** Folder for `operations-<day>.ndjson`, one file a day (UTC); `setFolder` changes it. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asked anew for each operation: the level applies live. */
  readonly isDebug: () => boolean;
  /** Operations that wait to be written at most. Default 16,384. */
  readonly capacity?: number;
  /** Milliseconds between writes; a ring that is half full is written at once. Default 1,000. */
  readonly flushIntervalMs?: number;
  /** Days for which files are kept. Default 14. */
  readonly keepDays?: number;
  /** What exceeds this in one day is counted and not written, so that the log never fills the database's disk. Default 1 GB. */
  readonly maxFileBytes?: number;
}

const DEFAULT_CAPACITY = 16_384;
const DEFAULT_FLUSH_INTERVAL_MS = 1_000;
const DEFAULT_KEEP_DAYS = 14;
const DEFAULT_MAX_FILE_BYTES = 1024 ** 3;
/** Lines made in one turn of the event loop: well under a millisecond. */
const LINES_PER_TURN = 1_024;
const DEFAULT_TOP_COUNT = 5;
/** How full answers from memory may make the ring. */
const MAX_CACHED_SHARE = 0.75;

const OUTCOMES: readonly OperationOutcome[] = ["ok", "cached", "refused", "queued", "failed"];

export class OperationLog {
  readonly #options: OperationLogOptions;
  readonly #capacity: number;
  readonly #maxFileBytes: number;
  readonly #file: OperationLogFile;
  readonly #flushing: Interval;
  readonly #counter: OperationCounter;

  // The ring, one array for each member: numbers stay unboxed, and no object outlives its call.
  readonly #ids: string[];
  readonly #names: string[];
  readonly #times: Float64Array;
  readonly #durations: Float64Array;
  readonly #attempts: Uint32Array;
  readonly #outcomes: Uint8Array;
  readonly #codes: string[];
  readonly #details: string[];
  #first = 0;
  #count = 0;

  /** Answers from memory are the cheapest and the most: they never take the last places from what asked the database. */
  readonly #cachedLimit: number;
  #droppedCount = 0;
  #isFailing = false;
  #lastPass: Promise<void> = Promise.resolve();
  #formattedAt = NaN;
  #formattedTime = "";

  constructor(options: OperationLogOptions) {
    const capacity = options.capacity ?? DEFAULT_CAPACITY;
    const { folder, clock, logger, keepDays = DEFAULT_KEEP_DAYS } = options;
    this.#options = options;
    this.#capacity = capacity;
    this.#cachedLimit = Math.ceil(capacity * MAX_CACHED_SHARE);
    this.#maxFileBytes = options.maxFileBytes ?? DEFAULT_MAX_FILE_BYTES;
    this.#ids = new Array<string>(capacity).fill("");
    this.#names = new Array<string>(capacity).fill("");
    this.#times = new Float64Array(capacity);
    this.#durations = new Float64Array(capacity);
    this.#attempts = new Uint32Array(capacity);
    this.#outcomes = new Uint8Array(capacity);
    this.#codes = new Array<string>(capacity).fill("");
    this.#details = new Array<string>(capacity).fill("");
    this.#counter = new OperationCounter(clock);
    this.#file = new OperationLogFile({
      folder,
      keepDays,
      clock,
      onTrouble: (error) => logger.warn("old operation logs were not removed", { error }),
    });
    this.#flushing = new Interval({
      clock,
      everyMs: () => options.flushIntervalMs ?? DEFAULT_FLUSH_INTERVAL_MS,
      run: () => this.flush(),
      onError: (error) => this.#reportFailure(error),
    });
  }

  start(): void {
    this.#flushing.start();
  }

  /** Writes what is left and closes the file. */
  async stop(): Promise<void> {
    await this.#flushing.stop();
    await this.flush().catch((error: unknown) => this.#reportFailure(error));
    await this.#file.close();
  }

  /** Notes one call. Costs about a tenth of a microsecond, and never waits or throws. */
  record(operation: LoggedOperation): void {
    this.#counter.count(operation.name, operation.outcome, operation.durationMs);
    if (this.#count >= (operation.outcome === "cached" ? this.#cachedLimit : this.#capacity)) {
      this.#drop(1);
      return;
    }
    let slot = this.#first + this.#count;
    if (slot >= this.#capacity) slot -= this.#capacity;
    this.#ids[slot] = operation.id;
    this.#names[slot] = operation.name;
    this.#times[slot] = operation.at;
    this.#durations[slot] = operation.durationMs;
    this.#attempts[slot] = operation.attempts;
    this.#outcomes[slot] = OUTCOMES.indexOf(operation.outcome);
    this.#codes[slot] = operation.code ?? "";
    // At once, because the caller may change its values before they are written.
    this.#details[slot] = this.#options.isDebug() ? formatDetails(operation) : "";
    this.#count++;
    if (this.#count === this.#capacity >> 1) this.#flushing.trigger();
  }

  /** Resolves when everything recorded so far is in the file; rejects when the disk does not take it, which is then kept. */
  flush(): Promise<void> {
    const pass = this.#lastPass.then(() => this.#writePass());
    this.#lastPass = pass.catch(() => undefined);
    return pass;
  }

  /** What is written from now on goes to this folder. Rejects, and keeps the former, when it cannot be written. */
  setFolder(folder: string): Promise<void> {
    const move = this.#lastPass.then(() => this.#file.moveTo(folder));
    this.#lastPass = move.catch(() => undefined);
    return move;
  }

  /** `flush` for a process that is about to end, in an exit or crash handler: blocks, and never throws. */
  flushSync(): void {
    try {
      this.#addDroppedLine();
      this.#file.add(this.#takeLines(this.#count));
      this.#file.drainSync();
    } catch (error) {
      this.#reportFailure(error);
    }
  }

  /** What happened since the last call of this, or the start: the figures of the line that is logged each minute. */
  statistics(topCount: number = DEFAULT_TOP_COUNT): OperationStatistics {
    return this.#counter.takePeriod(topCount);
  }

  async #writePass(): Promise<void> {
    // First what the disk did not take the last time: while it does not, nothing more is taken out of the ring.
    await this.#file.drain();
    for (let remaining = this.#count; remaining > 0; remaining -= LINES_PER_TURN) {
      await nextTurn();
      const lines = this.#takeLines(Math.min(remaining, LINES_PER_TURN));
      this.#addDroppedLine();
      this.#file.add(lines);
      await this.#file.drain();
    }
    this.#isFailing = false;
  }

  /** The oldest `limit` entries as lines; their slots are free afterwards. */
  #takeLines(limit: number): string {
    const count = Math.min(limit, this.#count);
    const isFull = this.#file.size >= this.#maxFileBytes;
    let lines = "";
    for (let taken = 0; taken < count; taken++) {
      if (!isFull) lines += this.#formatLine(this.#first);
      if (++this.#first === this.#capacity) this.#first = 0;
    }
    this.#count -= count;
    if (isFull) this.#drop(count);
    return lines;
  }

  #formatLine(slot: number): string {
    const code = this.#codes[slot]!;
    return (
      `{"time":"${this.#formatTime(this.#times[slot]!)}","id":${JSON.stringify(this.#ids[slot])}` +
      `,"name":${JSON.stringify(this.#names[slot])},"durationMs":${Math.round(this.#durations[slot]! * 1_000) / 1_000}` +
      `,"attempts":${this.#attempts[slot]!},"outcome":"${OUTCOMES[this.#outcomes[slot]!]!}"` +
      `${code === "" ? "" : `,"code":"${code}"`}${this.#details[slot]!}}\n`
    );
  }

  /** Many operations share a millisecond, and a date is the dearest part of a line. */
  #formatTime(at: number): string {
    if (at !== this.#formattedAt) {
      this.#formattedAt = at;
      this.#formattedTime = new Date(at).toISOString();
    }
    return this.#formattedTime;
  }

  #drop(count: number): void {
    this.#droppedCount += count;
    this.#counter.countDropped(count);
  }

  /** A gap is never silent: the file says how many operations are missing in it. */
  #addDroppedLine(): void {
    const dropped = this.#droppedCount;
    if (dropped === 0 || this.#file.size >= this.#maxFileBytes) return;
    this.#droppedCount = 0;
    this.#file.add(`{"time":"${new Date(this.#options.clock.now()).toISOString()}","dropped":${dropped}}\n`);
    this.#options.logger.warn("operations are missing in the operation log", { dropped });
  }

  #reportFailure(error: unknown): void {
    // Once for each time it begins: a full disk fails every second.
    if (!this.#isFailing) this.#options.logger.error("the operation log cannot be written", { error });
    this.#isFailing = true;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function formatDetails({ sql, parameters }: LoggedOperation): string {
  return (
    (sql === undefined ? "" : `,"sql":${JSON.stringify(sql)}`) +
    (parameters === undefined ? "" : `,"parameters":${toJson(parameters)}`)
  );
}

/** What JSON cannot hold is still worth a line. */
function toJson(value: unknown): string {
  try {
    // A function has no JSON: the library returns undefined for it, whatever its type says.
    return JSON.stringify(value) ?? "null";
  } catch {
    return JSON.stringify(inspect(value));
  }
}
