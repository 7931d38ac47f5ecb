import { systemClock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import { createId } from "../../core/ids.ts";
import type { EngineRequest, EngineState, EngineStatus, StorageEngine } from "../engine.ts";
import type { ArchiveSettings } from "./archive-keeper.ts";
import { ConnectionManager, type ConnectionManagerOptions } from "./connection-manager.ts";
import { IN_MEMORY_PATH } from "./connection.ts";
import type { DatabaseThread } from "./database-thread.ts";
import { EXPLAIN } from "./engine-operations.ts";
import type { ArchiveStatus } from "./wal-archive.ts";

const EXPLAIN_TIMEOUT_MS = 2_000;

export type SqliteEngineOptions = ConnectionManagerOptions;

/** The storage engine on SQLite: writes go to the writer thread, reads to the least busy reader. */
export class SqliteEngine implements StorageEngine {
  readonly #connections: ConnectionManager;
  /** Only the thread that opened an in-memory database sees it, and it ends with that thread. */
  readonly #isInMemory: boolean;

  constructor(options: SqliteEngineOptions) {
    this.#isInMemory = options.thread.connection.path === IN_MEMORY_PATH;
    this.#connections = new ConnectionManager(this.#isInMemory ? { ...options, readerCount: 0 } : options);
  }

  /** For what restarts, inspects or sabotages connections: recovery and its tests. */
  get connections(): ConnectionManager {
    return this.#connections;
  }

  start(): Promise<void> {
    return this.#connections.connect();
  }

  stop(): Promise<void> {
    return this.#connections.close();
  }

  async read(request: EngineRequest): Promise<unknown[]> {
    return this.#send("read", request, this.#leastBusyReader());
  }

  async write(request: EngineRequest): Promise<unknown[]> {
    return this.#send("write", request, undefined);
  }

  reconnect(cause: MusterError): void {
    void this.#connections.mend(cause);
  }

  /** Lets the writer apply pending migrations from now on, and start at once if it waits for that. */
  allowMigrations(): void {
    this.#connections.allowMigrations();
  }

  /** Gives the reason, MIGRATION_PENDING, for which the engine stays offline while migrations may not be applied. */
  explainWaiting(reason: MusterError): void {
    this.#connections.explainWaiting(reason);
  }

  /** Resolves when there are so many reader threads, as far as they start. In memory there is never one. */
  async resizeReaders(readerCount: number): Promise<void> {
    if (!this.#isInMemory) await this.#connections.resize(readerCount);
  }

  /** Archives what is committed from now on like this, or not at all. */
  setArchive(settings: ArchiveSettings | undefined): void {
    if (!this.#isInMemory) this.#connections.setArchive(settings);
  }

  /** From now on a missing file is a loss, DATABASE_MISSING, and no empty one is made in its place. */
  expectFile(): void {
    this.#connections.expectFile();
  }

  /** As of at most a second ago; undefined without an archive, and while there is no writer. */
  get archiveStatus(): ArchiveStatus | undefined {
    return this.#connections.writer?.archiveStatus;
  }

  /** Resolves when what is committed by now is archived, or cannot be: `archiveStatus` tells. */
  async flushArchive(): Promise<void> {
    await this.#connections.writer?.flushArchive();
  }

  /**
   * Runs something that needs the database's files for itself, such as putting another database in their place. What was
   * accepted before is finished first; calls meanwhile fail with DATABASE_UNAVAILABLE and this cause. The database is
   * opened again whether `run` succeeds or throws. Rejects without running it with CONFLICT when the files are released
   * already, with SHUTTING_DOWN, or with the reason why they cannot be released; after it with its error, or the
   * reason why the database cannot be opened again, which is tried on and on.
   */
  async withFilesReleased<Result>(cause: MusterError, run: () => Promise<Result>): Promise<Result> {
    if (this.#isInMemory) throw new MusterError("CONFLICT", "release the database's files: it is in memory only");
    await this.#connections.suspend(cause);
    let result: Result;
    try {
      result = await run();
    } catch (error) {
      // Why it does not open is in the state, and the first failure is the one to act on.
      await this.#connections.resume().catch(() => undefined);
      throw error;
    }
    await this.#connections.resume();
    return result;
  }

  status(): EngineStatus {
    const { readers, writer, state, restartCount, engineVersion } = this.#connections;
    const inUse = readers.filter((reader) => reader.pendingCount > 0).length;
    const pendingReads = readers.reduce((sum, reader) => sum + reader.pendingCount, 0);
    return {
      state,
      pool: { size: readers.length, inUse, idle: readers.length - inUse, waiting: pendingReads - inUse },
      pendingWrites: writer?.pendingCount ?? 0,
      restartCount,
      engineVersion,
    };
  }

  statements(operation: string): readonly string[] {
    return this.#connections.statements.list(operation);
  }

  /** How a statement would be run, one line for each step, whatever its values. Throws what reading throws. */
  async explain(sql: string): Promise<readonly string[]> {
    const requestedAt = systemClock.now();
    const [plan] = await this.read({
      ...{ operationId: createId(requestedAt), requestedAt, mayBeApplied: false, timeoutMs: EXPLAIN_TIMEOUT_MS },
      steps: [{ name: EXPLAIN, input: { sql } }],
    });
    return plan as string[];
  }

  onStateChange(listener: (state: EngineState) => void): () => void {
    return this.#connections.onStateChange(listener);
  }

  #send(kind: "read" | "write", request: EngineRequest, reader: DatabaseThread | undefined): Promise<unknown[]> {
    if (!reader) this.#connections.validateConnection("writer");
    const thread = reader ?? this.#connections.writer!;
    // The threads measure deadlines by the system's clock, whatever clock the program runs on.
    const { timeoutMs, ...rest } = request;
    return thread.send({ kind, deadlineAt: systemClock.now() + timeoutMs, ...rest }, timeoutMs);
  }

  #leastBusyReader(): DatabaseThread | undefined {
    let best: DatabaseThread | undefined;
    for (const reader of this.#connections.readers) {
      if (!best || reader.pendingCount < best.pendingCount) best = reader;
    }
    return best;
  }
}
