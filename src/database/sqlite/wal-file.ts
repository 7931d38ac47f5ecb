import { open } from "node:fs/promises";
import {
  parseWalHeader,
  WAL_HEADER_BYTES,
  WalScanner,
  type WalCommit,
  type WalFrame,
  type WalHeader,
} from "./wal-format.ts";

/** Frames that are read at a time: four megabytes of the usual pages. */
const FRAMES_PER_READ = 1_024;

export interface WalReading {
  readonly header: WalHeader;
  /** The last commit that counts; undefined when there is none yet. */
  readonly lastCommit: WalCommit | undefined;
}

/**
 * Reads a `-wal` file, or an archived segment, to the last frame that belongs to it, or to `limitBytes`. Undefined when
 * the file is missing, or has no sound header. For other processes than the one that has the database open, or for
 * nobody's: it never opens the database itself.
 */
export async function readWalFile(
  path: string,
  onFrame: (frame: WalFrame) => void = () => undefined,
  limitBytes = Infinity,
): Promise<WalReading | undefined> {
  const file = await open(path, "r").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const start = Buffer.alloc(WAL_HEADER_BYTES);
    await file.read(start, 0, WAL_HEADER_BYTES, 0);
    const header = parseWalHeader(start);
    if (!header) return undefined;
    const scanner = new WalScanner(header);
    const content = Buffer.alloc(scanner.frameBytes * FRAMES_PER_READ);
    let lastCommit: WalCommit | undefined;
    for (;;) {
      const wantedBytes = Math.min(content.length, limitBytes - scanner.offset);
      const { offset } = scanner;
      const { bytesRead } = await file.read(content, 0, wantedBytes, offset);
      lastCommit = scanner.scan(content.subarray(0, bytesRead), onFrame).at(-1) ?? lastCommit;
      if (scanner.offset === offset) return { header, lastCommit };
    }
  } finally {
    await file.close();
  }
}
