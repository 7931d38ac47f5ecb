import type { Clock } from "../../core/clock.ts";
import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { backoffDelayMs, type RetryConfig } from "../../resilience/backoff.ts";
import type { EngineState } from "../engine.ts";
import { DatabaseThread, type ThreadRole } from "./database-thread.ts";
import type { ThreadOptions } from "./thread-protocol.ts";

/** After the attempts of the retry configuration are used up, one probe each this long, for ever. */
const SLOW_PROBE_INTERVAL_MS = 30_000;

export interface ConnectionManagerOptions {
  readonly thread: ThreadOptions;
  readonly readerCount: number;
  /** Longest wait for a thread to open its connection, milliseconds. */
  readonly connectionTimeoutMs: () => number;
  readonly retry: () => RetryConfig;
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

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
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
    const { engineVersion } = await this.#awaitReady(writer);
    if (this.#isClosed) {
      await writer.close();
      return;
    }
    this.#writer = writer;
    this.#engineVersion = engineVersion;
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
    );
  }

  async #awaitReady(thread: DatabaseThread): Promise<{ engineVersion: string }> {
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
    this.#setState(isExhausted ? { kind: "offline", since, cause } : { kind: "recovering", since, attempt, cause });
    this.#later(isExhausted ? SLOW_PROBE_INTERVAL_MS : this.#delayMs(attempt), () => {
      this.#restartCount++;
      this.#startWriter().catch((error: unknown) => this.#scheduleReconnect(attempt + 1, toMusterError(error)));
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
