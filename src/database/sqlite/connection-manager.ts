import { isMusterError, MusterError, toError } from "../../core/errors.ts";
import type { RetryConfig } from "../../resilience/backoff.ts";
import type { RecoveryLog } from "../../resilience/recovery-log.ts";
import type { EngineState } from "../engine.ts";
import type { ArchiveSettings } from "./archive-keeper.ts";
import type { DatabaseThread, ThreadRole } from "./database-thread.ts";
import { inspectFile, type FileFinding, type FileIdentity } from "./file-guard.ts";
import { createFileLossError, FileRescue, type RescueEnd } from "./file-rescue.ts";
import { LossDetector } from "./loss-detector.ts";
import type { OperationStatements } from "./operation-statements.ts";
import { ReaderPool } from "./reader-pool.ts";
import { RetryTimers } from "./retry-timers.ts";
import { ThreadOpener, type ThreadOpenerOptions } from "./thread-opener.ts";
import { settlesWithin } from "./time-limit.ts";

/** After the attempts of the retry configuration are used up, one probe each this long, for ever. */
const SLOW_PROBE_INTERVAL_MS = 30_000;
/** A restart that begins within this time is over before a call has waited as long as it may. */
const UNNOTICED_MS = 500;
/** What another try alone does not mend. */
const HOPELESS_CODES = [
  ...(["SCHEMA_NEWER", "SCHEMA_MISMATCH", "SQLITE_TOO_OLD"] as const),
  ...(["MIGRATION_FAILED", "MIGRATION_PENDING"] as const),
];
/** A look at the file that takes longer finds a disk that hangs, and nothing about the file. */
const INSPECTION_LIMIT_MS = 1_000;

export interface ConnectionManagerOptions extends ThreadOpenerOptions {
  /** At the start; `resize` changes it. */
  readonly readerCount: number;
  readonly retry: () => RetryConfig;
  /** Where what is done to mend the connection is recorded. */
  readonly recovery: RecoveryLog;
  readonly random?: () => number;
}

/**
 * Keeps the database connected: one writer, which is started again with growing delays when it is lost, the pool of
 * readers, and the rescue of the file. Losing the writer takes writes away until it is back; losing a reader only makes
 * the pool smaller meanwhile.
 */
export class ConnectionManager {
  readonly #options: ConnectionManagerOptions;
  readonly #listeners = new Set<(state: EngineState) => void>();
  readonly #timers: RetryTimers;
  readonly #opener: ThreadOpener;
  readonly #pool: ReaderPool;
  readonly #rescue: FileRescue;
  readonly #losses: LossDetector;
  #state: EngineState = { kind: "starting" };
  #writer: DatabaseThread | undefined;
  /** The writer that is opening its connection: closing waits for it. */
  #opening: Promise<void> | undefined;
  #suspending: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #whyNotMigrated: MusterError | undefined;
  #restartCount = 0;
  #engineVersion: string | undefined;

  constructor(options: ConnectionManagerOptions) {
    const { readerCount, logger, thread } = options;
    this.#options = options;
    this.#timers = new RetryTimers(options);
    this.#opener = new ThreadOpener(options);
    this.#pool = new ReaderPool({ ...options, size: readerCount, opener: this.#opener });
    this.#rescue = new FileRescue(options);
    this.#losses = new LossDetector({
      path: thread.connection.path,
      listThreads: () => [...this.#pool.readers, ...(this.#writer ? [this.#writer] : [])],
      getFileIdentity: () => (this.#isServing && !this.#rescue.running ? this.#fileIdentity : undefined),
      onHang: (hanging, silentMs) => this.#replaceHanging(hanging, silentMs),
      onFileLoss: (finding) => void this.#rescueFile(finding),
      onError: (error) => logger.error("watching the database failed", { error }),
      clock: options.clock,
    });
  }

