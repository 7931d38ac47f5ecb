import type { ArchivedGeneration, FoundCommit } from "./archive-catalogue.ts";
import { formatInstant, type RestoreRoute, type RestoreTarget } from "./restore-facts.ts";

/** What a restore will not bring back although somebody may expect it, and what is uncertain about it. Pure. */
export function describeShortfalls(
  generations: readonly ArchivedGeneration[],
  route: RestoreRoute,
  limit: number,
  target: RestoreTarget,
): string[] {
  const known = findLastCommit(generations, limit);
  const warnings = [
    describeUnreachable(generations, route, known) ?? describeUnlisted(generations, route, limit),
    describeGap(generations, route, limit),
    describeEnd(generations, route, target),
    describeAlone(route),
    ...describeIndexDamage(generations, route, limit),
  ];
  return warnings.filter((warning) => warning !== undefined);
}

interface KnownCommit extends FoundCommit {
  readonly generation: ArchivedGeneration;
}

function findLastCommit(generations: readonly ArchivedGeneration[], limit: number): KnownCommit | undefined {
  let last: KnownCommit | undefined;
  for (const generation of generations) {
    const commit = generation.commits.get(limit);
    if (commit && commit.at >= (last?.at ?? 0)) last = { ...commit, generation };
  }
  return last;
}

function describeUnreachable(
  generations: readonly ArchivedGeneration[],
  route: RestoreRoute,
  known: KnownCommit | undefined,
): string | undefined {
  if (!known || known.at < route.reachesAt || isReached(route, known)) return undefined;
  const from = formatInstant(route.reachesAt);
  const reason = findBreak(generations, route) ?? findHole(known.generation, route);
  return `What was changed after ${from} up to ${formatInstant(known.at)} cannot be restored: ${reason}.`;
}

function isReached({ archive, reachesAt }: RestoreRoute, known: KnownCommit): boolean {
  if (archive?.generation !== known.generation.name) return known.at <= reachesAt;
  const last = archive.segments.at(-1)!;
  return last.number > known.segment || (last.number === known.segment && archive.to.offset >= known.offset);
}

/** Why the archive could not be followed any further. */
function findBreak(generations: readonly ArchivedGeneration[], { archive }: RestoreRoute): string | undefined {
  const generation = generations.find(({ name }) => name === archive?.generation);
  if (!archive || !generation) return undefined;
  const last = archive.segments.at(-1)!;
  if (last.damage !== undefined) return `segment ${last.number} of ${generation.name} is damaged: ${last.damage}`;
  const next = generation.segments.find(({ number }) => number === last.number + 1);
  if (!next) return undefined;
  if (next.damage !== undefined) return `segment ${next.number} of ${generation.name} is damaged: ${next.damage}`;
  if (next.files.length === 0) return `segment ${next.number} of ${generation.name} is missing`;
  return next.end ? undefined : `the index of ${generation.name} does not tell what segment ${next.number} holds`;
}

function findHole(generation: ArchivedGeneration, { snapshot }: RestoreRoute): string {
  const missing = generation.segments.filter(
    ({ files, damage, end }) =>
      (files.length === 0 || damage !== undefined) && (end?.at ?? Infinity) >= snapshot.createdAt,
  );
  const noSnapshot = `no sound snapshot leads to that part of the archive (${generation.name})`;
  if (missing.length === 0) return noSnapshot;
  return `${noSnapshot}, where segments are missing or damaged: ${missing.map(({ number }) => number).join(", ")}`;
}

/** Segments that are there, and of which the index says nothing: its end is missing. */
function describeUnlisted(
  generations: readonly ArchivedGeneration[],
  { archive }: RestoreRoute,
  limit: number,
): string | undefined {
  const generation = generations.find(({ name }) => name === archive?.generation);
  const unlisted = generation?.segments.filter(({ end, files }) => !end && files.length > 0) ?? [];
  const isBeforeLimit = (generation?.segments.findLast(({ end }) => end)?.end?.at ?? Infinity) <= limit;
  if (!generation || unlisted.length === 0 || !isBeforeLimit) return undefined;
  const numbers = unlisted.map(({ number }) => number).join(", ");
  return `The index of ${generation.name} does not tell what is in its segments ${numbers}: they are not used.`;
}

function describeGap(
  generations: readonly ArchivedGeneration[],
  { archive }: RestoreRoute,
  limit: number,
): string | undefined {
  const index = generations.findIndex(({ name }) => name === archive?.generation);
  const [generation, next] = [generations[index], generations[index + 1]];
  const end = generation?.segments.findLast((segment) => segment.end)?.end;
  if (!next?.beganAt || !end || end.at > limit) return undefined;
  const [from, to] = [formatInstant(end.at), formatInstant(next.beganAt)];
  return `The archive was interrupted between ${from} and ${to}: what was changed then is not in it.`;
}

function describeEnd(
  generations: readonly ArchivedGeneration[],
  route: RestoreRoute,
  target: RestoreTarget,
): string | undefined {
  if (target.kind !== "instant") return undefined;
  const ends = generations.flatMap(({ segments }) => segments.map(({ end }) => end?.at ?? 0));
  const end = ends.reduce((latest, at) => Math.max(latest, at), route.reachesAt);
  return end < target.at ? `The last change that is kept anywhere is of ${formatInstant(end)}.` : undefined;
}

function describeAlone({ archive, snapshot }: RestoreRoute): string | undefined {
  if (archive) return undefined;
  return `Only the snapshot of ${formatInstant(snapshot.createdAt)} can be used, without what was changed after it.`;
}

function describeIndexDamage(
  generations: readonly ArchivedGeneration[],
  { archive, snapshot }: RestoreRoute,
  limit: number,
): string[] {
  const generation = generations.find(({ name }) => name === archive?.generation);
  return (generation?.indexDamage ?? [])
    .filter(({ after, before }) => (before ?? Infinity) >= snapshot.createdAt && (after ?? 0) <= limit)
    .map(({ lineCount, after, before }) => {
      const from = after === undefined ? "its beginning" : formatInstant(after);
      const to = before === undefined ? "its end" : formatInstant(before);
      const place = `The archive's index is damaged between ${from} and ${to} (${lineCount} lines)`;
      return `${place}: when changes of that time were made is not known for certain.`;
    });
}
