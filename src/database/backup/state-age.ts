import type { ArchivePosition } from "./archive-index.ts";

/**
 * Which of two states is the newer one. The clock cannot tell: it may have been ahead for a while, and what was made then
 * would count as the newest until the clock has caught up. The archive can: its generations sort in the order in which
 * they began, whatever the clock said, and within one the place tells.
 */

export interface DatedState {
  readonly createdAt: number;
  /** Where it stands in the archive; none without one: then its time has to do. */
  readonly archive?: { readonly from: ArchivePosition } | null;
}

/** Negative when `a` is the older one. */
export function comparePlaces(a: ArchivePosition, b: ArchivePosition): number {
  if (a.generation !== b.generation) return a.generation < b.generation ? -1 : 1;
  return a.segment - b.segment || a.offset - b.offset;
}

/** The newest first; of equals, the first stays first. */
export function sortNewestFirst<State extends DatedState>(states: readonly State[]): State[] {
  const byTime = [...states].sort((a, b) => b.createdAt - a.createdAt);
  const sorted = byTime
    .filter(({ archive }) => archive)
    .sort((a, b) => comparePlaces(b.archive!.from, a.archive!.from) || b.createdAt - a.createdAt);
  for (const state of byTime.filter(({ archive }) => !archive)) {
    const index = sorted.findIndex(({ archive, createdAt }) => archive && createdAt < state.createdAt);
    sorted.splice(index === -1 ? sorted.length : index, 0, state);
  }
  return sorted;
}

/** Clocks differ by less, also those of a machine that has just been started. */
const FUTURE_TOLERANCE_MS = 3_600_000;

/** Dated later than now: one of the two moments is of a clock that was wrong, so how old the state is cannot be told. */
export function isOfFuture({ createdAt }: DatedState, now: number): boolean {
  return createdAt > now + FUTURE_TOLERANCE_MS;
}
