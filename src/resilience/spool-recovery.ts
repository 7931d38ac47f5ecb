import { open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { FILE_MODE, syncFolder, writeFileDurably } from "../core/durable-file.ts";
import type { Logger } from "../core/logger.ts";
import { splitLines, type SplitLines } from "./spool-line.ts";

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
}

/** More than a segment has lines: one that can be read again later must not share its numbers with newer entries. */
const UNREADABLE_SEQUENCES = 10_000_000;
const SEGMENT_NAME = /^segment-(\d{10})\.ndjson$/;
const LEFT_OVER_NAME = /^segment-\d{10}\.ndjson\.tmp-/;

export function segmentPath(folder: string, number: number): string {
  return join(folder, `segment-${String(number).padStart(10, "0")}.ndjson`);
}

/**
 * Reads all segments: a torn last line is cut off, damaged lines are moved to `damaged-<time>.ndjson` and reported,
 * everything else is used.
 */
export async function readSpool(options: SpoolRecoveryOptions): Promise<FoundSpool> {
  const segments: FoundSegment[] = [];
  const saved = new Map<number, FoundEntry>();
  const done = new Set<number>();
  let lastSequence = 0;
  let unreadableCount = 0;
  for (const number of await listSegments(options.folder)) {
    const path = segmentPath(options.folder, number);
    const content = await readFile(path).catch((error: unknown) => {
      options.logger.error("a segment of the spool cannot be read; it is left as it is", { path, error });
    });
    if (!content) {
      segments.push({ number, path, sizeBytes: 0, isEvidence: true });
      unreadableCount++;
      continue;
    }
    const split = splitRecords(content);
    for (const { record, line } of split.sound) {
      const sequences = record.kind === "done" ? record.sequences : [record.sequence];
      lastSequence = sequences.reduce((highest, sequence) => Math.max(highest, sequence), lastSequence);
      if (record.kind === "done") for (const sequence of sequences) done.add(sequence);
      else saved.set(record.sequence, { ...record, segmentNumber: number, lineBytes: line.length + 1 });
    }
    const isMended = await mend(path, content.length, split, options);
    segments.push({ number, path, sizeBytes: content.length, isEvidence: !isMended });
  }
  const entries = [...saved.values()].filter(({ sequence }) => !done.has(sequence));
  entries.sort((a, b) => a.sequence - b.sequence);
  return { segments, entries, lastSequence: lastSequence + unreadableCount * UNREADABLE_SEQUENCES };
}

interface SplitRecords extends SplitLines {
  readonly sound: readonly { readonly record: SpoolRecord; readonly line: Buffer }[];
}

async function listSegments(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  for (const name of names) if (LEFT_OVER_NAME.test(name)) await rm(join(folder, name), { force: true });
  return names
    .map((name) => Number(SEGMENT_NAME.exec(name)?.[1]))
    .filter((number) => !Number.isNaN(number))
    .sort((a, b) => a - b);
}

/** A sound line that says what this program does not know is kept aside as well, rather than passed over. */
function splitRecords(content: Buffer): SplitRecords {
  const { sound, damaged, tornBytes } = splitLines(content);
  const known = sound.flatMap(({ record, line }) => (isSpoolRecord(record) ? [{ record, line }] : []));
  const unknown = sound.filter(({ record }) => !isSpoolRecord(record)).map(({ line }) => line);
  return { sound: known, damaged: [...damaged, ...unknown], tornBytes };
}

function isSpoolRecord(record: unknown): record is SpoolRecord {
  const { kind, sequence, sequences } = record as Readonly<Record<string, unknown>>;
  if (kind === "saved") return Number.isSafeInteger(sequence);
  return kind === "done" && Array.isArray(sequences) && sequences.every(Number.isSafeInteger);
}

/** Leaves only sound lines in a segment. Returns whether the damaged ones, if any, are safe elsewhere. */
async function mend(
  path: string,
  sizeBytes: number,
  { sound, damaged, tornBytes }: SplitRecords,
  { folder, clock, logger }: SpoolRecoveryOptions,
): Promise<boolean> {
  if (tornBytes > 0) {
    logger.warn("the last line of a spool segment was not written to its end, and is dropped", { path, tornBytes });
    await truncate(path, sizeBytes - tornBytes).catch((error: unknown) => {
      logger.warn("a torn line could not be cut off; it will be passed over again", { path, error });
    });
  }
  if (damaged.length === 0) return true;
  const keptIn = join(folder, `damaged-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, "-")}.ndjson`);
  const report = { path, damagedCount: damaged.length, keptIn };
  try {
    await appendLines(keptIn, damaged);
    await writeFileDurably(path, joinLines(sound.map(({ line }) => line)));
  } catch (error) {
    logger.error("a spool segment has damaged lines, which could not be kept aside; it stays", { ...report, error });
    return false;
  }
  logger.error("a spool segment had damaged lines, which are kept aside; what they asked for is not applied", report);
  return true;
}

async function appendLines(path: string, lines: readonly Buffer[]): Promise<void> {
  const handle = await open(path, "a", FILE_MODE);
  try {
    await handle.writeFile(joinLines(lines));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(join(path, ".."));
}

function joinLines(lines: readonly Buffer[]): Buffer {
  return Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
}
