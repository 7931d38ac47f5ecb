import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { open, readdir, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { createFolder, FILE_MODE, FOLDER_MODE } from "../core/durable-file.ts";
import { requireWritableFolder } from "../core/writable-folder.ts";
import { listExpiredDays } from "./day-files.ts";

/**
 * One file a day (UTC) that lines are appended to. Writing happens off the main thread, one chunk at a time; what a
 * failing disk did not take stays pending and goes out first the next time, so no line is torn or lost by it. A process
 * that is about to end writes the rest synchronously, after the chunk that is under way has arrived.
 */

const DAY_MS = 24 * 3_600_000;
const NEWLINE = 0x0a;
/** Longest wait, in a process that ends, for a chunk that the thread pool is writing. */
const LANDING_TIMEOUT_MS = 500;

export interface OperationLogFileOptions {
  /** At the start; `moveTo` changes it. */
  readonly folder: string;
  /** As many of the newest files stay, however old they look. */
  readonly keepDays: number;
  readonly clock: Clock;
  /** Hears of old files that could not be removed. */
  readonly onTrouble: (error: unknown) => void;
}

interface OpenFile {
  readonly day: string;
  readonly handle: FileHandle;
  /** Bytes, as far as this process knows. */
  size: number;
}

export class OperationLogFile {
  readonly #options: OperationLogFileOptions;
  readonly #pending: Uint8Array[] = [];
  #folder: string;
  #file: OpenFile | undefined;
  /** The first of the pending chunks is being written, and its outcome is not known yet. */
  #isWriting = false;

  constructor(options: OperationLogFileOptions) {
    this.#options = options;
    this.#folder = options.folder;
  }

  /** Bytes in today's file, as far as it has been opened. */
  get size(): number {
    return this.#file?.size ?? 0;
  }

  /** Whole lines to be written by the next `drain` or `drainSync`. */
  add(lines: string): void {
    if (lines !== "") this.#pending.push(Buffer.from(lines));
  }

  /** Opens today's file and writes what is pending. Not to be called again before it has settled. */
  async drain(): Promise<void> {
    const file = await this.#openToday();
    for (let chunk = this.#pending[0]; chunk !== undefined; chunk = this.#pending[0]) {
      this.#isWriting = true;
      try {
        const { bytesWritten } = await file.handle.write(chunk);
        file.size += bytesWritten;
        if (bytesWritten === chunk.length) this.#pending.shift();
        else this.#pending[0] = chunk.subarray(bytesWritten);
      } finally {
        this.#isWriting = false;
      }
    }
  }

  /** Writes what is pending and returns when it is in the file: for a process that is about to end. */
  drainSync(): void {
    if (this.#isWriting) this.#awaitLanding();
    if (this.#file?.day === this.#today()) {
      this.#file.size += this.#writePendingSync(this.#file.handle.fd);
      return;
    }
    mkdirSync(this.#folder, { recursive: true, mode: FOLDER_MODE });
    const fd = openSync(this.#path(this.#today()), "a+", FILE_MODE);
    try {
      const { size } = fstatSync(fd);
      const last = Buffer.alloc(1, NEWLINE);
      if (size > 0) readSync(fd, last, 0, 1, size - 1);
      if (last[0] !== NEWLINE) writeSync(fd, "\n");
      this.#writePendingSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /**
   * What is pending, and what comes, goes to this folder. Rejects, and changes nothing, when it cannot be written. Not to
   * be called while `drain` runs.
   */
  async moveTo(folder: string): Promise<void> {
    if (folder === this.#folder) return;
    await requireWritableFolder(folder);
    await this.close();
    this.#folder = folder;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }

  #today(): string {
    return new Date(this.#options.clock.now()).toISOString().slice(0, 10);
  }

  #path(day: string): string {
    return join(this.#folder, `operations-${day}.ndjson`);
  }

  async #openToday(): Promise<OpenFile> {
    const day = this.#today();
    if (this.#file?.day === day) return this.#file;
    await this.close();
    await createFolder(this.#folder);
    const handle = await open(this.#path(day), "a+", FILE_MODE);
    const { size: foundBytes } = await handle.stat();
    const last = Buffer.alloc(1, NEWLINE);
    if (foundBytes > 0) await handle.read(last, 0, 1, foundBytes - 1);
    // Asked again, and now in one turn with what follows: a synchronous drain may have written meanwhile.
    const size = fstatSync(handle.fd).size;
    // A process killed while it wrote may have left half a line, which the next one would be glued to.
    if (last[0] !== NEWLINE && size === foundBytes) this.#pending.unshift(Buffer.of(NEWLINE));
    this.#file = { day, handle, size };
    await this.#prune(day).catch(this.#options.onTrouble);
    return this.#file;
  }

  async #prune(today: string): Promise<void> {
    const { keepDays } = this.#options;
    const firstKept = new Date(Date.parse(today) - (keepDays - 1) * DAY_MS).toISOString().slice(0, 10);
    const names = await readdir(this.#folder);
    const days = names.flatMap((name) => /^operations-(\d{4}-\d{2}-\d{2})\.ndjson$/.exec(name)?.[1] ?? []);
    for (const day of listExpiredDays(days, firstKept, keepDays)) await rm(this.#path(day), { force: true });
  }

  /** Returns the number of bytes written. */
  #writePendingSync(fd: number): number {
    // The chunk that is under way stays with whoever writes it: writing it here as well would double its lines.
    const from = this.#isWriting ? 1 : 0;
    let writtenBytes = 0;
    for (let chunk = this.#pending[from]; chunk !== undefined; chunk = this.#pending[from]) {
      const written = writeSync(fd, chunk);
      writtenBytes += written;
      if (written === chunk.length) this.#pending.splice(from, 1);
      else this.#pending[from] = chunk.subarray(written);
    }
    return writtenBytes;
  }

  /** Waits until the file has grown by the chunk that the thread pool is writing; it cannot be taken back. */
  #awaitLanding(): void {
    const file = this.#file!;
    const expectedSize = file.size + this.#pending[0]!.length;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waitedMs = 0; waitedMs < LANDING_TIMEOUT_MS; waitedMs++) {
      if (fstatSync(file.handle.fd).size >= expectedSize) return;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}
