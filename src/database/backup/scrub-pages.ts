import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReportProgress } from "../maintenance/maintenance-progress.ts";
import { withFile } from "../sqlite/archive-take-up.ts";
import { FRAME_HEADER_BYTES, parseWalHeader, WAL_HEADER_BYTES, WalScanner } from "../sqlite/wal-format.ts";
import { LOCK_BYTE } from "./apply-segments.ts";
import { BackupKey } from "./encryption.ts";
import { readPageProof, type PageProof } from "./page-proof.ts";
import { proofOf } from "./page-table.ts";

/**
 * The job that holds every page of the database, while it is in use, against what the archive saw last: it finds each
 * changed byte, also inside a value, where SQLite's own check sees nothing wrong. A page that differs is looked at again
 * after the archive was read anew, because a checkpoint may just have written it; only what differs every time counts.
 */
export interface ScrubPagesJob {
  readonly kind: "scrub-pages";
  readonly databasePath: string;
  readonly backupFolder: string;
  /** The passphrase, for encrypted files. */
  readonly key?: string;
  /** Bytes of the database read in a second at most. Default 16 MB. */
  readonly bytesPerSecond?: number;
  /** Nobody has the database open: read as fast as the disk, and no page is looked at again. */
  readonly isReleased?: boolean;
}

export interface ScrubPagesResult {
  readonly pageCount: number;
  /** Pages about which the archive says nothing. */
  readonly unprovenCount: number;
  /** Their numbers, ascending. */
  readonly damagedPages: readonly number[];
  /** A committed frame of the log is not what was archived. */
  readonly isLogDamaged: boolean;
  readonly durationMs: number;
}

const DEFAULT_BYTES_PER_SECOND = 16 * 1024 ** 2;
const PIECE_BYTES = 1024 ** 2;
const MAX_LOOKS = 4;
/** Between two looks: longer than a checkpoint needs to write and sync a page, and for the archive to be behind it. */
const LOOK_PAUSE_MS = 1_500;

/** Throws BACKUP_NOT_FOUND, BACKUP_DAMAGED and BACKUP_KEY_WRONG when the archive cannot tell. */
export async function scrubPages(job: ScrubPagesJob, report: ReportProgress): Promise<ScrubPagesResult> {
  const startedAt = performance.now();
  const source = { backupFolder: job.backupFolder, key: job.key === undefined ? undefined : new BackupKey(job.key) };
  report({ step: "prove", share: 0 });
  let proof = await readPageProof(source);
  const { pageCount, table } = proof;
  // This is not the bot's process: closing this handle takes none of its locks (fact 3).
  const handle = openSync(job.databasePath, "r");
  try {
    let suspects: number[] = [];
    let unprovenCount = 0;
    const throttle = new Throttle(job.isReleased ? Infinity : (job.bytesPerSecond ?? DEFAULT_BYTES_PER_SECOND));
    for await (const { number, page } of readPages(handle, table.pageBytes, pageCount, throttle)) {
      const verdict = judge(proof, number, page);
      if (verdict === "differs") suspects.push(number);
      else if (verdict === "unproven") unprovenCount++;
      if (number % 4_096 === 0) report({ step: "scrub", share: number / pageCount });
    }
    for (let look = 1; suspects.length > 0 && !job.isReleased && look < MAX_LOOKS; look++) {
      await sleep(LOOK_PAUSE_MS);
      proof = await readPageProof(source);
      suspects = suspects.filter((number) => {
        const page = readPage(handle, number, table.pageBytes);
        return number <= proof.pageCount && page !== undefined && judge(proof, number, page) === "differs";
      });
    }
    return {
      ...{ pageCount, unprovenCount, damagedPages: suspects, isLogDamaged: isLogDamaged(job.databasePath, proof) },
      durationMs: Math.round(performance.now() - startedAt),
    };
  } finally {
    closeSync(handle);
  }
}

/** Whether a page of the database file is one that it may be. */
export function judge(proof: PageProof, number: number, page: Buffer): "sound" | "differs" | "unproven" {
  const { table, versions, isBaseUncertain } = proof;
  const found = proofOf(number, page);
  const recent = versions.get(number);
  const base = table.get(number);
  if (found === base || recent?.includes(found)) return "sound";
  if (base === undefined && !recent) return "unproven";
  // Not moved to the file yet, and nobody knows what stands there until it is.
  return recent && (isBaseUncertain || base === undefined) ? "unproven" : "differs";
}

interface NumberedPage {
  readonly number: number;
  readonly page: Buffer;
}

async function* readPages(
  handle: number,
  pageBytes: number,
  pageCount: number,
  throttle: Throttle,
): AsyncGenerator<NumberedPage> {
  const piece = Buffer.alloc(Math.max(pageBytes, PIECE_BYTES));
  const lockPage = LOCK_BYTE / pageBytes + 1;
  // A file may be shorter than the database while its last pages are in the log alone.
  const endBytes = Math.min(pageCount * pageBytes, fstatSync(handle).size);
  for (let at = 0; at < endBytes;) {
    const readBytes = readSync(handle, piece, 0, Math.min(piece.length, endBytes - at), at);
    const wholeBytes = readBytes - (readBytes % pageBytes);
    if (wholeBytes === 0) return;
    for (let start = 0; start < wholeBytes; start += pageBytes) {
      const number = (at + start) / pageBytes + 1;
      if (number !== lockPage) yield { number, page: piece.subarray(start, start + pageBytes) };
    }
    at += wholeBytes;
    await throttle.take(wholeBytes);
  }
}

function readPage(handle: number, number: number, pageBytes: number): Buffer | undefined {
  const page = Buffer.alloc(pageBytes);
  return readSync(handle, page, 0, pageBytes, (number - 1) * pageBytes) === pageBytes ? page : undefined;
}

/** Of the life of the log that the archive knows: whether what was archived of it still stands there. */
function isLogDamaged(databasePath: string, { end }: PageProof): boolean {
  return withFile(`${databasePath}-wal`, (handle) => {
    if (handle === undefined) return false;
    const head = Buffer.alloc(WAL_HEADER_BYTES);
    readSync(handle, head, 0, head.length, 0);
    const header = parseWalHeader(head);
    // Another life has begun, or none: then nothing that was archived is read from it any more.
    if (!header || header.salts !== end.salts) return false;
    const scanner = new WalScanner(header);
    const content = Buffer.alloc(256 * (FRAME_HEADER_BYTES + header.pageBytes));
    for (let from = -1; scanner.offset !== from && scanner.offset < end.offset;) {
      from = scanner.offset;
      const readBytes = readSync(handle, content, 0, content.length, from);
      scanner.scan(content.subarray(0, readBytes));
    }
    if (scanner.offset >= end.offset) return false;
    // Begun anew while it was read.
    readSync(handle, head, 0, head.length, 0);
    return parseWalHeader(head)?.salts === end.salts;
  });
}

/** Keeps an average of bytes per second: a disk that everybody waits for is no gain. */
class Throttle {
  readonly #bytesPerSecond: number;
  readonly #startedAt = performance.now();
  #bytes = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  async take(bytes: number): Promise<void> {
    this.#bytes += bytes;
    const aheadMs = (this.#bytes / this.#bytesPerSecond) * 1_000 - (performance.now() - this.#startedAt);
    if (aheadMs > 1) await sleep(aheadMs);
  }
}
