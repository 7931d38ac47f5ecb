import { fstatSync } from "node:fs";
import { systemClock } from "../../core/clock.ts";
import { MusterError, toError } from "../../core/errors.ts";
import { createReference } from "../../core/ids.ts";
import {
  generationName,
  listGenerationsSync,
  type ArchiveLine,
  type ArchivePosition,
} from "../backup/archive-index.ts";
import { ArchiveFiles } from "./archive-files.ts";
import { fingerprintOf, planTakeUp, readArchiveTail, readHeaderOf, withFile } from "./archive-take-up.ts";
import { isPutInPlace, REPLACED } from "./replacement.ts";
import { readChecksumAt, scanWal } from "./wal-file.ts";
import {
  FRAME_HEADER_BYTES,
  isNextLife,
  WAL_HEADER_BYTES,
  WalScanner,
  type WalCommit,
  type WalHeader,
} from "./wal-format.ts";

/**
 * The archive of the write-ahead log: the writer thread copies every committed frame to files of its own before a
 * checkpoint lets it go, so that a snapshot and the archive give back the database as it was at any instant. What makes
 * that true is continuity, and it is proved, not believed: a segment goes on only where the log has the very checksum
 * that was archived last, and the next one begins only when everything of this one was archived before SQLite began its
 * log anew. Where there is no such proof (another program wrote, the file is another one, the archive's disk was away)
 * a new generation begins, and whoever makes the backups makes the snapshot that it starts from.
 *
 * All of it is synchronous: it runs between two commits of the one thread that makes them.
 */

/**
 * A file's time is that of the kernel's last tick, up to 10 ms ago (Linux with CONFIG_HZ=100). Dated by it alone, the
 * last commit before a crash would belong to a moment before anybody asked for it.
 */
const FILE_TIME_TICK_MS = 10;

const FOREIGN_USE = "another program has used the database";
/** A clock that is corrected by less costs the commits until it has caught up their exact times, and not a generation. */
const CLOCK_TOLERANCE_MS = 5_000;

export interface WalArchiveOptions {
  readonly databasePath: string;
  /** `backups/wal`. */
  readonly folder: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds that only count, for how long a commit has waited; default: the system's. */
  readonly monotonic?: () => number;
  /** Called again and again while much is read or copied, which can take longer than a thread may be silent. */
  readonly onProgress?: () => void;
}

/** How far the archive is, within which life of the log. */
interface Progress extends ArchivePosition {
  readonly header: WalHeader;
  readonly checksum: string;
  /** Everything of this life is archived and in the database file: the next life may follow it. */
  readonly isSettled: boolean;
}

export interface ArchiveStatus extends ArchivePosition {
  /** When it was so, epoch milliseconds: whoever is told hears it later, and more may have been committed since. */
  readonly at: number;
  /** When the newest archived commit was made, epoch milliseconds; undefined while there is none. */
  readonly archivedUntil: number | undefined;
  /** When the oldest commit was made that is not archived yet; undefined when all are. */
  readonly pendingSince: number | undefined;
  /** For how long that one has waited, milliseconds, whatever the time of day did meanwhile; 0 when all are archived. */
  readonly pendingMs: number;
  /** What broke the generation before this one; undefined when there was none to break. */
  readonly gap: string | undefined;
  readonly lastError: string | undefined;
}

/** A commit that this thread has made, and when: the log itself does not say. */
export interface CommitNote {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Frames in the log behind it. */
  readonly frameCount: number;
  /** It certainly put some of them there; another may have been empty. */
  readonly isCertain: boolean;
}

interface Log {
  readonly handle: number;
  /** undefined when it is empty. */
  readonly header: WalHeader | undefined;
  /** When it was certainly not written to any more, epoch milliseconds. */
  readonly changedAt: number;
}

export class WalArchive {
  readonly #options: WalArchiveOptions;
  readonly #files: ArchiveFiles;
  readonly #monotonic: () => number;
  #progress: Progress | undefined;
  /** The log was settled and is gone: whatever life comes next follows. */
  #isAnyLifeNext = false;
  /** Why the next generation begins, or this one has. */
  #gap: string | undefined;
  /** The tail of an earlier run was looked at. */
  #isTakenUp = false;
  /** Commits since the last copy, of the log's present life, in order. */
  #notes: CommitNote[] = [];
  /** So many commits since the last copy must be found in the log. */
  #certainCommitCount = 0;
  #pendingSince: number | undefined;
  #pendingMonotonic = 0;
  #lastAt = 0;
  #archivedUntil: number | undefined;
  #lastError: string | undefined;
  #readDataVersion: () => number = () => 0;
  #dataVersion = 0;

  constructor(options: WalArchiveOptions) {
    this.#options = options;
    this.#files = new ArchiveFiles(options.folder);
    this.#monotonic = options.monotonic ?? (() => systemClock.monotonic());
  }

  get status(): ArchiveStatus {
    const { generation = "", segment = 0, offset = 0 } = this.#progress ?? {};
    return {
      ...{ generation, segment, offset },
      at: this.#options.now(),
      archivedUntil: this.#archivedUntil,
      pendingSince: this.#pendingSince,
      pendingMs: this.#pendingSince === undefined ? 0 : this.#monotonic() - this.#pendingMonotonic,
      gap: this.#gap,
      lastError: this.#lastError,
    };
  }

