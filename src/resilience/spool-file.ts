import { open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { FILE_MODE, syncFolder } from "../core/durable-file.ts";

/** What the spool needs of an open file that is written at its end only. */
export interface SpoolHandle {
  /** Returns the number of bytes that were taken, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  sync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  /** Bytes in the file. */
  getSize(): Promise<number>;
  /** Whether the file is still the one at its path: what is written to a deleted file succeeds, and is lost. */
  isInPlace(): Promise<boolean>;
  close(): Promise<void>;
}

export type OpenSpoolHandle = (path: string) => Promise<SpoolHandle>;

/** Opens a file of the disk, and creates it when it is missing. */
export const openSpoolHandle: OpenSpoolHandle = async (path) => {
  const handle = await open(path, "a", FILE_MODE);
  return {
    write: async (bytes) => (await handle.write(bytes)).bytesWritten,
    sync: () => handle.datasync(),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    getSize: async () => (await handle.stat()).size,
    isInPlace: () => isSameFile(handle, path),
    close: () => handle.close(),
  };
};

async function isSameFile(handle: FileHandle, path: string): Promise<boolean> {
  const own = await handle.stat();
  const atPath = await stat(path).catch(() => undefined);
  return atPath !== undefined && own.ino === atPath.ino && own.dev === atPath.dev;
}

/**
 * A file that grows by whole chunks: a chunk that the disk did not take as a whole is cut off again, so that it cannot
 * run into what follows. After a failed fsync nobody knows which of the written bytes will be there after a crash, and
 * asking again would be answered with success (https://wiki.postgresql.org/wiki/Fsync_Errors): the file is given up.
 */
export class SpoolFile {
  readonly #handle: SpoolHandle;
  readonly #path: string;
  #size: number;
  #syncedSize: number;
  #isBroken = false;
  #isRemoved = false;

  /** The folder is fsynced, so that a new file survives a power cut. */
  static async open(path: string, openHandle: OpenSpoolHandle): Promise<SpoolFile> {
    const handle = await openHandle(path);
    try {
      await syncFolder(dirname(path));
      return new SpoolFile(handle, path, await handle.getSize());
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  private constructor(handle: SpoolHandle, path: string, size: number) {
    this.#handle = handle;
    this.#path = path;
    this.#size = size;
    this.#syncedSize = size;
  }

  /** Bytes, without what was cut off. */
  get size(): number {
    return this.#size;
  }

  /** Not to be written any more, and what was cut off may still be in it. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Somebody deleted or replaced it: nothing of what was written to it will be found again. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** All or nothing; when `isDurable`, it is on the disk, with all before it, when this resolves. */
  async append(bytes: Uint8Array, isDurable: boolean): Promise<void> {
    try {
      await this.#write(bytes);
    } catch (error) {
      await this.#cutOff(this.#size);
      throw error;
    }
    this.#size += bytes.length;
    if (isDurable) await this.#sync();
  }

  /** Rejects when somebody removed or replaced it. */
  async requireInPlace(): Promise<void> {
    if (await this.#handle.isInPlace()) return;
    this.#isBroken = true;
    this.#isRemoved = true;
    throw new Error(`write ${this.#path}: the file was removed or replaced`);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const written = await this.#handle.write(rest);
      if (written === 0) throw new Error(`write ${this.#path}: the disk takes nothing more`);
      rest = rest.subarray(written);
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#handle.sync();
      await this.requireInPlace();
    } catch (error) {
      this.#isBroken = true;
      await this.#cutOff(this.#syncedSize);
      throw error;
    }
    this.#syncedSize = this.#size;
  }

  async #cutOff(size: number): Promise<void> {
    this.#size = size;
    await this.#handle.truncate(size).catch(() => {
      // The rest of the chunk stays: a torn line at the end, which is dropped when the file is read.
      this.#isBroken = true;
    });
  }
}
