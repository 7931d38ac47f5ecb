import { sortNewestFirst, type DatedState } from "./state-age.ts";

/**
 * Which snapshots are kept. Only verified ones count: the newest few, and if asked for, the newest of each of the last
 * days, weeks and months that have one. So whatever the counts, the newest verified one stays. One that is not verified
 * may be all that is left of its time: it stays until the newest few are all newer.
 */

export interface RetentionFact extends DatedState {
  readonly id: string;
  readonly isVerified: boolean;
}

export interface RetentionPolicy {
  /** How many of the newest are kept; less than one counts as one. */
  readonly newestCount: number;
  /** Of how many days (UTC) the newest is kept, besides. Default 0. */
  readonly dailyCount?: number;
  /** The same by weeks, which begin on Monday. */
  readonly weeklyCount?: number;
  readonly monthlyCount?: number;
}

export interface RetentionPlan {
  /** Ids, newest first. */
  readonly keep: readonly string[];
  readonly remove: readonly string[];
}

const DAY_MS = 86_400_000;
/** 1 January 1970 was a Thursday: three days after a Monday. */
const DAYS_BEFORE_EPOCH = 3;

const PERIODS = {
  dailyCount: (at: number) => Math.floor(at / DAY_MS),
  weeklyCount: (at: number) => Math.floor((Math.floor(at / DAY_MS) + DAYS_BEFORE_EPOCH) / 7),
  monthlyCount: (at: number) => new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth(),
} as const;

/** `protectedIds` are kept besides, and count for nothing: a restore may be reading them. */
export function planRetention(
  facts: readonly RetentionFact[],
  policy: RetentionPolicy,
  protectedIds: readonly string[] = [],
): RetentionPlan {
  // Of the same moment one that is not verified comes first: then it is behind newer ones only.
  const byId = [...facts].sort((a, b) => Number(a.isVerified) - Number(b.isVerified) || (a.id < b.id ? 1 : -1));
  const newestFirst = sortNewestFirst(byId);
  const verified = newestFirst.filter(({ isVerified }) => isVerified);
  const newest = verified.slice(0, Math.max(1, policy.newestCount));
  const kept = new Set([...protectedIds, ...newest.map(({ id }) => id)]);
  for (const name of ["dailyCount", "weeklyCount", "monthlyCount"] as const) {
    for (const { id } of pickNewestOfEach(verified, PERIODS[name], policy[name] ?? 0)) kept.add(id);
  }
  const isEnoughNewer = newest.length >= policy.newestCount && newest.length > 0;
  const oldestIndex = isEnoughNewer ? newestFirst.indexOf(newest.at(-1)!) : Infinity;
  for (const [index, { id, isVerified }] of newestFirst.entries()) {
    if (!isVerified && index < oldestIndex) kept.add(id);
  }
  const ids = newestFirst.map(({ id }) => id);
  return { keep: ids.filter((id) => kept.has(id)), remove: ids.filter((id) => !kept.has(id)) };
}

function pickNewestOfEach(
  newestFirst: readonly RetentionFact[],
  periodOf: (at: number) => number,
  count: number,
): RetentionFact[] {
  const newestByPeriod = new Map<number, RetentionFact>();
  for (const fact of newestFirst) {
    const period = periodOf(fact.createdAt);
    if (!newestByPeriod.has(period)) newestByPeriod.set(period, fact);
  }
  return [...newestByPeriod.values()].slice(0, Math.max(0, count));
}
