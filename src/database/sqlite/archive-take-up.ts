import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { splitLines } from "../../resilience/spool-line.ts";
import {
  INDEX_TAIL_BYTES,
  indexPath,
  listGenerationsSync,
  segmentName,
  type ArchivedCommit,
  type ArchiveLine,
  type ArchivePosition,
} from "../backup/archive-index.ts";
import { isNextLife, parseWalHeader, WAL_HEADER_BYTES, type WalHeader } from "./wal-format.ts";

/**
 * Whether the archive of an earlier run can go on: only when it is certain that nothing was committed since that it
 * does not have, and cannot have any more.
 */

/** What the newest generation ends with. */
export interface ArchiveTail extends ArchivePosition {
  /** Of the segment's life of the log; undefined when the segment's file is gone. */
  readonly header: WalHeader | undefined;
  readonly checksum: string;
  readonly at: number;
  /** How the database file was when everything archived was in it, and nothing else; undefined = it was not so. */
  readonly fingerprint: string | undefined;
  /** Bytes of the index up to the end of its last sound line: what comes behind is the begin of one. */
  readonly indexBytes: number;
}

/** What stands on the disk now. */
export interface LogOnDisk {
  /** undefined when there is no log, or an empty one. */
  readonly header: WalHeader | undefined;
  /** The running checksum that the log has at this place; undefined when it does not reach so far. */
  readonly readChecksumAt: (offset: number) => string | undefined;
  readonly fingerprint: string | undefined;
}

export type TakeUp =
  | { readonly kind: "same-life" }
  /** All of the archived life is in the database file, and no other life has begun, or the very next one has. */
  | { readonly kind: "settled" }
  | { readonly kind: "gap"; readonly reason: string };

export function planTakeUp(tail: ArchiveTail, disk: LogOnDisk): TakeUp {
  if (tail.segment === 0) return { kind: "gap", reason: "the newest generation of the archive had not begun yet" };
  if (!tail.header) return { kind: "gap", reason: "the newest segment of the archive is gone" };
  if (disk.header?.salts === tail.header.salts) {
    if (disk.readChecksumAt(tail.offset) === tail.checksum) return { kind: "same-life" };
    return { kind: "gap", reason: "the database's log is not the one that was archived" };
  }
  if (tail.fingerprint === undefined) {
    return { kind: "gap", reason: "the database's log was begun anew before all of it was archived" };
  }
  // Whatever lives the log has had since: none of them was moved to the file, so all of it is in the present one.
  if (disk.fingerprint === tail.fingerprint) return { kind: "settled" };
  if (disk.header) {
    return isNextLife(tail.header, disk.header)
      ? { kind: "settled" }
      : { kind: "gap", reason: "the database's log is of another database, or another program has used it" };
  }
  return { kind: "gap", reason: "the database file is not as it was when it was archived last" };
}

/** The end of the newest generation; undefined when there is no archive. */
export function readArchiveTail(archiveFolder: string): ArchiveTail | undefined {
  const generation = listGenerationsSync(archiveFolder).at(-1);
  if (generation === undefined) return undefined;
  const folder = join(archiveFolder, generation);
  const { content, start } = readEnd(indexPath(folder));
  // Only lines that a newline ends: what comes behind is written once more.
  let keptBytes = content.lastIndexOf("\n") + 1;
  const { sound } = splitLines(content.subarray(0, keptBytes));
  const lines = sound.map(({ record }) => record as ArchiveLine);
  // A segment begins with a commit: of one that was interrupted before that, perhaps more than once, nothing is kept.
  while (lines.at(-1)?.kind === "segment") {
    lines.pop();
    keptBytes = content.lastIndexOf(sound[lines.length]!.line, keptBytes - 1);
  }
  const last = lines.at(-1);
  const commit = lines.findLast((line): line is ArchivedCommit => line.kind === "commit");
  const segment = last?.segment ?? 0;
  const isWhole = commit?.segment === segment;
  return {
    ...{ generation, segment },
    offset: isWhole ? commit.offset : WAL_HEADER_BYTES,
    checksum: isWhole ? commit.checksum : "",
    header: readHeader(join(folder, segmentName(segment))),
    at: last?.at ?? 0,
    fingerprint: last?.kind === "settled" ? last.fingerprint : undefined,
    indexBytes: start + keptBytes,
  };
}

/** Device, inode, size and time of the last change; undefined when there is no file. Only `stat`: see fact 3. */
export function fingerprintOf(databasePath: string): string | undefined {
  const facts = statSync(databasePath, { bigint: true, throwIfNoEntry: false });
  return facts && `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeNs}`;
}

/** Header of a log or segment; undefined when there is no such file, or no sound header in it. */
export function readHeader(path: string): WalHeader | undefined {
  return withFile(path, (handle) => (handle === undefined ? undefined : readHeaderOf(handle)));
}

export function readHeaderOf(handle: number): WalHeader | undefined {
  const content = Buffer.alloc(WAL_HEADER_BYTES);
  const byteCount = readSync(handle, content, 0, WAL_HEADER_BYTES, 0);
  return parseWalHeader(content.subarray(0, byteCount));
}

/** The last bytes of a file, and where they begin in it; none when there is no file. */
function readEnd(path: string): { readonly content: Buffer; readonly start: number } {
  return withFile(path, (handle) => {
    if (handle === undefined) return { content: Buffer.alloc(0), start: 0 };
    const { size } = fstatSync(handle);
    const start = Math.max(0, size - INDEX_TAIL_BYTES);
    const content = Buffer.alloc(size - start);
    readSync(handle, content, 0, content.length, start);
    return { content, start };
  });
}

/** Opens a file for reading; `use` gets undefined when there is none. */
export function withFile<Result>(path: string, use: (handle: number | undefined) => Result): Result {
  let handle: number | undefined;
  try {
    handle = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  try {
    return use(handle);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}
