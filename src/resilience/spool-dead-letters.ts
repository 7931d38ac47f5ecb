import { readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { createFolder } from "../core/durable-file.ts";
import { toError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { openSpoolHandle, SpoolFile, type OpenSpoolHandle } from "./spool-file.ts";
import { encodeLine, splitLines } from "./spool-line.ts";
import type { SpoolEntry } from "./spool.ts";

export interface DeadLettersOptions {
  readonly path: string;
  readonly logger: Logger;
  readonly openHandle?: OpenSpoolHandle;
}

/** An entry of the spool that was given up. */
export interface DeadLetter<Value> extends SpoolEntry<Value> {
  readonly error: unknown;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The file of values that were given up, for a person to look at: nothing is ever removed from it by the program. */
export class DeadLetters<Value extends { readonly id: string }> {
  readonly #options: DeadLettersOptions;
  /** By sequence number. */
  readonly #ids = new Map<number, string>();
  #file: SpoolFile | undefined;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** Returns the highest sequence number in it, 0 when it is empty. Damaged lines stay where they are. */
  async open(): Promise<number> {
    const { path, logger } = this.#options;
    const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") logger.error("the dead letters cannot be read", { path, error });
    });
    if (!content) return 0;
    const { sound, damaged, tornBytes } = splitLines(content);
    if (damaged.length > 0) logger.error("dead letters are damaged", { path, damagedCount: damaged.length });
    if (tornBytes > 0) await truncate(path, content.length - tornBytes);
    let lastSequence = 0;
    for (const { record } of sound) {
      const { sequence, value } = record as SpoolEntry<Value>;
      this.#ids.set(sequence, value.id);
      lastSequence = Math.max(lastSequence, sequence);
    }
    return lastSequence;
  }

  /** This entry was given up: if it still waits, a crash brought it back. */
  has({ sequence, value }: SpoolEntry<Value>): boolean {
    return this.#ids.get(sequence) === value.id;
  }

  /** Resolves when it is on the disk. */
  async add({ sequence, value, error, at }: DeadLetter<Value>): Promise<void> {
    const { name, message, stack, ...members } = toError(error) as Error & { readonly code?: unknown };
    const line = encodeLine({ sequence, at, value, error: { name, code: members.code, message, stack } });
    const file = await this.#requireFile();
    await file.append(line, true);
    this.#ids.set(sequence, value.id);
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #requireFile(): Promise<SpoolFile> {
    if (this.#file?.isBroken) await this.close();
    if (this.#file) return this.#file;
    await createFolder(dirname(this.#options.path));
    this.#file = await SpoolFile.open(this.#options.path, this.#options.openHandle ?? openSpoolHandle);
    return this.#file;
  }
}
