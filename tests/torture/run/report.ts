import type { CampaignRound } from "./campaign.ts";

/** What a run tells: each failed round with what repeats it, and the figures by fault. */

export interface FaultRow {
  readonly fault: string;
  /** How often it was done. */
  readonly times: number;
  readonly rounds: number;
  /** In rounds with it, also of other faults of theirs. */
  readonly acknowledged: number;
  readonly reminders: number;
  /** Rounds in which anything differed. */
  readonly failed: number;
  readonly longestStallMs: number;
  readonly medianNormalMs: number | undefined;
  readonly slowestNormalMs: number | undefined;
}

export function describeFailure({ plan, findings, missed, keptIn }: CampaignRound, extraOptions: string): string {
  const faults = plan.faults.map(({ fault, startMs, lastsMs }) => {
    return `    ${fault.name}, after ${startMs} ms${lastsMs === 0 ? "" : `, for ${lastsMs} ms`}`;
  });
  return [
    `Round ${plan.round} of seed ${plan.seed} failed:`,
    ...findings.map((finding) => `  ${finding}`),
    "  faults:",
    ...faults,
    ...missed.map((text) => `    not done: ${text}`),
    `  everything is kept in ${keptIn}`,
    `  again: npm run torture -- --seed ${plan.seed} --first ${plan.round} --rounds 1${extraOptions}`,
  ].join("\n");
}

export function summarizeFaults(rounds: readonly CampaignRound[]): FaultRow[] {
  const names = [...new Set(rounds.flatMap(({ plan }) => plan.faults.map(({ fault }) => fault.name)))].sort();
  return names.map((name) => {
    const timesOf = ({ plan, missed }: CampaignRound): number => {
      const planned = plan.faults.filter(({ fault }) => fault.name === name).length;
      return planned - missed.filter((text) => text.startsWith(`${name}:`)).length;
    };
    const times = rounds.reduce((sum, round) => sum + timesOf(round), 0);
    return { fault: name, times, ...summarize(rounds.filter((round) => timesOf(round) > 0)) };
  });
}

export function summarize(rounds: readonly CampaignRound[]): Omit<FaultRow, "fault" | "times"> {
  const times = rounds.flatMap(({ normalAfterMs }) => normalAfterMs ?? []).sort((a, b) => a - b);
  return {
    rounds: rounds.length,
    acknowledged: rounds.reduce((sum, { acknowledgedCount }) => sum + acknowledgedCount, 0),
    reminders: rounds.reduce((sum, { reminderCount }) => sum + reminderCount, 0),
    failed: rounds.filter(({ findings }) => findings.length > 0).length,
    longestStallMs: Math.round(Math.max(0, ...rounds.map(({ longestStallMs }) => longestStallMs))),
    medianNormalMs: round(times[Math.floor(times.length / 2)]),
    slowestNormalMs: round(times.at(-1)),
  };
}

function round(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value);
}

export function formatTable(rounds: readonly CampaignRound[]): string {
  const byFault = summarizeFaults(rounds);
  const times = byFault.reduce((sum, row) => sum + row.times, 0);
  const rows = [...byFault, { fault: "all rounds", times, ...summarize(rounds) }];
  const head = [
    "fault",
    "times",
    "rounds",
    "acknowledged",
    "reminders",
    "failed",
    "longest stall",
    "normal after (median)",
    "(slowest)",
  ];
  const cells = rows.map((row) => [
    ...[
      row.fault,
      String(row.times),
      String(row.rounds),
      String(row.acknowledged),
      String(row.reminders),
      String(row.failed),
      `${row.longestStallMs} ms`,
    ],
    ...[row.medianNormalMs, row.slowestNormalMs].map((ms) => (ms === undefined ? "–" : `${(ms / 1_000).toFixed(1)} s`)),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((line) => line[column]!.length)));
  const format = (line: readonly string[]): string =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ");
  return [head, ...cells].map(format).join("\n");
}

/** All figures, for machines and for docs/reliability.md. */
export function toJson(seed: number, rounds: readonly CampaignRound[], leftOut: readonly string[]): object {
  return {
    seed,
    total: { ...summarize(rounds), kills: rounds.reduce((sum, { killCount }) => sum + killCount, 0) },
    faults: summarizeFaults(rounds),
    leftOut,
    rounds: rounds.map(({ plan, ...result }) => ({
      round: plan.round,
      faults: plan.faults.map(({ fault, startMs, lastsMs }) => ({ name: fault.name, startMs, lastsMs })),
      ...result,
    })),
  };
}
