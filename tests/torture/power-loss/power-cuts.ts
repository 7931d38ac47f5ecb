import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toError } from "../../../src/core/errors.ts";
import { Disk, type Luck, type Random } from "./disk.ts";
import type { JournalRecord } from "./journal.ts";

/** One disk as it was found after power was cut. */
export interface Cut {
  readonly folder: string;
  /** What had been reported before power was cut, in order. */
  readonly reports: readonly unknown[];
}

/** What `inspect` returned for it, or threw; with what makes the same disk again from the same journal. */
export interface CutFinding<Found> {
  readonly cutAt: number;
  readonly luck: Luck;
  readonly found: Found | Error;
}

export interface PowerCutOptions<Found> {
  readonly root: string;
  readonly records: readonly JournalRecord[];
  /** How often power is cut, the last time where the journal ends; `every`: behind each record. */
  readonly cutCount: number | "every";
  readonly seed: number;
  /** Where disks are made; those with findings stay. */
  readonly folder: string;
  /** The first place at which power may be cut. Default the begin. */
  readonly from?: number;
  /** Disks made of each cut: the first at one of the extremes (of every cut: at each of them), the others by chance. */
  readonly disksPerCut: number;
  readonly inspect: (cut: Cut) => Promise<Found>;
  readonly isWell: (found: Found) => boolean;
}

/** Nothing has come through; everything; names without what is in the files; the other way round. */
const EXTREMES: readonly Luck[] = [
  { names: 0, content: 0 },
  { names: 1, content: 1 },
  { names: 1, content: 0 },
  { names: 0, content: 1 },
  { names: "newest", content: 1 },
];

/** Cuts power at places of chance, draws disks from each, and returns what was found on those that are not well. */
export async function cutPower<Found>(options: PowerCutOptions<Found>): Promise<CutFinding<Found>[]> {
  const { root, records, cutCount, seed, from = 0, disksPerCut } = options;
  const random = createRandom(seed);
  const range = records.length - from;
  const places = Array.from({ length: cutCount === "every" ? range : cutCount - 1 }, (_, index) =>
    cutCount === "every" ? from + index : from + Math.floor(random() * range),
  );
  const disk = new Disk(root);
  const reports: unknown[] = [];
  const findings: CutFinding<Found>[] = [];
  let [done, cutNumber] = [0, 0];
  for (const cutAt of [...places.toSorted((a, b) => a - b), records.length]) {
    for (; done < cutAt; done++) {
      const record = records[done]!;
      disk.apply(record);
      if (record.kind === "note") reports.push(JSON.parse(record.text));
    }
    for (let index = 0; index < disksPerCut; index++) {
      const extreme =
        cutCount === "every" ? EXTREMES[index] : index === 0 ? EXTREMES[cutNumber % EXTREMES.length] : undefined;
      const luck = extreme ?? drawLuck(random);
      const found = await inspectOne(options, { disk, luck, random, reports, name: `${cutAt}-${index}` });
      if (found instanceof Error || !options.isWell(found)) findings.push({ cutAt, luck, found });
    }
    cutNumber++;
  }
  return findings;
}

function drawLuck(random: Random): Luck {
  return { names: random(), content: random() };
}

interface Drawing {
  readonly disk: Disk;
  readonly luck: Luck;
  readonly random: Random;
  readonly reports: readonly unknown[];
  readonly name: string;
}

async function inspectOne<Found>(
  { folder, inspect, isWell }: PowerCutOptions<Found>,
  { disk, luck, random, reports, name }: Drawing,
): Promise<Found | Error> {
  const drawn = join(folder, name);
  mkdirSync(drawn, { recursive: true });
  disk.draw(drawn, luck, random);
  try {
    const found = await inspect({ folder: drawn, reports });
    if (isWell(found)) rmSync(drawn, { recursive: true });
    return found;
  } catch (thrown) {
    return toError(thrown);
  }
}

/** Mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
