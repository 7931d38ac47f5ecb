/**
 * How commands were used over a range of time. Types only, without imports, so that a browser can read them too. Moments
 * are epoch milliseconds, durations milliseconds. Nothing here says who used a command.
 */
export interface UsageReport {
  readonly from: number;
  readonly to: number;
  readonly total: number;
  readonly failed: number;
  /** Answered with a reason why not: a wrong value, a missing permission. */
  readonly refused: number;
  /** Saved until the database is back. */
  readonly queued: number;
  /** Oldest first; `day` is YYYY-MM-DD; days without any use are left out. */
  readonly byDay: readonly UsageDay[];
  /** The most used first. */
  readonly byCommand: readonly CommandUsage[];
}

export interface UsageDay {
  readonly day: string;
  readonly count: number;
  readonly failed: number;
}

export interface CommandUsage {
  readonly command: string;
  readonly count: number;
  readonly failed: number;
  readonly averageMs: number;
  readonly maxMs: number;
}
