import { sleep, type Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { backoffDelayMs, type RetryConfig } from "../../resilience/backoff.ts";
import type { RecoveryLog } from "../../resilience/recovery-log.ts";
import type { EngineState } from "../engine.ts";
import { DatabaseThread, type ReadyThread, type ThreadRole } from "./database-thread.ts";
import type { FileFinding, FileIdentity } from "./file-guard.ts";
import { LossDetector } from "./loss-detector.ts";
import { fromWireError, type ThreadOptions } from "./thread-protocol.ts";

/** After the attempts of the retry configuration are used up, one probe each this long, for ever. */
const SLOW_PROBE_INTERVAL_MS = 30_000;
/** A restart that begins within this time is over before a call has waited as long as it may. */
const UNNOTICED_MS = 500;
const RESCUE_RETRY_INTERVAL_MS = 5_000;

export interface ConnectionManagerOptions {
  readonly thread: ThreadOptions;
  readonly readerCount: number;
  /** Longest wait for a thread to open its connection, milliseconds. */
  readonly connectionTimeoutMs: () => number;
  readonly retry: () => RetryConfig;
  /** Where what is done to mend the connection is recorded. */
  readonly recovery: RecoveryLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

/**
 * The database threads: starts them, notices when one is lost, and starts another in its place with growing delays.
 * Losing the writer takes writes away until it is back; losing a reader only makes the pool smaller meanwhile.
 */
export class ConnectionManager {
  readonly #options: ConnectionManagerOptions;
  readonly #listeners = new Set<(state: EngineState) => void>();
  readonly #readers: DatabaseThread[] = [];
  readonly #cancelTimers = new Set<() => void>();
  /** Threads that are opening their connection: closing waits for them. */
  readonly #starting = new Set<Promise<unknown>>();
  /** Readers that are starting, or wait for their next try. */
  #awaitedReaderCount = 0;
  #closing: Promise<void> | undefined;
  #writer: DatabaseThread | undefined;
  #state: EngineState = { kind: "starting" };
  #restartCount = 0;
  #engineVersion: string | undefined;
  #fileIdentity: FileIdentity | undefined;
  /** The file is being rescued: the writer answers no ping meanwhile, and that is in order. */
  #isRescuing = false;
  readonly #losses: LossDetector;

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
    this.#losses = new LossDetector({
      path: options.thread.connection.path,
      listThreads: () => [...this.#readers, ...(this.#writer && !this.#isRescuing ? [this.#writer] : [])],
      getFileIdentity: () => (this.#writer && !this.#isRescuing ? this.#fileIdentity : undefined),
      onHang: (thread, silentMs) => this.#replaceHanging(thread, silentMs),
      onFileLoss: (finding) => void this.#rescue(finding),
      onError: (error) => options.logger.error("watching the database failed", { error }),
      clock: options.clock,
    });
  }

  get state(): EngineState {
    return this.#state;
  }
  get restartCount(): number {
    return this.#restartCount;
  }
  get engineVersion(): string | undefined {
    return this.#engineVersion;
  }
  get readers(): readonly DatabaseThread[] {
    return this.#readers;
  }
  get writer(): DatabaseThread | undefined {
    return this.#writer;
  }

  onStateChange(listener: (state: EngineState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Starts the writer, which prepares the schema, then the readers. Rejects with the reason when the first try fails;
   * trying goes on in the background then, unless only a person can mend it.
   */
  async connect(): Promise<void> {
    this.#losses.start();
    try {
      await this.#startWriter();
    } catch (error) {
      this.#scheduleReconnect(1, toMusterError(error));
      throw error;
    }
  }

  /** Replaces the writer thread; what it had not answered is rejected, with its outcome unknown. */
  async reconnect(cause: MusterError): Promise<void> {
    await this.#writer?.terminate(cause);
  }

  isHealthy(): boolean {
    return this.#state.kind === "ready" && this.#writer?.isAlive === true;
  }

  /** Throws DATABASE_UNAVAILABLE when there is no usable connection. Costs no query: threads report their own end. */
  validateConnection(role: ThreadRole): void {
    const isUsable =
      role === "writer" ? this.isHealthy() : this.#readers.some((reader) => reader.isAlive) || this.isHealthy();
    if (isUsable) return;
    const { state } = this;
    if (state.kind === "closed") throw new MusterError("SHUTTING_DOWN", "use the database: it is closed");
    const cause = "cause" in state ? state.cause : undefined;
    throw new MusterError("DATABASE_UNAVAILABLE", `use the database: ${cause?.message ?? `it is ${state.kind}`}`, {
      ...(cause === undefined ? {} : { cause }),
    });
  }

  /** Finishes what was accepted. Further calls wait for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#closeThreads();
    return this.#closing;
  }

  async #closeThreads(): Promise<void> {
    this.#setState({ kind: "closed" });
    await this.#losses.stop();
    for (const cancel of this.#cancelTimers) cancel();
    // A thread that is just opening the file would open it, and hold it, after we have said that it is closed.
    await Promise.allSettled(this.#starting);
    // The writer last: its close makes the final checkpoint, which needs the readers' snapshots gone.
    await Promise.all(this.#readers.splice(0).map((reader) => reader.close()));
    await this.#writer?.close();
    this.#writer = undefined;
  }

  #startWriter(): Promise<void> {
    return this.#track(this.#openWriter());
  }

  async #openWriter(): Promise<void> {
    const writer = this.#createThread("writer");
    const { engineVersion, fileIdentity } = await this.#awaitReady(writer);
    if (this.#isClosed) {
      await writer.close();
      return;
    }
    this.#writer = writer;
    this.#engineVersion = engineVersion;
    this.#fileIdentity = fileIdentity;
    this.#setState({ kind: "ready", since: this.#options.clock.now() });
    const missing = this.#options.readerCount - this.#readers.length - this.#awaitedReaderCount;
    this.#awaitedReaderCount += missing;
    await Promise.all(Array.from({ length: missing }, () => this.#startReader(1)));
  }

  #startReader(attempt: number): Promise<void> {
    return this.#track(this.#openReader(attempt));
  }

  async #openReader(attempt: number): Promise<void> {
    if (this.#isClosed) return;
    const reader = this.#createThread("reader");
    try {
      await this.#awaitReady(reader);
    } catch (error) {
      if (this.#isClosed) return;
      this.#options.logger.warn("reader thread did not start", { attempt, error });
      this.#later(this.#delayMs(attempt), () => void this.#startReader(attempt + 1));
      return;
    }
    if (this.#isClosed) {
      await reader.close();
      return;
    }
    this.#awaitedReaderCount--;
    this.#readers.push(reader);
  }

  #track(start: Promise<void>): Promise<void> {
    const end = (): void => void this.#starting.delete(start);
    this.#starting.add(start);
    start.then(end, end);
    return start;
  }

  #createThread(role: ThreadRole): DatabaseThread {
    const { thread } = this.#options;
    // A file that was there and is gone is a loss to be told of; a new, empty one in its place would hide it.
    const connection = { ...thread.connection, mustExist: this.#engineVersion !== undefined };
    return new DatabaseThread(
      role,
      { ...thread, connection },
      {
        onLost: (thread, cause) => this.#handleLost(thread, cause),
        onTrouble: (cause) => this.#options.logger.warn("database housekeeping failed", { error: cause }),
      },
      this.#options.clock,
    );
  }

  async #awaitReady(thread: DatabaseThread): Promise<ReadyThread> {
    const timeoutMs = this.#options.connectionTimeoutMs();
    const cancel = this.#options.clock.schedule(timeoutMs, () => {
      void thread.terminate(
        new MusterError("DATABASE_UNAVAILABLE", `open the database: no connection within ${timeoutMs} ms`),
      );
    });
    try {
      return await thread.ready;
    } finally {
      cancel();
    }
  }

  /** A call that does not return cannot be ended, only abandoned with its thread; whatever it still does is applied once. */
  #replaceHanging(thread: DatabaseThread, silentMs: number): void {
    const hung = new MusterError(
      "DATABASE_UNAVAILABLE",
      `use the database: the ${thread.role} thread has not answered for ${Math.round(silentMs)} ms`,
      { hint: "Check the disk: a call to the operating system does not return." },
    );
    void thread.terminate(hung);
  }

  /** The file was deleted, replaced or emptied under the open connection, which holds the last copy of what it had. */
  async #rescue(finding: FileFinding): Promise<void> {
    const writer = this.#writer;
    if (!writer || this.#isRescuing) return;
    const { clock, logger, recovery } = this.#options;
    const cause = new MusterError(
      "DATABASE_UNAVAILABLE",
      `use the database: its file was ${finding} while it was in use`,
      {
        hint: "Something else works on the data folder. What stood in the file's place is kept in data/quarantine.",
      },
    );
    logger.error("the database file is lost, rescuing its content", { finding });
    this.#isRescuing = true;
    this.#setState({ kind: "recovering", since: clock.now(), attempt: 1, isLasting: true, cause });
    const action = recovery.begin("rescue", "database file");
    try {
      const quarantineFolder = await this.#rescueUntilDone(writer);
      action.succeed(
        quarantineFolder === undefined
          ? `was ${finding}`
          : `was ${finding}; what stood there is in ${quarantineFolder}`,
      );
    } catch (error) {
      action.fail(error);
    } finally {
      this.#isRescuing = false;
      // They have the lost file open; they are started again on the one that has taken its place.
      for (const reader of [...this.#readers]) void reader.terminate(cause);
    }
  }

  /** As long as the content is there, it is worth another try: a full disk may be freed. */
  async #rescueUntilDone(writer: DatabaseThread): Promise<string | undefined> {
    for (;;) {
      const { error, quarantineFolder } = await writer.rescue();
      if (!error) return quarantineFolder;
      if (error.code === "DATABASE_CORRUPT") throw fromWireError(error);
      this.#options.logger.error("rescuing the database failed, trying again", { error: fromWireError(error) });
      await sleep(this.#options.clock, RESCUE_RETRY_INTERVAL_MS);
    }
  }

  #handleLost(thread: DatabaseThread, cause: MusterError): void {
    if (this.#isClosed) return;
    if (thread === this.#writer) {
      this.#options.logger.error("writer thread lost", { error: cause });
      this.#writer = undefined;
      this.#scheduleReconnect(1, cause);
      return;
    }
    const index = this.#readers.indexOf(thread);
    if (index === -1) return; // One that never became ready: its starter handles it.
    this.#options.logger.warn("reader thread lost", { error: cause });
    this.#readers.splice(index, 1);
    this.#restartCount++;
    this.#awaitedReaderCount++;
    this.#later(this.#delayMs(1), () => void this.#startReader(1));
  }

  #scheduleReconnect(attempt: number, cause: MusterError): void {
    if (this.#isClosed) return;
    const { clock, logger, retry } = this.#options;
    const isHopeless = isMusterError(cause, "SCHEMA_NEWER", "SCHEMA_MISMATCH", "MIGRATION_FAILED", "SQLITE_TOO_OLD");
    const isExhausted = attempt > retry().maxAttempts || isHopeless;
    const since = "since" in this.#state && this.#state.kind !== "ready" ? this.#state.since : clock.now();
    if (isExhausted && this.#state.kind !== "offline") logger.error("database is offline", { attempt, error: cause });
    const delayMs = isExhausted ? SLOW_PROBE_INTERVAL_MS : this.#delayMs(attempt);
    const isLasting = attempt > 1 || delayMs > UNNOTICED_MS;
    this.#setState(
      isExhausted ? { kind: "offline", since, cause } : { kind: "recovering", since, attempt, isLasting, cause },
    );
    this.#later(delayMs, () => {
      this.#restartCount++;
      const action = this.#options.recovery.begin("restart-writer", "database", attempt);
      this.#startWriter().then(
        () => action.succeed(),
        (error: unknown) => {
          action.fail(error);
          this.#scheduleReconnect(attempt + 1, toMusterError(error));
        },
      );
    });
  }

  #delayMs(attempt: number): number {
    return backoffDelayMs(attempt, this.#options.retry(), this.#options.random ?? Math.random);
  }

  #later(delayMs: number, run: () => void): void {
    const cancel = this.#options.clock.schedule(delayMs, () => {
      this.#cancelTimers.delete(cancel);
      run();
    });
    this.#cancelTimers.add(cancel);
  }

  get #isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  #setState(state: EngineState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

function toMusterError(error: unknown): MusterError {
  if (error instanceof MusterError) return error;
  return new MusterError("DATABASE_UNAVAILABLE", `open the database: ${toError(error).message}`, { cause: error });
}
