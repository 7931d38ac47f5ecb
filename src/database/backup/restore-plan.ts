import { MusterError } from "../../core/errors.ts";
import type { ArchivedGeneration, ArchivedSegment, CommitPlace } from "./archive-catalogue.ts";
import { generationName, type ArchivePosition } from "./archive-index.ts";
import {
  formatInstant,
  type ArchiveRun,
  type RestoreFacts,
  type RestoreRoute,
  type RestoreTarget,
  type SnapshotFact,
} from "./restore-facts.ts";
import { describeShortfalls } from "./restore-warnings.ts";
import { comparePlaces } from "./state-age.ts";

/**
 * How a state is put together again: from a snapshot, and from the frames archived after it up to a commit. Pure: facts
 * in, plan out. Every way that there is (a "route") is listed and the one chosen that comes closest to the target: to an
 * instant by the times of the commits, to the newest state by their order, which no clock changes; of those that come
 * equally close, the one with the newest snapshot, which has the least to apply. The others are what is
 * left when a piece turns out to be damaged: then the facts are corrected and it is planned again.
 */

export interface RestorePlan {
  readonly target: RestoreTarget;
  readonly route: RestoreRoute;
  /** The best first. */
  readonly alternatives: readonly RestoreRoute[];
  /** What it does not reach, and why; and what is uncertain. In plain words. */
  readonly warnings: readonly string[];
}

/** All moments from one to the other can be restored. */
export interface RestorableSpan {
  readonly from: number;
  readonly to: number;
}

const NEVER = Number.MAX_SAFE_INTEGER;

/** Moments whose last commits have to be known for a plan. */
export function momentsOf(target: RestoreTarget, snapshots: readonly SnapshotFact[]): number[] {
  return [limitOf(target), NEVER, ...snapshots.map(({ createdAt }) => createdAt)];
}

function limitOf(target: RestoreTarget): number {
  return target.kind === "instant" ? target.at : NEVER;
}

/** Throws BACKUP_NOT_FOUND when nothing leads to the target, with what there is; BACKUP_DAMAGED for a damaged snapshot. */
export function planRestore(facts: RestoreFacts, target: RestoreTarget): RestorePlan {
  const usable = facts.snapshots.filter(({ damage }) => !damage);
  if (target.kind === "snapshot") return planSnapshot(facts, target);
  const limit = limitOf(target);
  const routes = usable.flatMap((snapshot) => listRoutes(snapshot, facts.generations, limit));
  if (target.kind === "instant") routes.sort(compareRoutes);
  else routes.sort((a, b) => comparePlaces(endOf(b, facts), endOf(a, facts)) || compareRoutes(a, b));
  const [route, ...alternatives] = routes;
  if (!route) throw createRefusal(facts, target);
  return { target, route, alternatives, warnings: describeShortfalls(facts.generations, route, limit, target) };
}

function planSnapshot(facts: RestoreFacts, target: Extract<RestoreTarget, { kind: "snapshot" }>): RestorePlan {
  const snapshot = facts.snapshots.find(({ id }) => id === target.id);
  if (!snapshot) throw createRefusal(facts, target);
  if (snapshot.damage) {
    const message = `restore snapshot ${snapshot.id}: it is damaged: ${snapshot.damage.message}`;
    const hint = `Restore the instant ${formatInstant(snapshot.createdAt)} instead: another snapshot and the archive may give it back.`;
    throw new MusterError("BACKUP_DAMAGED", message, { hint });
  }
  return { target, route: routeAlone(snapshot, facts.generations), alternatives: [], warnings: [] };
}

/** Spans of time that can be restored, the oldest first; between two of them only the end of the earlier one can. */
export function listRestorable({ snapshots, generations }: RestoreFacts): RestorableSpan[] {
  const spans = snapshots
    .filter(({ damage }) => !damage)
    .map((snapshot): RestorableSpan => {
      const [first] = listRoutes(snapshot, generations, NEVER);
      return { from: snapshot.createdAt, to: Math.max(snapshot.createdAt, first?.reachesAt ?? 0) };
    })
    .sort((a, b) => a.from - b.from);
  const merged: RestorableSpan[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last && span.from <= last.to) merged[merged.length - 1] = { ...last, to: Math.max(last.to, span.to) };
    else merged.push(span);
  }
  return merged;
}

/** Ways from one snapshot to what is closest to the limit, the best first. */
function listRoutes(snapshot: SnapshotFact, generations: readonly ArchivedGeneration[], limit: number): RestoreRoute[] {
  const alone = snapshot.createdAt <= limit ? [routeAlone(snapshot, generations)] : [];
  const archive = findRun(snapshot, generations, limit);
  if (!archive) return alone;
  const applied = archive.segments.reduce((sum, { files }) => sum + files[0]!.sizeBytes, 0);
  const withArchive: RestoreRoute = {
    ...{ snapshot, archive, reachesAt: archive.to.at },
    readBytes: snapshot.storedBytes + applied,
    databaseBytes: Math.max(snapshot.databaseBytes, archive.to.pageCount * snapshot.pageSize),
  };
  return [withArchive, ...alone];
}

function routeAlone(snapshot: SnapshotFact, generations: readonly ArchivedGeneration[]): RestoreRoute {
  return {
    ...{ snapshot, archive: undefined, reachesAt: lastChangeOf(snapshot, generations) },
    ...{ readBytes: snapshot.storedBytes, databaseBytes: snapshot.databaseBytes },
  };
}

