import type { Command } from "commander";
import { isSound, type IntegrityReport } from "../database/maintenance/integrity-check.ts";
import { withDataTools } from "./data-tools.ts";
import { withProgress } from "./progress-bar.ts";
import { printResult, type OutputOptions, type VerbResult } from "./verb.ts";
import type { Workplace } from "./workplace.ts";

/** What is damaged is damaged everywhere; `--json` has all of it. */
const SHOWN_LINES = 10;

/** `check`: reads the whole database, also while the bot runs. */
export function registerCheckVerb(program: Command, place: Workplace): void {
  program
    .command("check")
    .description("look for damage in the database, also while the bot runs")
    .option("--full", "compare indexes with their rows as well, which takes some times as long")
    .option("--json", "print JSON")
    .action(async ({ full = false, ...output }: OutputOptions & { full?: boolean }) => {
      const result = await withDataTools(place, async ({ databasePath: path, run }) => {
        const depth = full ? "full" : "quick";
        const report = await withProgress("check", (onProgress) =>
          run({ kind: "integrity-check", path, depth }, { onProgress }),
        );
        return describeReport(path, report);
      });
      printResult(result, output);
    });
}

function describeReport(path: string, report: IntegrityReport): VerbResult {
  const { depth, lines, foreignKeyViolations, durationMs } = report;
  const isDatabaseSound = isSound(lines);
  const isFailed = !isDatabaseSound || foreignKeyViolations.length > 0;
  const data = { path, isSound: !isFailed, ...report };
  if (!isFailed) return { data, lines: [`${path} is sound (${depth} check, ${durationMs} ms).`] };
  const references = foreignKeyViolations.map(
    ({ table, parent, rowCount }) => `${rowCount} rows of ${table} refer to nothing in ${parent}`,
  );
  const advice = isDatabaseSound
    ? "The running bot moves such rows to the table quarantine at its next check."
    : "A running bot recovers by itself (docs/restore.md). Keep the file; what can be restored: restore --dry-run.";
  return {
    data,
    lines: [`${path} is NOT sound:`, ...(isDatabaseSound ? [] : shorten(lines)), ...references, advice],
    isFailed,
  };
}

/** SQLite gives many findings as one text. */
function shorten(lines: readonly string[]): string[] {
  const all = lines.flatMap((line) => line.split("\n"));
  const moreCount = all.length - SHOWN_LINES;
  return moreCount <= 0 ? all : [...all.slice(0, SHOWN_LINES), `… and ${moreCount} more (--json)`];
}
