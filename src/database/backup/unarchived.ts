import type { ArchiveFindings } from "./inspect-archive.ts";
import { formatInstant } from "./restore-facts.ts";

/** What there may be that the backups lack, in words that say what to do about it. Pure. */

const KEEP_IT = "To keep that, make a backup of it first: npm run muster -- backup create.";

/** Undefined when everything that the database held is archived. */
export function describeUnarchived(findings: ArchiveFindings): string | undefined {
  const { chain, isChangedSince, lostFrameCount, differingPageCount } = findings;
  if (lostFrameCount > 0) {
    return `The present database's log is damaged: ${lostFrameCount} pages at its end are in no backup. ${KEEP_IT}`;
  }
  // The backups have more than the database, or just as much.
  if (chain === "complete" || chain === "behind" || differingPageCount === 0) return undefined;
  if (chain === "closed" && !isChangedSince) return undefined;
  const why = {
    closed: "something has changed it since the bot closed it, or it is a copy",
    interrupted: "it does not continue what was archived last",
    none: "there is no archive of it",
  }[chain];
  return `The present database may have changes that no backup has: ${why}. ${KEEP_IT}`;
}

/** The archive could not be completed. */
export function describeFailure(reason: string): string {
  return `What the present database's log has last may be in no backup, because the archive could not be completed: ${reason}. Mend that first, and ask again.`;
}

/** A database that the bot has recovered and left for a person to decide, at the time given. */
export function describeOffer(offeredAt: number): string {
  return `The bot offers a database that it recovered (${formatInstant(Math.round(offeredAt))}), perhaps with rows saved from the damaged file. This does not use it, and sets it aside. To have it: /dbbackup restore backup: in Discord, or start the bot with DB_AUTO_RECOVER=true.`;
}