  /**
   * Takes up the newest generation where it can be proved that nothing is missing, and copies what the log on the disk
   * has beyond it. To be called before SQLite opens the database: a damaged one does not open, and its log is what
   * completes the archive. When it throws, the next `flush` tries it again.
   */
  open(): void {
    this.#attempt(() => this.#takeUp());
    if (this.#progress) this.flush();
  }

  /** From now on it is noticed when another program commits. */
  watch(readDataVersion: () => number): void {
    this.#readDataVersion = readDataVersion;
    this.#dataVersion = readDataVersion();
  }

  noteCommit(note: CommitNote): void {
    const last = this.#notes.at(-1);
    // The log was begun anew before all of it was archived: its former frames are not to be found any more.
    if (last && note.frameCount < last.frameCount) this.#notes = [];
    this.#notes.push(note);
    if (this.#pendingSince === undefined) {
      this.#pendingSince = note.at;
      this.#pendingMonotonic = this.#monotonic();
    }
    if (note.isCertain) this.#certainCommitCount++;
  }

  /** Copies what has been committed, and makes it durable. When it throws, nothing that it did counts. */
  flush(): void {
    this.#attempt(() => {
      if (!this.#isTakenUp) this.#takeUp();
      if (this.#progress && this.#files.isGone) this.abandon("the archive's files were removed or replaced");
      const dataVersion = this.#readDataVersion();
      this.#withLog((log) => {
        // What another program committed is archived like all else, as long as it is still in the log.
        const isForeign = dataVersion !== this.#dataVersion;
        if (isForeign && log?.header?.salts !== this.#progress?.header.salts) this.abandon(FOREIGN_USE);
        if (log?.header) this.#copy(log, log.header);
        else this.#requireNothing(log);
      });
      this.#dataVersion = dataVersion;
      this.#notes = [];
      this.#certainCommitCount = 0;
      this.#pendingSince = undefined;
    });
  }

  /**
   * A checkpoint has found `frameCount` frames in the log and moved all of them to the database file: SQLite may begin
   * it anew. When there are more than were archived, another program has written, and nothing is noted.
   */
  settle(frameCount: number): void {
    const progress = this.#progress;
    if (!progress) return;
    // Emptying a log that is empty counts its lives on, too.
    if (frameCount === 0) this.#isAnyLifeNext = true;
    if (progress.isSettled) return;
    const archivedCount = (progress.offset - WAL_HEADER_BYTES) / (FRAME_HEADER_BYTES + progress.header.pageBytes);
    // A checkpoint that also emptied the log counts nothing in it.
    if (frameCount === archivedCount || frameCount === 0) this.#noteSettled(progress);
  }

