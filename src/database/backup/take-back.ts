import { readArchiveIndex, type ArchivedCommit } from "./archive-index.ts";
import type { ArchiveRun } from "./restore-facts.ts";

/** Each try leaves out so many times the commits of the one before it. */
const FACTOR = 4;
/** With the last of them some 20,000 commits are left out: what is behind them, the snapshot alone serves. */
const MAX_TRIES = 8;

/**
 * Where to end a run whose pieces are all what was stored, and which gives a database that is not sound: the database
 * itself was wrong at its end (the disk had changed a page, which was read, changed and written again), and was not
 * before. Where that began is not known, so each try goes back four times as far as the one before it: that takes a
 * handful of tries, and leaves out little more than it has to. `tryNumber` counts from 0. Undefined when there is nothing
 * left to try.
 */
export async function findEarlierEnd(
  generationFolder: string,
  { from, segments, to }: ArchiveRun,
  tryNumber: number,
): Promise<ArchivedCommit | undefined> {
  if (tryNumber >= MAX_TRIES) return undefined;
  const last = segments.at(-1)!.number;
  const commits: ArchivedCommit[] = [];
  await readArchiveIndex(generationFolder, (line) => {
    if (line.kind !== "commit") return;
    const isBehindStart = line.segment > from.segment || (line.segment === from.segment && line.offset > from.offset);
    const isBeforeEnd = line.segment < last || (line.segment === last && line.offset < to.offset);
    if (isBehindStart && isBeforeEnd) commits.push(line);
  });
  return commits.at(-(FACTOR ** tryNumber));
}
