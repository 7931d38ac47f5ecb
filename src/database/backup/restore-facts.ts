import type { ArchivedGeneration, ArchivedSegment, CommitPlace } from "./archive-catalogue.ts";
import type { SnapshotManifest } from "./snapshot-manifest.ts";

/** What a restore is planned from and into, and how the facts change when a piece turns out to be damaged. Pure. */

export type RestoreTarget =
  | { readonly kind: "newest" }
  /** That snapshot as it is, without the archive. */
  | { readonly kind: "snapshot"; readonly id: string }
  /** Epoch milliseconds. */
  | { readonly kind: "instant"; readonly at: number };

export type SnapshotFact = Pick<
  SnapshotManifest,
  "id" | "createdAt" | "databaseBytes" | "storedBytes" | "pageSize" | "archive" | "damage"
>;

export interface RestoreFacts {
  readonly snapshots: readonly SnapshotFact[];
  /** The oldest first, with the commits of `momentsOf(target, snapshots)`. */
  readonly generations: readonly ArchivedGeneration[];
}

/** Frames to be applied: all between two places of one generation. */
export interface ArchiveRun {
  readonly generation: string;
  /** Where it begins: frames behind it. */
  readonly from: { readonly segment: number; readonly offset: number };
  /** In their order, none missing; the last one up to `to`, the others to their end. */
  readonly segments: readonly ArchivedSegment[];
  readonly to: CommitPlace;
  /** What the last segment has behind `to` is wanted as well, whole commits only: it may not be in the index yet. */
  readonly isOpenEnded: boolean;
}

export interface RestoreRoute {
  readonly snapshot: SnapshotFact;
  /** undefined = the snapshot alone. */
  readonly archive: ArchiveRun | undefined;
  /** Time of the last change that it contains; of a snapshot alone, when that was made. */
  readonly reachesAt: number;
  /** What has to be read. */
  readonly readBytes: number;
  /** Size of the restored database. */
  readonly databaseBytes: number;
}

/** Within the range of a date, whatever was asked for. */
export function formatInstant(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}

/** The facts, with a snapshot known to be damaged. */
export function withoutSnapshot(facts: RestoreFacts, id: string, message: string, foundAt: number): RestoreFacts {
  const snapshots = facts.snapshots.map((snapshot) =>
    snapshot.id === id ? { ...snapshot, damage: { foundAt, message } } : snapshot,
  );
  return { ...facts, snapshots };
}

/** The facts, with a segment known to be sound only up to a commit, or not at all. */
export function withCutSegment(
  facts: RestoreFacts,
  place: { readonly generation: string; readonly segment: number },
  end: CommitPlace | undefined,
  damage: string,
): RestoreFacts {
  const cut = (segment: ArchivedSegment): ArchivedSegment =>
    segment.number === place.segment ? { ...segment, end, damage } : segment;
  return mapGeneration(facts, place.generation, (generation) => ({
    ...generation,
    segments: generation.segments.map(cut),
  }));
}

/** The facts, without one of the files of a segment: the segment may have another. */
export function withoutFile(
  facts: RestoreFacts,
  place: { readonly generation: string; readonly segment: number },
  name: string,
): RestoreFacts {
  const reduce = (segment: ArchivedSegment): ArchivedSegment =>
    segment.number === place.segment
      ? { ...segment, files: segment.files.filter((file) => file.name !== name) }
      : segment;
  return mapGeneration(facts, place.generation, (generation) => ({
    ...generation,
    segments: generation.segments.map(reduce),
  }));
}

/** The facts, for when what a generation gives is not sound although every piece is: its snapshots alone are left. */
export function withoutArchive(facts: RestoreFacts, generation: string): RestoreFacts {
  return { ...facts, generations: facts.generations.filter(({ name }) => name !== generation) };
}

function mapGeneration(
  facts: RestoreFacts,
  name: string,
  change: (generation: ArchivedGeneration) => ArchivedGeneration,
): RestoreFacts {
  const generations = facts.generations.map((generation) =>
    generation.name === name ? change(generation) : generation,
  );
  return { ...facts, generations };
}
