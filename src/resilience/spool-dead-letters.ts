/*
 * The file of values that were given up, for a person to look at and to put back. One line each; a line of the kind
 * `replayed` says that an earlier one is no dead letter any longer. The file is bounded: when it would grow beyond its
 * limit it is written anew with the newest dead letters, up to half the limit, and what is dropped for them is counted
 * in the log. It is written anew as well, before anything is added, when its end is not what it should be: otherwise
 * a line would be glued to half of another. Damaged lines are kept aside first.
 */
import { rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../core/clock.ts";
import { createFolder, syncFolder, writeFileDurably } from "../core/durable-file.ts";
import { toError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { openSpoolHandle, SpoolFile, type OpenSpoolHandle } from "./spool-file.ts";
import { encodeLine, type FoundLine } from "./spool-line.ts";
import { readLines } from "./spool-reader.ts";
import { keepAside } from "./spool-recovery.ts";
import type { SpoolEntry } from "./spool.ts";

export interface DeadLettersOptions {
  readonly path: string;
  /** The file does not grow beyond this, but for one line. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly openHandle?: OpenSpoolHandle;
}

/** Why a value was given up. */
export interface DeadLetterError {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
}

/** An entry of the spool that was given up. */
export interface DeadLetter<Value> extends SpoolEntry<Value> {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly error: DeadLetterError;
}

interface KeptLetter<Value> extends DeadLetter<Value> {
  readonly lineBytes: number;
}

/** Of a message or a stack: a statement with all its values can be in it. */
const MAX_TEXT_LENGTH = 4_000;

export class DeadLetters<Value extends { readonly id: string }> {
  readonly #options: DeadLettersOptions;
  /** By id, oldest first. */
  readonly #letters = new Map<string, KeptLetter<Value>>();
  /** What the file named when it was opened, also of those that were replayed: ids by sequence number. */
  readonly #named = new Map<number, string>();
  #damaged: Buffer[] = [];
  /** Its end is not that of a line, or it is not there any more. */
  #isRewriteNeeded = false;
  #sizeBytes = 0;
  #file: SpoolFile | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** Returns the highest sequence number in it, 0 when it is empty. One that cannot be read is kept aside. */
  async open(): Promise<number> {
    const { path, clock, logger } = this.#options;
    this.#letters.clear();
    this.#named.clear();
    this.#damaged = [];
    let lineBytes = 0;
    try {
      this.#sizeBytes = await readLines(path, clock, (line) => {
        this.#read(line);
        lineBytes += line.kind === "torn" ? 0 : line.line.length + 1;
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") await this.#setAside(error);
    }
    // Torn, or without its last newline, or with what is too long to be a line.
    this.#isRewriteNeeded = this.#damaged.length > 0 || lineBytes !== this.#sizeBytes;
    if (this.#damaged.length > 0) {
      logger.error("dead letters are damaged and passed over", { path, damagedCount: this.#damaged.length });
    }
    return this.#named.keys().reduce((highest, sequence) => Math.max(highest, sequence), 0);
  }

  /** This entry was given up before the file was opened: if it still waits, a crash brought it back. */
  has({ sequence, value }: SpoolEntry<Value>): boolean {
    return this.#named.get(sequence) === value.id;
  }

  find(id: string): DeadLetter<Value> | undefined {
    return this.#letters.get(id);
  }

  /** Oldest first. */
  get all(): readonly DeadLetter<Value>[] {
    return [...this.#letters.values()];
  }

  /** Resolves when it is on the disk. */
  async add({ sequence, value, at }: Omit<DeadLetter<Value>, "error">, thrown: unknown): Promise<void> {
    const letter = { sequence, at, value, error: toDeadLetterError(thrown) };
    const line = encodeLine(letter);
    await this.#write(line);
    // Behind those that are there, also when an earlier one has its id.
    this.#letters.delete(value.id);
    this.#letters.set(value.id, { ...letter, lineBytes: line.length });
  }

  /** These are put back, and dead letters no longer. Resolves when that is on the disk. */
  async remove(letters: readonly DeadLetter<Value>[]): Promise<void> {
    if (letters.length === 0) return;
    const sequences = letters.map(({ sequence }) => sequence);
    await this.#write(encodeLine({ kind: "replayed", sequences }));
    this.#forget(sequences);
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#closeFile();
  }

  #read(found: FoundLine): void {
    if (found.kind === "torn") return;
    const record = found.kind === "sound" ? (found.record as Partial<DeadLetter<Value> & Replayed>) : {};
    if (record.kind === "replayed" && Array.isArray(record.sequences)) {
      this.#forget(record.sequences);
    } else if (isDeadLetter<Value>(record)) {
      this.#named.set(record.sequence, record.value.id);
      this.#letters.delete(record.value.id);
      this.#letters.set(record.value.id, { ...record, lineBytes: found.line.length + 1 });
    } else {
      this.#damaged.push(found.line);
    }
  }

  #forget(sequences: readonly number[]): void {
    const gone = new Set(sequences);
    for (const { sequence, value } of this.#letters.values()) if (gone.has(sequence)) this.#letters.delete(value.id);
  }

  async #setAside(error: unknown): Promise<void> {
    const { path, clock, logger } = this.#options;
    const keptIn = `${path}.unreadable-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, "-")}`;
    this.#sizeBytes = 0;
    logger.error("the dead letters cannot be read; their file is kept aside", { path, keptIn, error });
    await rename(path, keptIn).catch((cause: unknown) => {
      logger.error("the file of dead letters could not be kept aside", { path, error: cause });
    });
  }

  /** One after another: they share the file. */
  #write(line: Buffer): Promise<void> {
    const append = (): Promise<void> => this.#append(line);
    const appendAgain = (error: unknown): Promise<void> => {
      // What went to a file that somebody removed is written again, with all the others.
      if (this.#file?.isRemoved) return this.#append(line);
      throw error;
    };
    const written = this.#writing.then(append).catch(appendAgain);
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #append(line: Buffer): Promise<void> {
    if (this.#file?.isBroken) {
      await this.#closeFile();
      this.#isRewriteNeeded = true;
    }
    if (this.#isRewriteNeeded || this.#sizeBytes + line.length > this.#options.maxBytes) await this.#rewrite();
    this.#file ??= await this.#openFile();
    await this.#file.append(line, true);
    this.#sizeBytes = this.#file.size;
  }

  async #openFile(): Promise<SpoolFile> {
    const { path, openHandle = openSpoolHandle } = this.#options;
    await createFolder(dirname(path));
    return SpoolFile.open(path, openHandle);
  }

  /** With the newest dead letters only, in one step: a crash leaves the old file or the new one. */
  async #rewrite(): Promise<void> {
    const { path, clock, logger } = this.#options;
    await createFolder(dirname(path));
    await syncFolder(dirname(dirname(path)));
    if (this.#damaged.length > 0) await keepAside(path, this.#damaged, clock);
    this.#damaged = [];
    const dropped = this.#chooseDropped();
    const kept = this.all.filter((letter) => !dropped.includes(letter));
    await this.#closeFile();
    const content = Buffer.concat(
      kept.map(({ sequence, at, value, error }) => encodeLine({ sequence, at, value, error })),
    );
    await writeFileDurably(path, content);
    this.#sizeBytes = content.length;
    this.#isRewriteNeeded = false;
    if (dropped.length === 0) return;
    for (const { value } of dropped) this.#letters.delete(value.id);
    logger.warn("the oldest dead letters were dropped for newer ones", { path, droppedCount: dropped.length });
  }

  /** When there are too many: all but the newest that fit into half of the file. */
  #chooseDropped(): readonly DeadLetter<Value>[] {
    const { maxBytes } = this.#options;
    const letters = [...this.#letters.values()];
    // With a quarter to spare, so that the file is not written anew for each that comes.
    if (letters.reduce((sum, { lineBytes }) => sum + lineBytes, 0) <= maxBytes * 0.75) return [];
    let sizeBytes = 0;
    const lastDropped = letters.findLastIndex(({ lineBytes }) => {
      sizeBytes += lineBytes;
      return sizeBytes > maxBytes / 2;
    });
    return letters.slice(0, lastDropped + 1);
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

interface Replayed {
  readonly kind: "replayed";
  readonly sequences: readonly number[];
}

function isDeadLetter<Value extends { readonly id: string }>(
  record: Partial<DeadLetter<Value>>,
): record is DeadLetter<Value> {
  return Number.isSafeInteger(record.sequence) && typeof record.value?.id === "string" && record.error !== undefined;
}

function toDeadLetterError(thrown: unknown): DeadLetterError {
  const { name, message, stack, code } = toError(thrown) as Error & { readonly code?: unknown };
  return {
    name,
    ...(typeof code === "string" ? { code } : {}),
    message: message.slice(0, MAX_TEXT_LENGTH),
    ...(stack === undefined ? {} : { stack: stack.slice(0, MAX_TEXT_LENGTH) }),
  };
}