/** Time of the last commit that a snapshot has, or when it was made, where the archive does not know that commit. */
function lastChangeOf(snapshot: SnapshotFact, generations: readonly ArchivedGeneration[]): number {
  const base = findBase(snapshot, generations);
  const commit = base?.generation.commits.get(snapshot.createdAt);
  return base && commit && !commit.isUncertain && isReached(commit, base.until) ? commit.at : snapshot.createdAt;
}

interface Place {
  readonly segment: number;
  readonly offset: number;
}

interface Base {
  readonly generation: ArchivedGeneration;
  readonly from: Place;
  readonly until: Place;
}

/** Where the archive goes on from a snapshot; undefined when it does not. */
function findBase({ archive }: SnapshotFact, generations: readonly ArchivedGeneration[]): Base | undefined {
  if (!archive) return undefined;
  // One life of the log may be in two generations, when the archive had to begin anew in its midst.
  const own = generations.filter(({ name }) => name === archive.from.generation);
  const until = locate(archive.until, own) ?? locate(archive.until, generations);
  const generation = until && generations.find(({ name }) => name === until.generation);
  if (!generation) return undefined;
  if (archive.from.generation === generation.name) return { generation, from: archive.from, until };
  // A new generation began while the snapshot was made: all that is in it is applied.
  return generation.segments[0]?.number === 1 ? { generation, from: { segment: 1, offset: 0 }, until } : undefined;
}

function locate(
  until: NonNullable<SnapshotFact["archive"]>["until"],
  generations: readonly ArchivedGeneration[],
): ArchivePosition | undefined {
  if ("generation" in until) return until;
  for (const { name, segments } of generations) {
    const segment = segments.find(({ salts }) => salts === until.salts);
    if (segment) return { generation: name, segment: segment.number, offset: until.offset };
  }
  return undefined;
}

/** The frames from a snapshot to the last commit within the limit that an unbroken run leads to. */
function findRun(
  snapshot: SnapshotFact,
  generations: readonly ArchivedGeneration[],
  limit: number,
): ArchiveRun | undefined {
  const base = findBase(snapshot, generations);
  const target = base?.generation.commits.get(limit);
  if (!base || !target) return undefined;
  const { generation, from, until } = base;
  // Before the archive's first segment there is nothing to apply.
  const firstNumber = Math.max(1, from.segment);
  const segments: ArchivedSegment[] = [];
  let to: CommitPlace | undefined;
  for (const segment of generation.segments.filter(({ number }) => number >= firstNumber)) {
    const end = segment.number === target.segment ? earlier(target, segment.end) : segment.end;
    if (segment.number !== firstNumber + segments.length || segment.number > target.segment) break;
    if (!end || segment.files.length === 0) break;
    segments.push(segment);
    to = end;
    if (segment.damage !== undefined) break;
  }
  const last = segments.at(-1);
  if (!last || !to || !isReached({ segment: last.number, offset: to.offset }, until)) return undefined;
  const isWhole = to.offset === last.end?.offset && last.damage === undefined && last === generation.segments.at(-1);
  return { generation: generation.name, from, segments, to, isOpenEnded: limit === NEVER && isWhole };
}

function earlier(target: CommitPlace, end: CommitPlace | undefined): CommitPlace | undefined {
  return end && target.offset <= end.offset ? target : end;
}

function isReached(place: Place, until: Place): boolean {
  return place.segment > until.segment || (place.segment === until.segment && place.offset >= until.offset);
}

/** Where in the archive a route ends; of a snapshot whose end is not in it, the last place that it has for certain. */
function endOf({ snapshot, archive }: RestoreRoute, { generations }: RestoreFacts): ArchivePosition {
  if (archive) {
    return { generation: archive.generation, segment: archive.segments.at(-1)!.number, offset: archive.to.offset };
  }
  const base = findBase(snapshot, generations);
  if (base) return { ...base.until, generation: base.generation.name };
  if (snapshot.archive) return snapshot.archive.from;
  const generation = generations.findLast(({ commits }) => commits.has(snapshot.createdAt));
  const { segment = 0, offset = 0 } = generation?.commits.get(snapshot.createdAt) ?? {};
  return { generation: generation?.name ?? generationName(snapshot.createdAt, "", undefined), segment, offset };
}

/** What comes closest to the target first, then what can be made exact, then what has the least to apply. */
function compareRoutes(a: RestoreRoute, b: RestoreRoute): number {
  return (
    b.reachesAt - a.reachesAt ||
    Number(b.archive !== undefined) - Number(a.archive !== undefined) ||
    b.snapshot.createdAt - a.snapshot.createdAt ||
    (a.snapshot.id < b.snapshot.id ? -1 : 1)
  );
}

function createRefusal(facts: RestoreFacts, target: RestoreTarget): MusterError {
  const spans = listRestorable(facts);
  const available = spans.map(({ from, to }) => `${formatInstant(from)} to ${formatInstant(to)}`).join(", ");
  const hint =
    spans.length === 0 ? "Make a backup: nothing can be restored yet." : `What can be restored: ${available}.`;
  return new MusterError("BACKUP_NOT_FOUND", `${describeTarget(target)}: ${explainRefusal(facts, target)}`, {
    ...{ hint, details: { spans } },
  });
}

function describeTarget(target: RestoreTarget): string {
  if (target.kind === "newest") return "restore the newest state";
  return target.kind === "snapshot" ? `restore snapshot ${target.id}` : `restore ${formatInstant(target.at)}`;
}

function explainRefusal({ snapshots }: RestoreFacts, target: RestoreTarget): string {
  if (snapshots.length === 0) return "there is no snapshot";
  if (target.kind === "snapshot") return "there is no such snapshot";
  if (snapshots.every(({ damage }) => damage)) return "every snapshot is damaged";
  return "no sound snapshot is as old as that";
}