  get state(): EngineState {
    return this.#state;
  }
  get restartCount(): number {
    return this.#restartCount + this.#pool.restartCount;
  }
  get statements(): OperationStatements {
    return this.#opener.statements;
  }
  get engineVersion(): string | undefined {
    return this.#engineVersion;
  }
  get readers(): readonly DatabaseThread[] {
    return this.#pool.readers;
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
   * trying goes on in the background then, unless only a person can mend it. Does nothing once `close` was called.
   */
  async connect(): Promise<void> {
    if (this.#isClosed) return;
    this.#losses.start();
    await this.#openAll();
  }

  /**
   * Replaces the writer thread; what it had not answered is rejected, with its outcome unknown. While the file is being
   * rescued the writer stays: it has the last copy.
   */
  async reconnect(cause: MusterError): Promise<void> {
    if (!this.#rescue.running) await this.#writer?.terminate(cause);
  }

  /** Mends a connection that is not to be trusted: rescues the content of a lost file first, else only reconnects. */
  async mend(cause: MusterError): Promise<void> {
    const writer = this.#writer;
    const finding = await this.#inspectFile();
    // Replaced meanwhile: the cause is the former one's.
    if (!this.#isServing || this.#writer !== writer) return;
    if (finding === undefined) await this.reconnect(cause);
    else await this.#rescueFile(finding);
  }

  isHealthy(): boolean {
    return this.#state.kind === "ready" && this.#writer?.isAlive === true;
  }

  /** Throws DATABASE_UNAVAILABLE when there is no usable connection. Costs no query: threads report their own end. */
  validateConnection(role: ThreadRole): void {
    const isUsable =
      role === "writer" ? this.isHealthy() : this.readers.some((reader) => reader.isAlive) || this.isHealthy();
    if (isUsable) return;
    const { state } = this;
    if (state.kind === "closed") throw closedError();
    const cause = "cause" in state ? state.cause : undefined;
    throw new MusterError("DATABASE_UNAVAILABLE", `use the database: ${cause?.message ?? `it is ${state.kind}`}`, {
      ...(cause === undefined ? {} : { cause }),
    });
  }

  /** Resolves when there are so many readers, as far as they start; those too many finish what they have. */
  resize(readerCount: number): Promise<void> {
    const { thread, readerCount: firstReaderCount } = this.#options;
    // The cache as a whole keeps its size; threads that stay keep their share.
    this.#opener.cacheSizeBytes = (thread.connection.cacheSizeBytes * (1 + firstReaderCount)) / (1 + readerCount);
    return this.#pool.resize(readerCount);
  }

  /** From now on no empty file is made where there is none. */
  expectFile(): void {
    this.#opener.expectFile();
  }

  /** Archives from now on like this, or not at all. */
  setArchive(settings: ArchiveSettings | undefined): void {
    this.#opener.archive = settings;
    this.#writer?.setArchive(settings);
  }

  /**
   * Finishes what was accepted, closes all threads and stays `recovering` with this cause: the files are free, and may be
   * replaced, until `resume`. When a thread does not let go of them, or has the last copy of a lost file and cannot save
   * it, rejects with that and goes on as before. One at a time: rejects with CONFLICT otherwise.
   */
  suspend(cause: MusterError): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedError());
    if (this.#suspending) {
      return Promise.reject(new MusterError("CONFLICT", "release the database's files: they are released already"));
    }
    this.#suspending = this.#release(cause);
    return this.#suspending;
  }

  /** Ends `suspend`: opens the threads on the file that is at the path now. Rejects as `connect` does. */
  async resume(): Promise<void> {
    if (!this.#suspending) return;
    await this.#suspending.catch(() => undefined);
    await this.#serveAgain();
  }

  /** Lets writers apply pending migrations from now on; one that waits for it is started at once. */
  allowMigrations(): void {
    this.#opener.mayMigrate = true;
    this.#whyNotMigrated = undefined;
    if (!this.#isWaitingToMigrate || this.#timers.size === 0) return;
    this.#timers.cancelAll();
    this.#scheduleStart(0, 1);
  }

  /** Says why pending migrations have to wait, MIGRATION_PENDING: the cause of being offline until they may be applied. */
  explainWaiting(reason: MusterError): void {
    this.#whyNotMigrated = reason;
    if (this.#isWaitingToMigrate && this.#state.kind === "offline") this.#setState({ ...this.#state, cause: reason });
  }

  /** Finishes what was accepted. Further calls wait for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#setState({ kind: "closed" });
    await this.#suspending?.catch(() => undefined);
    await this.#losses.stop();
    try {
      await this.#secureFile();
    } catch (error) {
      this.#options.logger.error("closing the database loses what its lost file had", { error });
    }
    await this.#closeThreads();
  }

  async #release(cause: MusterError): Promise<void> {
    this.#setState({ kind: "recovering", since: this.#options.clock.now(), attempt: 1, isLasting: true, cause });
    this.#opener.expectFile();
    try {
      await this.#secureFile();
      await this.#closeThreads();
      await this.#opener.requireAllEnded();
    } catch (error) {
      this.#serveAgain().catch(() => undefined); // Its failure is in the state, and is tried again.
      throw error;
    }
    if (this.#isClosed) throw closedError();
  }

  async #serveAgain(): Promise<void> {
    this.#suspending = undefined;
    this.#rescue.relax();
    if (!this.#isClosed) await this.#openAll();
  }

  /** Throws when the content of a lost file is still only in the writer's open connection. */
  async #secureFile(): Promise<void> {
    this.#rescue.hurry();
    let end = await this.#rescue.running;
    if (end === undefined) {
      const finding = await this.#inspectFile();
      if (finding !== undefined) end = await this.#rescueFile(finding);
    }
    if (end !== "unsaved") return;
    throw new MusterError("DATABASE_UNAVAILABLE", "close the database: its file is lost, and cannot be rescued yet", {
      hint: "The log says why. Make room on the disk, or mount it writable.",
    });
  }

  /** The writer last: its close makes the final checkpoint, which needs the readers' snapshots gone. */
  async #closeThreads(): Promise<void> {
    this.#timers.cancelAll();
    // One that is just opening the file would open it, and hold it, after we have said that it is closed.
    await this.#opening?.catch(() => undefined);
    await this.#pool.close();
    await this.#writer?.close();
    this.#writer = undefined;
  }

  async #openAll(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      const cause = toMusterError(error);
      this.#scheduleReconnect(1, cause);
      throw cause;
    }
  }

  async #start(): Promise<void> {
    this.#opening = this.#openWriter();
    await this.#opening;
    if (this.#isServing && this.#writer) await this.#pool.open(this.#fileIdentity);
  }

  async #openWriter(): Promise<void> {
    const writer =
      this.#writer ?? (await this.#opener.open("writer", (lost, cause) => this.#handleLostWriter(lost, cause)));
    if (!this.#isServing) {
      await writer.close();
      return;
    }
    this.#writer = writer;
    this.#engineVersion = writer.opened?.engineVersion;
    this.#opener.expectFile();
    this.#setState({ kind: "ready", since: this.#options.clock.now() });
  }

