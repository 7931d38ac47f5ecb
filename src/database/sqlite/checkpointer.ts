import type { SqliteConnection } from "./connection.ts";

/**
 * Checkpoints move committed pages from the WAL into the database file. With autocheckpoint off they happen only here,
 * in the writer thread, between groups: after every `writesPerCheckpoint` writes, and when the thread has been idle.
 * PASSIVE never waits for readers; what it could not move, the next one does.
 */

const DEFAULT_WRITES_PER_CHECKPOINT = 4_000;

export interface CheckpointResult {
  /** Frames in the WAL, and how many of them are in the database file now. */
  readonly walFrameCount: number;
  readonly checkpointedFrameCount: number;
}

export class Checkpointer {
  readonly #connection: SqliteConnection;
  readonly #writesPerCheckpoint: number;
  #writesSinceCheckpoint = 0;

  constructor(connection: SqliteConnection, writesPerCheckpoint: number = DEFAULT_WRITES_PER_CHECKPOINT) {
    this.#connection = connection;
    this.#writesPerCheckpoint = writesPerCheckpoint;
  }

  get isDue(): boolean {
    return this.#writesSinceCheckpoint >= this.#writesPerCheckpoint;
  }

  get isWanted(): boolean {
    return this.#writesSinceCheckpoint > 0;
  }

  countWrites(writeCount: number): void {
    this.#writesSinceCheckpoint += writeCount;
  }

  checkpoint(): CheckpointResult {
    this.#writesSinceCheckpoint = 0;
    const [row] = this.#connection.database.pragma("wal_checkpoint(PASSIVE)") as [
      { log: number; checkpointed: number },
    ];
    return { walFrameCount: row.log, checkpointedFrameCount: row.checkpointed };
  }
}
