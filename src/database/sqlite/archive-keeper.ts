import { MusterError, toError } from "../../core/errors.ts";
import type { WalState } from "./checkpointer.ts";
import { REPLACED } from "./replacement.ts";
import type { ArchiveStatus, CommitNote, WalArchive } from "./wal-archive.ts";

/**
 * When the writer thread archives: every `intervalMs`, before each checkpoint, and with an interval of 0 before any write
 * is acknowledged. As long as the archive cannot be written there is no checkpoint either, because the log is the only
 * place that has what is missing in it; but a log that grows for ever would fill the disk, and then nothing works any
 * more. So beyond a bound the archive's continuity is given up, and a new generation begins.
 */

export interface ArchiveSettings {
  /** `backups/wal`. */
  readonly folder: string;
  /** Milliseconds that a commit may wait to be archived; 0 = it is archived before it is acknowledged. */
  readonly intervalMs: number;
}

export interface ArchiveKeeperOptions {
  readonly intervalMs: number;
  readonly onTrouble: (error: unknown) => void;
  /** The archive has the database: a generation of its own, durably, or the one that it goes on with. */
  readonly onGeneration: () => void;
}

/** A quarter of a gigabyte: hours of a busy bot's writes, and little for a disk that holds one at all. */
const MAX_UNARCHIVED_FRAMES = 65_536;

export class ArchiveKeeper {
  readonly #archive: WalArchive;
  readonly #options: Pick<ArchiveKeeperOptions, "onTrouble" | "onGeneration">;
  #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  #generation = "";

  constructor(archive: WalArchive, { intervalMs, ...options }: ArchiveKeeperOptions) {
    this.#archive = archive;
    this.#intervalMs = intervalMs;
    this.#options = options;
  }

  get status(): ArchiveStatus {
    return this.#archive.status;
  }

  /** Completes the archive from the log on the disk, before SQLite opens the database. A failure is reported only. */
  open(): void {
    this.#attempt(() => this.#archive.open());
  }

  /** Another database has taken the place of the one that was archived. */
  noteReplacement(): void {
    this.#archive.abandon(REPLACED);
  }

  start(readDataVersion: () => number): void {
    this.#archive.watch(readDataVersion);
    this.setInterval(this.#intervalMs);
  }

  setInterval(intervalMs: number): void {
    clearInterval(this.#timer);
    this.#intervalMs = intervalMs;
    // At 0, for what other programs commit.
    this.#timer = setInterval(() => this.flush(), intervalMs === 0 ? 1_000 : intervalMs);
    this.#timer.unref();
  }

  /** A group was committed; nobody has been told yet. Throws when it has to be archived before that, and cannot be. */
  noteCommit(note: CommitNote): void {
    this.#archive.noteCommit(note);
    if (this.#intervalMs > 0) return;
    try {
      this.#archive.flush();
      this.#noteSuccess();
    } catch (error) {
      this.#report(error);
      throw createArchiveError(error);
    }
  }

  /** Throws when the log has to be kept for the archive's sake. */
  beforeCheckpoint({ walFrameCount }: WalState): void {
    try {
      this.#archive.flush();
      this.#noteSuccess();
    } catch (error) {
      this.#report(error);
      if (walFrameCount < MAX_UNARCHIVED_FRAMES) throw createArchiveError(error);
      this.#archive.abandon("the archive could not be written for too long");
    }
  }

  afterCheckpoint({ walFrameCount, checkpointedFrameCount }: WalState): void {
    if (walFrameCount === checkpointedFrameCount) this.#attempt(() => this.#archive.settle(walFrameCount));
  }

  flush(): void {
    this.#attempt(() => this.#archive.flush());
  }

  /** After the database was closed. */
  close(): void {
    clearInterval(this.#timer);
    this.#attempt(() => this.#archive.close());
  }

  #attempt(run: () => void): void {
    try {
      run();
      this.#noteSuccess();
    } catch (error) {
      this.#report(error);
    }
  }

  #noteSuccess(): void {
    this.#isFailing = false;
    const { generation } = this.#archive.status;
    if (generation === this.#generation) return;
    this.#generation = generation;
    if (generation !== "") this.#options.onGeneration();
  }

  /** Once, not each second. */
  #report(error: unknown): void {
    if (!this.#isFailing) this.#options.onTrouble(createArchiveError(error));
    this.#isFailing = true;
  }
}

/** What a member's write is refused with is a matter of the disk, not of the database's connection. */
function createArchiveError(cause: unknown): MusterError {
  const { code } = cause as NodeJS.ErrnoException;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new MusterError(
    isFull ? "DATABASE_FULL" : "DATABASE_READ_ONLY",
    `archive the log: ${toError(cause).message}`,
    { cause, hint: "Look at the disk of DB_BACKUP_DIR. Until the archive can be written, the database's log grows." },
  );
}