  /** The log will not be kept any longer for the archive's sake: what comes is another generation. */
  abandon(reason: string): void {
    // Of several reasons the first is the cause of the others.
    if (this.#progress || !this.#isTakenUp) this.#gap = reason;
    this.#isTakenUp = true;
    this.#progress = undefined;
    this.#certainCommitCount = 0;
    this.#files.close();
  }

  /** After the database was closed: notes how its file was left, so that it shows when something happens to it. */
  close(): void {
    // Closing has moved what is not archived to the database file, and then the archive does not end as that does.
    const isComplete = this.#pendingSince === undefined && this.#lastError === undefined;
    if (this.#progress?.isSettled && isComplete) this.#noteSettled(this.#progress);
    this.#files.sync();
    this.#files.close();
  }

  #attempt(run: () => void): void {
    try {
      run();
      this.#lastError = undefined;
    } catch (error) {
      this.#lastError = toError(error).message;
      throw error;
    }
  }

  #takeUp(): void {
    const { folder, databasePath } = this.#options;
    const tail = readArchiveTail(folder);
    if (tail) {
      this.#withLog((log) => {
        const { handle, header } = log ?? {};
        const takeUp = planTakeUp(tail, {
          header,
          readChecksumAt: (offset) => header && readChecksumAt(handle!, header, offset),
          fingerprint: fingerprintOf(databasePath),
        });
        this.#lastAt = tail.at;
        if (takeUp.kind === "gap") {
          this.#gap = isPutInPlace(databasePath) ? REPLACED : takeUp.reason;
          return;
        }
        this.#files.takeUp(tail);
        this.#progress = { ...tail, header: tail.header!, isSettled: tail.fingerprint !== undefined };
        this.#isAnyLifeNext = takeUp.kind === "settled" && !(header && isNextLife(tail.header!, header));
        this.#archivedUntil = tail.at;
      });
    }
    this.#isTakenUp = true;
  }

  #noteSettled(progress: Progress): void {
    const fingerprint = fingerprintOf(this.#options.databasePath) ?? "";
    const at = Math.max(this.#lastAt, this.#options.now());
    this.#files.appendLines([{ kind: "settled", segment: progress.segment, fingerprint, at }]);
    this.#lastAt = at;
    this.#progress = { ...progress, isSettled: true };
  }

  #copy(log: Log, header: WalHeader): void {
    const isSameLife = this.#progress?.header.salts === header.salts;
    const scanner = new WalScanner(header, isSameLife ? this.#progress : undefined);
    const from = scanner.offset;
    const { now, onProgress = () => undefined } = this.#options;
    const commits = scanWal(log.handle, scanner, onProgress);
    this.#requireCommits(commits.length);
    const last = commits.at(-1);
    if (!last) return;
    // No moment could be restored until the clock has caught up: the times of a generation only go forward.
    if (now() < this.#lastAt - CLOCK_TOLERANCE_MS) {
      this.abandon("the machine's clock was set back");
      this.#lastAt = 0;
      return this.#copy(log, header);
    }
    const times = this.#dateCommits(commits, log);
    try {
      const progress = isSameLife && this.#progress ? this.#progress : this.#beginLife(header, times[0]!);
      this.#files.copyToSegment(log.handle, from, last.offset, onProgress);
      this.#files.appendLines(describeCommits(progress, commits, from, times));
      this.#files.sync();
      // A copy that fails is tried again, and then the same life may follow.
      if (!isSameLife) this.#isAnyLifeNext = false;
      this.#lastAt = times.at(-1)!;
      this.#archivedUntil = this.#lastAt;
      this.#progress = { ...progress, offset: last.offset, checksum: last.checksum, isSettled: false };
    } catch (error) {
      // The next try begins a generation of its own: on a disk that stays full, there would be one for each second.
      if (!this.#progress) this.#files.discardGeneration();
      throw error;
    }
  }

  #requireNothing(log: Log | undefined): void {
    if (!log && this.#certainCommitCount > 0) {
      throw new MusterError("DATABASE_IO", "archive the log: it was deleted while the database is open");
    }
    this.#requireCommits(0);
  }

  /** What was committed here and is not in the log has been moved to the database file behind our back. */
  #requireCommits(commitCount: number): void {
    if (commitCount < this.#certainCommitCount) this.abandon(FOREIGN_USE);
  }

  /** The log was begun anew: the next segment when nothing can be missing in between, else a new generation. */
  #beginLife(header: WalHeader, at: number): Progress {
    const { now } = this.#options;
    const gap = this.#findGap(header);
    if (gap !== undefined) this.abandon(gap);
    const continued = this.#progress;
    const generation = continued?.generation ?? generationName(now(), createReference(), this.#newestGeneration());
    const segment = (continued?.segment ?? 0) + 1;
    this.#files.beginSegment(generation, {
      ...{ kind: "segment", segment, at, salts: header.salts },
      ...{ checkpointSequence: header.checkpointSequence, pageBytes: header.pageBytes },
    });
    const { checksum } = header;
    return { generation, segment, header, offset: WAL_HEADER_BYTES, checksum, isSettled: false };
  }

  #newestGeneration(): string | undefined {
    return listGenerationsSync(this.#options.folder).at(-1);
  }

  #findGap(header: WalHeader): string | undefined {
    const progress = this.#progress;
    if (!progress) return undefined;
    if (!progress.isSettled) return "the database's log was begun anew before all of it was archived";
    if (this.#isAnyLifeNext || isNextLife(progress.header, header)) return undefined;
    return "the database's log does not follow the one that was archived";
  }

  /**
   * A commit without a note behind it was made by another program, or before a crash: then the log's last change says
   * when, and not the present moment, which may be hours later. The clock may be set back; the order is not. Nothing was
   * made later than now: a note that says so is of a clock that ran ahead.
   */
  #dateCommits(commits: readonly WalCommit[], log: Log): number[] {
    const frameBytes = FRAME_HEADER_BYTES + log.header!.pageBytes;
    const now = this.#options.now();
    let at = this.#lastAt;
    let index = 0;
    return commits.map(({ offset }) => {
      const frameCount = (offset - WAL_HEADER_BYTES) / frameBytes;
      while (index < this.#notes.length && this.#notes[index]!.frameCount < frameCount) index++;
      at = Math.max(at, Math.min(now, this.#notes[index]?.at ?? log.changedAt));
      return at;
    });
  }

  /** Opened anew each time: while nobody has the database open, SQLite deletes its log. */
  #withLog(use: (log: Log | undefined) => void): void {
    withFile(`${this.#options.databasePath}-wal`, (handle) => {
      if (handle === undefined) return use(undefined);
      const changedAt = Math.ceil(fstatSync(handle).mtimeMs) + FILE_TIME_TICK_MS;
      use({ handle, header: readHeaderOf(handle), changedAt });
    });
  }
}

function describeCommits(
  { segment, header }: Progress,
  commits: readonly WalCommit[],
  from: number,
  times: readonly number[],
): ArchiveLine[] {
  let start = from;
  return commits.map(({ offset, pageCount, checksum }, index) => {
    const frameCount = (offset - start) / (FRAME_HEADER_BYTES + header.pageBytes);
    start = offset;
    return { kind: "commit", segment, offset, frameCount, pageCount, checksum, at: times[index]! };
  });
}
