import type { Figure, Goal, RowResult, Unit } from "./harness.ts";
import { judge, ratioOf, summarise, type Summary } from "./statistics.ts";

/** Results as tables of Markdown: ratios first, because they are what another machine can repeat. */

const HEADINGS = ["what", "ratio (quartiles)", "measured (quartiles)", "goal", ""];
const SIGNS: Readonly<Record<Unit, string>> = {
  "per second": "/s",
  ms: " ms",
  s: " s",
  MB: " MB",
  count: "",
  times: " ×",
};

/** Three digits that mean something. */
function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "–";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-GB", { maximumFractionDigits: digits });
}

function formatSummary({ middle, from, to }: Summary, sign: string): string {
  const middleText = `${formatNumber(middle)}${sign}`;
  return from === to ? middleText : `${middleText} (${formatNumber(from)}–${formatNumber(to)})`;
}

function formatGoal({ of, atLeast, atMost }: Goal, unit: Unit): string {
  const sign = of === "ratio" ? " ×" : SIGNS[unit];
  return atLeast === undefined ? `≤ ${formatNumber(atMost ?? NaN)}${sign}` : `≥ ${formatNumber(atLeast)}${sign}`;
}

function formatFigure(figure: Figure): string[] {
  const ratio = ratioOf(figure);
  return [
    figure.subject,
    ratio && figure.baseline ? `${formatSummary(ratio, " ×")} ${figure.baseline.subject}` : "",
    formatSummary(summarise(figure.samples, figure.summary), SIGNS[figure.unit]),
    figure.goal ? formatGoal(figure.goal, figure.unit) : "",
    judge(figure) ?? "",
  ];
}

export function formatResult({ row, title, figures, notes = [], seconds }: RowResult): string {
  const lines = [HEADINGS, HEADINGS.map(() => "---"), ...figures.map(formatFigure)];
  const table = lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const remarks = [
    ...figures.flatMap(({ subject, settings }) => (settings === undefined ? [] : [`${subject}: ${settings}`])),
    ...notes,
  ];
  const list = [...new Set(remarks)].map((remark) => `- ${remark}`).join("\n");
  return `### ${title} (\`${row}\`)\n\n${table}\n${list === "" ? "" : `\n${list}\n`}\nTook ${formatNumber(seconds)} s.\n`;
}

/** What the verdicts come to, for the end of a run. */
export function formatVerdicts(results: readonly RowResult[]): string {
  const judged = results.flatMap(({ row, figures }) =>
    figures.flatMap((figure) => {
      const verdict = judge(figure);
      return verdict === undefined ? [] : [{ row, figure, verdict }];
    }),
  );
  const short = judged.filter(({ verdict }) => verdict === "falls short");
  const lines = short.map(
    ({ row, figure }) => `  ${row}: ${formatFigure(figure).slice(0, 4).filter(Boolean).join(", ")}`,
  );
  return [`${judged.length - short.length} of ${judged.length} goals hold`, ...lines].join("\n");
}
