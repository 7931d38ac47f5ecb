import type { MusterError } from "../../core/errors.ts";
import type { RestoreResult } from "./execute-restore.ts";
import type { ArchiveFindings } from "./inspect-archive.ts";
import { formatInstant } from "./restore-facts.ts";
import type { SalvageResult } from "./salvage.ts";

/** What was done about a damaged database and what came of it: kept beside the damaged files, and told to people. Pure. */

export type RecoveryStepName = "inspect" | "archive" | "salvage" | "snapshot" | "exchange";

export interface RecoveryStep {
  readonly step: RecoveryStepName;
  readonly outcome: "succeeded" | "failed";
  /** What it brought, or why it failed. */
  readonly detail: string;
}

/** Which rung of the ladder held. */
export type RecoveryRoute = "archive" | "salvage" | "snapshot";

export interface RecoveryReport {
  /** Epoch milliseconds, as are the others. */
  readonly foundAt: number;
  readonly finishedAt: number;
  readonly finding: string;
  readonly steps: readonly RecoveryStep[];
  /** undefined = nothing could be recovered. */
  readonly route: RecoveryRoute | undefined;
  /** Time of the last change that it has for certain. */
  readonly reachedAt: number | undefined;
  /** Everything that was acknowledged is there. */
  readonly isComplete: boolean;
  /** What is missing or may be, in plain words; empty when it is complete. */
  readonly missing: readonly string[];
  /** By table, before rows were salvaged. */
  readonly rows: Readonly<Record<string, number>>;
  readonly salvage: SalvageResult | undefined;
  readonly quarantineFolder: string | undefined;
}

/** What the archive does not cover, as far as its place beside the damaged files tells. */
export function describeUncovered(findings: ArchiveFindings | undefined): string[] {
  if (!findings || findings.chain === "none")
    return ["There is no archive: what was changed after the backup is not in it."];
  const { chain, archivedUntil, isChangedSince, lostFrameCount } = findings;
  const until = archivedUntil === undefined ? "the last archived change" : formatInstant(archivedUntil);
  return [
    ...(chain === "interrupted"
      ? [
          `The log that the database had after ${until} is gone: what was changed in the moments after that may be missing.`,
        ]
      : []),
    ...(isChangedSince
      ? [`Something else changed the database's files after it was closed at ${until}: that change is not in it.`]
      : []),
    ...(lostFrameCount > 0
      ? [`The log was damaged: up to ${lostFrameCount} pages that were written after ${until} cannot be read.`]
      : []),
  ];
}

/** Whether all that was acknowledged is in what was restored. */
export function isCovered(findings: ArchiveFindings | undefined, restored: RestoreResult): boolean {
  const hasAll = findings?.chain === "complete" || findings?.chain === "closed" || findings?.chain === "behind";
  return hasAll && findings.lostFrameCount === 0 && restored.warnings.length === 0;
}

export function describeSalvage({ tables, problems, isTimeUp }: SalvageResult): string[] {
  const statements = Object.entries(tables).flatMap(([name, table]) => {
    const parts = [
      ...(table.isWhole ? [] : [`${table.unreadableCount ?? "an unknown number of"} rows could not be read`]),
      ...(table.setAsideCount > 0
        ? [`${table.setAsideCount} contradict the rest and are in the table quarantine`]
        : []),
      ...(table.unconfirmedCount > 0 ? [`${table.unconfirmedCount} of the backup may have been deleted since`] : []),
    ];
    return parts.length === 0 ? [] : [`${name}: ${parts.join(", ")}.`];
  });
  return [
    ...(Object.keys(tables).length > 0
      ? ["Rows were taken from the damaged file: a wrong value within a row cannot be told from a right one there."]
      : []),
    ...(isTimeUp ? ["There was no time to read all of the damaged file."] : []),
    ...problems.map((problem) => `Salvage: ${problem}.`),
    ...statements,
  ];
}

export function countSalvaged({ tables }: SalvageResult): number {
  return Object.values(tables).reduce(
    (sum, { insertedCount, replacedCount }) => sum + insertedCount + replacedCount,
    0,
  );
}

/** One line for the log and the audit log. */
export function summarize({ route, reachedAt, isComplete, missing, quarantineFolder }: RecoveryReport): string {
  if (route === undefined) return `nothing could be recovered: ${missing.join(" ")}`;
  const ways = { archive: "the archive", salvage: "a backup and rows of the damaged file", snapshot: "a backup" };
  const until = reachedAt === undefined ? "" : ` up to ${formatInstant(reachedAt)}`;
  const kept = quarantineFolder === undefined ? "" : `; the damaged files are in ${quarantineFolder}`;
  return `recovered from ${ways[route]}${until}${isComplete ? ", complete" : `; ${missing.join(" ")}`}${kept}`;
}

export function describeFinding({ code, message }: MusterError): string {
  return `${code}: ${message}`;
}
