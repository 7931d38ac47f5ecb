import { open, readdir, rm, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { FILE_MODE, syncFolder, writeFileDurably } from "../core/durable-file.ts";
import type { Logger } from "../core/logger.ts";
import type { OpenSpoolHandle } from "./spool-file.ts";
import type { FoundLine } from "./spool-line.ts";
import { readLines } from "./spool-reader.ts";
import { forEachInTurns } from "./spool-turns.ts";

/** What a segment's lines record. A later `saved` of the same sequence number replaces the earlier one. */
export type SpoolRecord =
  | { readonly kind: "saved"; readonly sequence: number; readonly value: unknown }
  | { readonly kind: "done"; readonly sequences: readonly number[] };

export interface FoundSegment {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** It holds what could be neither read nor kept elsewhere: it must not be removed. */
  readonly isEvidence: boolean;
}

export interface FoundEntry {
  readonly sequence: number;
  readonly value: unknown;
  readonly segmentNumber: number;
  readonly lineBytes: number;
}

export interface FoundSpool {
  /** By number, ascending. */
  readonly segments: readonly FoundSegment[];
  /** What is not done, by sequence number, ascending. */
  readonly entries: readonly FoundEntry[];
  /** No line has a higher sequence number; 0 when there is none. */
  readonly lastSequence: number;
}

export interface SpoolRecoveryOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly openHandle: OpenSpoolHandle;
}

/** More than a segment has lines: one that can be read again later must not share its numbers with newer entries. */
const UNREADABLE_SEQUENCES = 10_000_000;
/** What is taken apart in memory to be mended; a segment that is larger was not written by this program. */
const MAX_MENDED_BYTES = 64 * 1024 ** 2;
const SEGMENT_NAME = /^segment-(\d{10})\.ndjson$/;
const LEFT_OVER_NAME = /^segment-\d{10}\.ndjson\.tmp-/;

export function segmentPath(folder: string, number: number): string {
  return join(folder, `segment-${String(number).padStart(10, "0")}.ndjson`);
}

/**
 * Reads all segments, in turns of the event loop: a torn last line is cut off, damaged lines are moved to
 * `damaged-<time>.ndjson` and reported, everything else is used.
 */
export async function readSpool(options: SpoolRecoveryOptions): Promise<FoundSpool> {
  const segments: FoundSegment[] = [];
  const found = new FoundRecords();
  for (const number of await listSegments(options.folder)) {
    const path = segmentPath(options.folder, number);
    await syncSegment(path, options.openHandle);
    segments.push({ number, path, ...(await readSegment(path, number, found, options)) });
  }
  const entries: FoundEntry[] = [];
  // Sorted as plain numbers, which takes a few milliseconds for 100,000.
  const sequences = Float64Array.from(found.saved.keys()).sort();
  await forEachInTurns(sequences, options.clock, (sequence) => entries.push(found.saved.get(sequence)!));
  return { segments, entries, lastSequence: found.lastSequence };
}