  /** A call that does not return cannot be ended, only abandoned with its thread; whatever it still does is applied once. */
  #replaceHanging(thread: DatabaseThread, silentMs: number): void {
    // It answers nothing while it rescues the file, and it has the last copy.
    if (thread === this.#writer && this.#rescue.running) return;
    const hung = new MusterError(
      "DATABASE_UNAVAILABLE",
      `use the database: the ${thread.role} thread has not answered for ${Math.round(silentMs)} ms`,
      { hint: "Check the disk: a call to the operating system does not return." },
    );
    void thread.terminate(hung);
  }

  /** What happened to the file since the writer opened it; undefined when nothing did, or that cannot be said. */
  async #inspectFile(): Promise<FileFinding | undefined> {
    const identity = this.#fileIdentity;
    if (identity === undefined) return undefined;
    const inspection = inspectFile(this.#options.thread.connection.path, identity);
    if (!(await settlesWithin(inspection, INSPECTION_LIMIT_MS))) return undefined;
    return this.#fileIdentity === identity ? inspection : undefined;
  }

  /** The file was deleted, replaced or emptied under the open connection, which holds the last copy of what it had. */
  async #rescueFile(finding: FileFinding): Promise<RescueEnd | undefined> {
    const writer = this.#writer;
    if (!writer || this.#rescue.running) return this.#rescue.running;
    const cause = createFileLossError(finding);
    // Before anybody hears of it, so that nobody can reconnect in between.
    const running = this.#rescue.run(writer, finding);
    if (this.#isServing) {
      this.#setState({ kind: "recovering", since: this.#options.clock.now(), attempt: 1, isLasting: true, cause });
    }
    const end = await running;
    if (end === "over") {
      // At once: until its end is noticed, the rescued file would be taken for an intruder.
      void writer.terminate(cause);
      // They have the lost file open; they are started again on the one that has taken its place.
      this.#pool.replaceAll(cause);
    }
    return end;
  }

