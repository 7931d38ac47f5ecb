import type { ReportProgress } from "../../../database/maintenance/maintenance-progress.ts";
import type { NewAuditEntry } from "../../../store/audit.ts";
import type { BackupTools } from "../../backup-tools.ts";
import { Refusal, type ButtonContext, type CommandContext } from "../../command.ts";
import { escapeInline, truncate } from "../../input/escape.ts";

type Context = CommandContext | ButtonContext;

const MAX_TEXT_LENGTH = 300;
/** From a root (`/`, `C:\`) up to the last separator: what is left is the file's own name. */
const FOLDERS = /(?:[a-z]:)?[\\/](?:[^\\/\s:;,'"]+[\\/])+/gi;

/** Throws a Refusal with a database in memory. */
export function requireBackups({ services }: Context): BackupTools {
  if (!services.backups) throw new Refusal(services.texts.admin.backup.inMemory);
  return services.backups;
}

/** Shows at once that work has begun, and from then on how far it is. */
export function startProgress(context: Context, activity: keyof BackupActivities): ReportProgress {
  const words = context.services.texts.admin.backup;
  const show = (step: string, share: number | undefined): void => {
    const percent = share === undefined ? undefined : Math.floor(share * 100);
    context.showProgress({
      content: words.progress(words.working[activity], step, percent),
      embeds: [],
      components: [],
    });
  };
  show("", undefined);
  return ({ step, share }) => show(step, share);
}

type BackupActivities = CommandContext["services"]["texts"]["admin"]["backup"]["working"];

/**
 * Records what an admin did, in the audit log of their server. The work is done by then: that it could not be recorded
 * anywhere is for the log, and makes no failure of it.
 */
export async function recordBackupAction(
  { services, guildId, member, logger }: Context,
  entry: Pick<NewAuditEntry, "action" | "target" | "details" | "outcome">,
): Promise<void> {
  try {
    await services.audit.record({ guildId, actorId: member.id, ...entry });
  } catch (error) {
    logger.error("work on backups could not be audited", { action: entry.action, error });
  }
}

/** What a job has found, for people in Discord: without the folders of the machine, and harmless to show. */
export function showFinding(text: string): string {
  return escapeInline(truncate(text.replace(FOLDERS, ""), MAX_TEXT_LENGTH));
}

export function countRows(rows: Readonly<Record<string, number>>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}
