import type { Figure } from "./harness.ts";

export interface Summary {
  readonly middle: number;
  /** First and third quartile. */
  readonly from: number;
  readonly to: number;
}

function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position - Math.floor(position));
}

export function summarise(samples: readonly number[], summary: Figure["summary"] = "median"): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = summary === "worst" ? (sorted.at(-1) ?? NaN) : quantile(sorted, 0.5);
  return { middle, from: quantile(sorted, 0.25), to: quantile(sorted, 0.75) };
}

/** Of the repetitions' own ratios, not of the medians. */
export function ratioOf({ samples, baseline, summary }: Figure): Summary | undefined {
  if (!baseline) return undefined;
  const ratios = samples.flatMap((value, index) => {
    const other = baseline.samples[index];
    return other === undefined || other === 0 ? [] : [value / other];
  });
  return ratios.length === 0 ? undefined : summarise(ratios, summary);
}

export type Verdict = "holds" | "falls short";

/** undefined where there is no goal. */
export function judge(figure: Figure): Verdict | undefined {
  const { goal, samples, summary } = figure;
  if (!goal) return undefined;
  const value = goal.of === "ratio" ? ratioOf(figure)?.middle : summarise(samples, summary).middle;
  if (value === undefined || Number.isNaN(value)) return "falls short";
  return value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity) ? "holds" : "falls short";
}