  #handleLostWriter(writer: DatabaseThread, cause: MusterError): void {
    if (writer !== this.#writer) return; // One that never became ready: its starter handles it.
    this.#writer = undefined;
    if (!this.#isServing) return;
    this.#options.logger.error("writer thread lost", { error: cause });
    this.#scheduleReconnect(1, cause);
  }

  #scheduleReconnect(attempt: number, error: MusterError): void {
    if (!this.#isServing) return;
    const isPending = isMusterError(error, "MIGRATION_PENDING");
    // Allowed while this try was on its way.
    if (isPending && this.#opener.mayMigrate) return this.#scheduleStart(0, attempt);
    const cause = isPending ? (this.#whyNotMigrated ?? error) : error;
    const { clock, logger, retry } = this.#options;
    const isHopeless = isMusterError(cause, ...HOPELESS_CODES);
    const isExhausted = attempt > retry().maxAttempts || isHopeless;
    const since = "since" in this.#state && this.#state.kind !== "ready" ? this.#state.since : clock.now();
    if (isExhausted && this.#state.kind !== "offline") logger.error("database is offline", { attempt, error: cause });
    const delayMs = isExhausted ? SLOW_PROBE_INTERVAL_MS : this.#timers.delayMs(attempt);
    const isLasting = attempt > 1 || delayMs > UNNOTICED_MS;
    this.#setState(
      isExhausted ? { kind: "offline", since, cause } : { kind: "recovering", since, attempt, isLasting, cause },
    );
    this.#scheduleStart(delayMs, attempt);
  }

  #scheduleStart(delayMs: number, attempt: number): void {
    this.#timers.schedule(delayMs, () => {
      this.#restartCount++;
      const action = this.#options.recovery.begin("restart-writer", "database", attempt);
      this.#start().then(
        () => action.succeed(),
        (error: unknown) => {
          action.fail(error);
          this.#scheduleReconnect(attempt + 1, toMusterError(error));
        },
      );
    });
  }

  get #fileIdentity(): FileIdentity | undefined {
    return this.#writer?.opened?.fileIdentity;
  }

  get #isWaitingToMigrate(): boolean {
    return this.#state.kind === "offline" && isMusterError(this.#state.cause, "MIGRATION_PENDING");
  }

  get #isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** Threads are to be there: neither closed nor suspended. */
  get #isServing(): boolean {
    return !this.#isClosed && this.#suspending === undefined;
  }

  #setState(state: EngineState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}

function closedError(): MusterError {
  return new MusterError("SHUTTING_DOWN", "use the database: it is closed");
}

function toMusterError(error: unknown): MusterError {
  if (error instanceof MusterError) return error;
  return new MusterError("DATABASE_UNAVAILABLE", `open the database: ${toError(error).message}`, { cause: error });
}
