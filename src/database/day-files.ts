/**
 * Which files that are named by their day are to be deleted: those of before `firstKept` that are not among the newest
 * `keepCount` either. Days are written YYYY-MM-DD. Age alone would delete all of them in the first seconds of a start with
 * a clock that is far ahead.
 */
export function listExpiredDays(days: readonly string[], firstKept: string, keepCount: number): string[] {
  const newestFirst = [...days].sort().reverse();
  return newestFirst.slice(keepCount).filter((day) => day < firstKept);
}
