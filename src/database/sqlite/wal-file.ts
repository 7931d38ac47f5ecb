import { readSync } from "node:fs";
import { open } from "node:fs/promises";
import {
  parseWalHeader,
  WAL_HEADER_BYTES,
  WalScanner,
  type WalCommit,
  type WalFrame,
  type WalHeader,
} from "./wal-format.ts";

/** Read first by whoever looks often: what a group commits is seldom more. */
const FRAMES_PER_FIRST_READ = 16;
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

/**
 * The commits from the scanner's place on. Synchronous, for the thread that makes them, between two of them. `onProgress`
 * is called after each portion of some megabytes.
 */
export function scanWal(log: number, scanner: WalScanner, onProgress: () => void = () => undefined): WalCommit[] {
  const commits: WalCommit[] = [];
  for (let frames = FRAMES_PER_FIRST_READ; ; frames = Math.min(4 * frames, FRAMES_PER_READ)) {
    const content = Buffer.allocUnsafe(frames * scanner.frameBytes);
    const { offset } = scanner;
    const byteCount = readSync(log, content, 0, content.length, offset);
    for (const commit of scanner.scan(content.subarray(0, byteCount))) commits.push(commit);
    if (scanner.offset === offset) return commits;
    onProgress();
  }
}

/** A log's running checksum after the frame that ends at `offset`, if the log is sound up to there. */
export function readChecksumAt(log: number, header: WalHeader, offset: number): string | undefined {
  if (offset === WAL_HEADER_BYTES) return header.checksum;
  return scanWal(log, new WalScanner(header)).find((commit) => commit.offset === offset)?.checksum;
}