/** A process that was killed may not have come to it: what is removed for a line must not be outlived by it. */
async function syncSegment(path: string, openHandle: OpenSpoolHandle): Promise<void> {
  const handle = await openHandle(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

class FoundRecords {
  /** What is not done, as far as was read. */
  readonly saved = new Map<number, FoundEntry>();
  readonly #done = new Set<number>();
  lastSequence = 0;

  add(record: SpoolRecord, segmentNumber: number, lineBytes: number): void {
    const sequences = record.kind === "done" ? record.sequences : [record.sequence];
    for (const sequence of sequences) this.lastSequence = Math.max(this.lastSequence, sequence);
    if (record.kind === "done") {
      for (const sequence of sequences) {
        this.#done.add(sequence);
        this.saved.delete(sequence);
      }
    } else if (!this.#done.has(record.sequence)) {
      this.saved.set(record.sequence, { ...record, segmentNumber, lineBytes });
    }
  }
}

async function readSegment(
  path: string,
  number: number,
  found: FoundRecords,
  options: SpoolRecoveryOptions,
): Promise<{ sizeBytes: number; isEvidence: boolean }> {
  const { clock, logger } = options;
  let tornBytes = 0;
  let damagedCount = 0;
  let isOverlong = false;
  try {
    const sizeBytes = await readLines(path, clock, (line) => {
      const record = toSpoolRecord(line);
      if (record && line.kind === "sound") found.add(record, number, line.line.length + 1);
      else if (line.kind === "torn") tornBytes = line.sizeBytes;
      else damagedCount++;
      if (line.kind === "damaged" && line.isOverlong) isOverlong = true;
    });
    if (tornBytes > 0) await cutOff(path, sizeBytes, tornBytes, logger);
    const isMendable = !isOverlong && sizeBytes <= MAX_MENDED_BYTES;
    const isMended = damagedCount === 0 || (await mend(path, damagedCount, isMendable, options));
    return { sizeBytes: sizeBytes - tornBytes, isEvidence: !isMended };
  } catch (error) {
    logger.error("a segment of the spool cannot be read; it is left as it is", { path, error });
    found.lastSequence += UNREADABLE_SEQUENCES;
    return { sizeBytes: 0, isEvidence: true };
  }
}

async function listSegments(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  for (const name of names) if (LEFT_OVER_NAME.test(name)) await rm(join(folder, name), { force: true });
  return names
    .map((name) => Number(SEGMENT_NAME.exec(name)?.[1]))
    .filter((number) => !Number.isNaN(number))
    .sort((a, b) => a - b);
}

/** Undefined for damage, and for a sound line that says what this program does not know, which is kept aside as well. */
function toSpoolRecord(line: FoundLine): SpoolRecord | undefined {
  return line.kind === "sound" && isSpoolRecord(line.record) ? line.record : undefined;
}

function isSpoolRecord(record: unknown): record is SpoolRecord {
  const { kind, sequence, sequences } = record as Readonly<Record<string, unknown>>;
  if (kind === "saved") return Number.isSafeInteger(sequence);
  return kind === "done" && Array.isArray(sequences) && sequences.every(Number.isSafeInteger);
}

async function cutOff(path: string, sizeBytes: number, tornBytes: number, logger: Logger): Promise<void> {
  logger.warn("the last line of a spool segment was not written to its end, and is dropped", { path, tornBytes });
  await truncate(path, sizeBytes - tornBytes).catch((error: unknown) => {
    logger.warn("a torn line could not be cut off; it will be passed over again", { path, error });
  });
}

/** Leaves only sound lines in a segment. Returns whether the damaged ones are safe elsewhere. */
async function mend(
  path: string,
  damagedCount: number,
  isMendable: boolean,
  { folder, clock, logger }: SpoolRecoveryOptions,
): Promise<boolean> {
  const report = { path, damagedCount };
  try {
    if (!isMendable) throw new Error(`mend ${path}: it is larger than anything this program writes`);
    const sound: Buffer[] = [];
    const damaged: Buffer[] = [];
    await readLines(path, clock, (line) => {
      if (line.kind !== "torn") (toSpoolRecord(line) ? sound : damaged).push(line.line);
    });
    const keptIn = await keepAside(folder, damaged, clock);
    await writeFileDurably(path, joinLines(sound));
    logger.error("a spool segment had damaged lines, which are kept aside; what they asked for is not applied", {
      ...report,
      keptIn,
    });
    return true;
  } catch (error) {
    logger.error("a spool segment has damaged lines, which could not be kept aside; it stays", { ...report, error });
    return false;
  }
}

/** Appends damaged lines to a file for a person to look at, and returns its path. */
export async function keepAside(folder: string, lines: readonly Buffer[], clock: Clock): Promise<string> {
  const path = join(folder, `damaged-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, "-")}.ndjson`);
  const handle = await open(path, "a", FILE_MODE);
  try {
    await handle.writeFile(joinLines(lines));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(path));
  return path;
}

export function joinLines(lines: readonly Buffer[]): Buffer {
  return Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
}
