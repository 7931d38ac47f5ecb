import type { Clock } from "../../core/clock.ts";
import { MusterError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { ArchiveSettings } from "./archive-keeper.ts";
import { DatabaseThread, type DatabaseThreadEvents, type ThreadRole } from "./database-thread.ts";
import { OperationStatements } from "./operation-statements.ts";
import type { ThreadOptions } from "./thread-protocol.ts";
import { settlesWithin } from "./time-limit.ts";

/**
 * More threads than this that were given up and have not ended: no more are started until some have. A disk that hangs
 * for hours takes every new thread with it, and each of them costs several megabytes.
 */
const DEFAULT_MAX_ABANDONED_COUNT = 24;
/** For threads that were told to end: all that is left to them is to leave a call to the operating system. */
const DEFAULT_END_LIMIT_MS = 2_000;

export interface ThreadOpenerOptions {
  readonly thread: ThreadOptions;
  /** Longest wait for a thread to open its connection while it does not say that it works, milliseconds. */
  readonly connectionTimeoutMs: () => number;
  /** Threads that were given up and may exist all the same. Default: 24. */
  readonly maxAbandonedCount?: number;
  /** Longest wait for threads that were told to end, milliseconds. Default: 2,000. */
  readonly endLimitMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Starts database threads, and knows each of them until it has ended. */
export class ThreadOpener {
  /** How each writer that is started from now on archives; undefined = not at all. */
  archive: ArchiveSettings | undefined;
  /** Whether each writer that is started from now on may apply pending migrations. */
  mayMigrate: boolean;
  /** Page cache of each thread that is started from now on. */
  cacheSizeBytes: number;
  /** What the threads have told of the statements that operations run. */
  readonly statements = new OperationStatements();
  readonly #options: ThreadOpenerOptions;
  readonly #existing = new Set<DatabaseThread>();
  #isFileExpected = false;

  constructor(options: ThreadOpenerOptions) {
    this.#options = options;
    this.cacheSizeBytes = options.thread.connection.cacheSizeBytes;
    this.archive = options.thread.archive;
    this.mayMigrate = options.thread.mayMigrate ?? true;
  }

  /** From now on a missing file is a loss to be told of; a new, empty one in its place would hide it. */
  expectFile(): void {
    this.#isFileExpected = true;
  }

  /** Resolves when its connection is open; rejects with the reason why it is not. */
  async open(role: ThreadRole, onLost: DatabaseThreadEvents["onLost"]): Promise<DatabaseThread> {
    this.#refuseWhileManyHang();
    const thread = this.#create(role, onLost);
    const timeoutMs = this.#options.connectionTimeoutMs();
    const { clock } = this.#options;
    const giveUp = (): void => {
      const leftMs = thread.workedAt + timeoutMs - clock.monotonic();
      if (leftMs > 0) {
        cancel = clock.schedule(leftMs, giveUp);
        return;
      }
      void thread.terminate(
        new MusterError("DATABASE_UNAVAILABLE", `open the database: no connection within ${timeoutMs} ms`),
      );
    };
    let cancel = clock.schedule(timeoutMs, giveUp);
    try {
      await thread.ready;
    } finally {
      cancel();
    }
    // Lost in the same moment: nobody would hear of it any more, and a dead thread would be taken for a live one.
    if (!thread.isAlive) throw new MusterError("DATABASE_UNAVAILABLE", `open the database: the ${role} thread ended`);
    return thread;
  }

  /** Throws when one of the threads that were told to end still exists, and so may have the files open. */
  async requireAllEnded(): Promise<void> {
    const { endLimitMs = DEFAULT_END_LIMIT_MS } = this.#options;
    const ends = [...this.#existing].map((thread) => thread.ended);
    if (await settlesWithin(Promise.all(ends), endLimitMs)) return;
    throw new MusterError(
      "DATABASE_UNAVAILABLE",
      `release the database's files: ${this.#existing.size} of its threads hang`,
      { hint: "Check the disk: a call to the operating system does not return. Restart the bot if it stays so." },
    );
  }

  #create(role: ThreadRole, onLost: DatabaseThreadEvents["onLost"]): DatabaseThread {
    const { thread: options, clock, logger } = this.#options;
    const connection = {
      ...options.connection,
      cacheSizeBytes: this.cacheSizeBytes,
      mustExist: this.#isFileExpected,
    };
    const thread = new DatabaseThread(
      role,
      { ...options, connection, archive: this.archive, mayMigrate: this.mayMigrate },
      {
        onLost,
        onTrouble: (cause) => logger.warn("database housekeeping failed", { error: cause }),
        onStatements: (statements) => this.statements.add(statements),
      },
      { clock },
    );
    this.#existing.add(thread);
    void thread.ended.then(() => this.#existing.delete(thread));
    return thread;
  }

  #refuseWhileManyHang(): void {
    const { maxAbandonedCount = DEFAULT_MAX_ABANDONED_COUNT } = this.#options;
    const abandonedCount = [...this.#existing].filter((thread) => !thread.isAlive).length;
    if (abandonedCount < maxAbandonedCount) return;
    throw new MusterError("DATABASE_UNAVAILABLE", `open the database: ${abandonedCount} of its threads hang`, {
      hint: "Check the disk: a call to the operating system does not return.",
    });
  }
}
