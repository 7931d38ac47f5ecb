import type { Statement } from "better-sqlite3";
import type { SqliteConnection } from "./connection.ts";

/**
 * Checkpoints move committed pages from the WAL into the database file. With autocheckpoint off they happen only here,
 * in the writer thread, between groups: when the WAL holds `walLimitBytes`, when the thread has been idle, and
 * when the disk is full. None of them waits for readers; what one could not move, a later one does.
 *
 * The bound is in bytes, because that is what a disk runs out of: a hundred writes may make one frame or a thousand. How
 * much the WAL holds is asked of SQLite after each commit with `wal_checkpoint(NOOP)`, which looks at its shared memory
 * only (1 µs measured). The file's size would say less: SQLite writes a WAL anew from the beginning without shortening it.
 */

/** About 1,000 pages, as SQLite's own autocheckpoint: small enough to leave room on a disk of a few megabytes. */
const DEFAULT_WAL_LIMIT_BYTES = 4 * 1024 ** 2;
/**
 * A reader that is there at the wrong moment keeps the WAL from being written anew from its beginning. The next try comes
 * after this part of the limit: after another whole one, the WAL could have filled a small disk itself, and then the
 * database file has no room to take the pages.
 */
const RETRY_PART = 1 / 8;
const FRAME_HEADER_BYTES = 24;

/** `truncate` moves all it can and, when no reader hinders, cuts the WAL to nothing; `passive` leaves its space to be used again. */
export type CheckpointMode = "passive" | "truncate";

export interface WalState {
  /** Frames in the WAL, and how many of them are in the database file; both 0 when there is no WAL. */
  readonly walFrameCount: number;
  readonly checkpointedFrameCount: number;
}

export interface CheckpointerOptions {
  readonly connection: SqliteConnection;
  /** Bytes of frames in the WAL from which on a checkpoint is due. Default 4 MB. */
  readonly walLimitBytes?: number;
  /** Called before each checkpoint, while all frames are still in the WAL; when it throws, none is made. */
  readonly beforeCheckpoint?: (state: WalState) => void;
  /** Called after each checkpoint with how it left the WAL: once all frames are in the database file, it may be written anew. */
  readonly afterCheckpoint?: (state: WalState) => void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #limitFrameCount: number;
  readonly #noop: Statement<[], [busy: number, log: number, checkpointed: number]>;
  /** Frames in the WAL at the last checkpoint; 0 when it has been written anew since. */
  #lastFrameCount = 0;

  constructor(options: CheckpointerOptions) {
    const { connection, walLimitBytes = DEFAULT_WAL_LIMIT_BYTES } = options;
    const { database } = connection;
    this.#options = options;
    const pageBytes = database.pragma("page_size", { simple: true }) as number;
    this.#limitFrameCount = Math.max(1, Math.floor(walLimitBytes / (pageBytes + FRAME_HEADER_BYTES)));
    this.#noop = database
      .prepare<[], [busy: number, log: number, checkpointed: number]>("PRAGMA wal_checkpoint(NOOP)")
      .raw();
    // What a long reader lets the WAL grow beyond that is given back when it is written anew.
    database.pragma(`journal_size_limit = ${2 * walLimitBytes}`);
  }

  get isDue(): boolean {
    const { walFrameCount } = this.measure();
    if (walFrameCount < this.#lastFrameCount) this.#lastFrameCount = 0;
    return walFrameCount >= Math.max(this.#limitFrameCount, this.#lastFrameCount + this.#limitFrameCount * RETRY_PART);
  }

  /** Something is in the WAL and not in the database file. */
  get isWanted(): boolean {
    const { walFrameCount, checkpointedFrameCount } = this.measure();
    return walFrameCount > checkpointedFrameCount;
  }

  measure(): WalState {
    return toWalState(this.#noop.get()!);
  }

  /** All checkpoints are made here. Throws what `beforeCheckpoint` or SQLite throws; then nothing is lost, it is only not moved. */
  checkpoint(mode: CheckpointMode = "passive"): WalState {
    const { connection, beforeCheckpoint, afterCheckpoint } = this.#options;
    // Should it fail, the next commit must not try again at once: on a full disk each would.
    const before = this.measure();
    this.#lastFrameCount = before.walFrameCount;
    beforeCheckpoint?.(before);
    const [row] = connection.database.pragma(`wal_checkpoint(${mode})`) as [
      { busy: number; log: number; checkpointed: number },
    ];
    const state = toWalState([row.busy, row.log, row.checkpointed]);
    this.#lastFrameCount = state.walFrameCount;
    afterCheckpoint?.(state);
    return state;
  }

  /** For a full disk: empties the WAL as far as it can. Returns whether there may be room now. Throws as `checkpoint`. */
  makeRoom(): boolean {
    const { database } = this.#options.connection;
    const before = this.measure();
    const busyTimeoutMs = database.pragma("busy_timeout", { simple: true }) as number;
    // This mode waits for readers, and there may be hundreds of writes behind the one that met the full disk.
    database.pragma("busy_timeout = 0");
    try {
      const after = this.checkpoint("truncate");
      const isMoved = after.checkpointedFrameCount > before.checkpointedFrameCount;
      return isMoved || after.walFrameCount < before.walFrameCount;
    } finally {
      database.pragma(`busy_timeout = ${busyTimeoutMs}`);
    }
  }
}

/** SQLite says -1 for a database without a WAL. */
function toWalState([, log, checkpointed]: readonly [busy: number, log: number, checkpointed: number]): WalState {
  return { walFrameCount: Math.max(0, log), checkpointedFrameCount: Math.max(0, checkpointed) };
}
