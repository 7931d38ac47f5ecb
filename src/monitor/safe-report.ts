import type { HealthReport } from "../database/health/health-types.ts";
import { toSafeText } from "./safe-text.ts";

/** A report as it may leave the machine: what other parts of the program have worded may name folders. */
export function createSafeReport(report: HealthReport): HealthReport {
  const { problems, backups } = report;
  const { lastError } = backups;
  return {
    ...report,
    problems: problems.map((problem) => ({ ...problem, message: toSafeText(problem.message) })),
    backups: { ...backups, ...(lastError === undefined ? {} : { lastError: toSafeText(lastError) }) },
  };
}
