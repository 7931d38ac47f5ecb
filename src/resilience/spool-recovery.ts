import { copyFile, open, readdir, rm, truncate } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { syncFolder, writeFileDurably } from "../core/durable-file.ts";
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

/** Of damaged lines that are taken out one by one; with more of them the whole segment is kept. */
const MAX_DAMAGED_BYTES = 64 * 1024 ** 2;
const SEGMENT_NAME = /^segment-(\d{10})\.ndjson$/;
const LEFT_OVER_NAME = /^(segment|damaged)-.*\.tmp-/;

export function segmentPath(folder: string, number: number): string {
  return join(folder, `segment-${String(number).padStart(10, "0")}.ndjson`);
}

/**
 * Reads all segments, in turns of the event loop: a torn last line is cut off, damaged lines are moved to
 * `damaged-<time>-<segment>` and reported, everything else is used. Rejects when the disk does not let one be read, or
 * mended: what is in it may have been asked for before everything that comes now, and would be applied after it.
 */
export async function readSpool(options: SpoolRecoveryOptions): Promise<FoundSpool> {
  const segments: FoundSegment[] = [];
  const found = new FoundRecords();
  for (const number of await listSegments(options.folder)) {
    const path = segmentPath(options.folder, number);
    await syncSegment(path, options.openHandle);
    segments.push({ number, path, sizeBytes: await readSegment(path, number, found, options) });
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

/** Returns the bytes of its whole lines. */
async function readSegment(
  path: string,
  number: number,
  found: FoundRecords,
  options: SpoolRecoveryOptions,
): Promise<number> {
  let tornBytes = 0;
  const damage = { count: 0, sizeBytes: 0, isOverlong: false };
  const sizeBytes = await readLines(path, options.clock, (line) => {
    const record = toSpoolRecord(line);
    if (line.kind === "torn") {
      tornBytes = line.sizeBytes;
    } else if (record) {
      found.add(record, number, line.line.length + 1);
    } else {
      damage.count++;
      damage.sizeBytes += line.line.length;
      damage.isOverlong ||= line.kind === "damaged" && line.isOverlong;
    }
  });
  if (tornBytes > 0) await cutOff(path, sizeBytes, tornBytes, options.logger);
  if (damage.count > 0) await mend(path, damage, options);
  return sizeBytes - tornBytes;
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

interface Damage {
  readonly count: number;
  readonly sizeBytes: number;
  /** A line is longer than any that was written, and did not come with its content. */
  readonly isOverlong: boolean;
}

/** Leaves only sound lines in a segment, once the damaged ones are safe elsewhere. */
async function mend(path: string, damage: Damage, { clock, logger }: SpoolRecoveryOptions): Promise<void> {
  const isKeptWhole = damage.isOverlong || damage.sizeBytes > MAX_DAMAGED_BYTES;
  const sound: Buffer[] = [];
  const damaged: Buffer[] = [];
  await readLines(path, clock, (line) => {
    if (line.kind === "torn") return;
    if (toSpoolRecord(line)) sound.push(line.line);
    else if (!isKeptWhole) damaged.push(line.line);
  });
  const keptIn = isKeptWhole ? await keepWhole(path, clock) : await keepAside(path, damaged, clock);
  try {
    await writeFileDurably(path, joinLines(sound));
  } catch (error) {
    // It is tried again each second: not a copy for each time.
    await rm(keptIn, { force: true });
    throw error;
  }
  const report = { path, damagedCount: damage.count, keptIn };
  logger.error("a spool segment had damaged lines, which are kept aside; what they asked for is not applied", report);
}

/** Writes lines of a file to one beside it, for a person to look at, and returns its path. */
export async function keepAside(path: string, lines: readonly Buffer[], clock: Clock): Promise<string> {
  const keptIn = pathAside(path, clock);
  await writeFileDurably(keptIn, joinLines(lines));
  return keptIn;
}

async function keepWhole(path: string, clock: Clock): Promise<string> {
  const keptIn = pathAside(path, clock);
  try {
    await copyFile(path, keptIn);
    await syncFile(keptIn);
    await syncFolder(dirname(keptIn));
  } catch (error) {
    await rm(keptIn, { force: true });
    throw error;
  }
  return keptIn;
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function pathAside(path: string, clock: Clock): string {
  const time = new Date(clock.now()).toISOString().replaceAll(/[:.]/g, "-");
  return join(dirname(path), `damaged-${time}-${basename(path)}`);
}

export function joinLines(lines: readonly Buffer[]): Buffer {
  return Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
}
