import { formatSizeBytes } from "../core/units.ts";
import type { RestorePlanSummary, RouteSummary } from "../database/backup/restore-sources.ts";
import type { RestoreOutcome } from "../database/backup/restorer.ts";
import { formatExactly, formatLocal } from "./format-moment.ts";

/** What a restore would bring, before anything is done. */
export function describePlan(plan: RestorePlanSummary): string[] {
  const { target, alternatives, warnings, restorable, readBytes, databaseBytes, reachesAt } = plan;
  const wanted = {
    newest: (): string => "the newest state that is kept",
    snapshot: (): string => "a backup as it is",
    instant: (): string => `the state of ${formatExactly(target.kind === "instant" ? target.at : 0)}`,
  }[target.kind]();
  const [next] = alternatives;
  return [
    `Wanted:   ${wanted}`,
    `From:     ${describeRoute(plan)}`,
    `Reaches:  ${formatExactly(reachesAt)}, the last change that it contains`,
    `Without:  whatever came after that; the present database is set aside with all it has, not destroyed`,
    `Needs:    ${formatSizeBytes(databaseBytes)} beside the database; ${formatSizeBytes(readBytes)} are read`,
    ...(next
      ? [`Else:     should a piece be damaged, ${describeRoute(next)}, up to ${formatLocal(next.reachesAt)}`]
      : []),
    ...warnings.map((warning) => `Warning:  ${warning}`),
    `Possible: ${restorable.map(({ from, to }) => `${formatLocal(from)} to ${formatLocal(to)}`).join(", ")}`,
  ];
}

function describeRoute({ snapshotId, snapshotCreatedAt, archive }: RouteSummary): string {
  const snapshot = `backup ${snapshotId} of ${formatLocal(snapshotCreatedAt)}`;
  if (!archive) return `${snapshot} alone`;
  const { generation, firstSegment, lastSegment } = archive;
  const segments =
    firstSegment === lastSegment ? `segment ${firstSegment}` : `segments ${firstSegment} to ${lastSegment}`;
  return `${snapshot} and the archive after it (${segments} of ${generation})`;
}

/** What was done, what was looked at, and what is to be done now. `unarchived`: what of the former one is in no backup. */
export function describeOutcome(outcome: RestoreOutcome, unarchived: string | undefined): string[] {
  const { path, snapshotId, reachedAt, appliedFrameCount, skipped, warnings, rows, quarantineFolder } = outcome;
  const rowCount = Object.values(rows).reduce((sum, count) => sum + count, 0);
  const references =
    outcome.foreignKeyViolations === 0
      ? "every reference leads somewhere"
      : `${outcome.foreignKeyViolations} rows refer to nothing, as they did then`;
  return [
    `Restored ${path}`,
    `As of:    ${formatExactly(reachedAt)}`,
    `From:     backup ${snapshotId}, and ${appliedFrameCount} pages of the archive`,
    `Verified: integrity_check is ok; ${rowCount} rows in ${Object.keys(rows).length} tables; ${references}`,
    ...skipped.map((reason) => `Not used: ${reason}`),
    ...warnings.map((warning) => `Warning:  ${warning}`),
    quarantineFolder === undefined
      ? "Before:   there was no database in its place"
      : `Before:   the former database is kept in ${quarantineFolder}`,
    "Next:     start the bot. It makes a backup of the restored database at once, and archives anew from there.",
    ...(quarantineFolder === undefined ? [] : [`          ${adviseOnFormer(unarchived)}`]),
  ];
}

function adviseOnFormer(unarchived: string | undefined): string {
  if (unarchived === undefined) return "When all is well, the folder named above can be deleted.";
  return "Keep the folder named above: the former database may have changes that no backup has.";
}
