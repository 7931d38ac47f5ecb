import { isMusterError } from "../../../core/errors.ts";
import { formatSizeBytes } from "../../../core/units.ts";
import type { CommandContext, Reply } from "../../command.ts";
import { recordBackupAction, requireBackups, startProgress } from "./backup-work.ts";

export async function createBackup(context: CommandContext): Promise<Reply> {
  const { interaction, services } = context;
  const { manager } = requireBackups(context);
  const comment = cleanComment(interaction.options.getString("comment") ?? "");
  const onProgress = startProgress(context, "create");
  try {
    const { id, storedBytes } = await manager.create({ reason: "manual", comment, onProgress });
    await recordBackupAction(context, { action: "backup.create", target: id, details: { comment } });
    return { content: services.texts.admin.backup.created(id, formatSizeBytes(storedBytes)) };
  } catch (error) {
    const code = isMusterError(error) ? error.code : "INTERNAL";
    await recordBackupAction(context, {
      ...{ action: "backup.create", target: "database", outcome: "failure" },
      details: { comment, code },
    });
    throw error;
  }
}

/** One line, of whole characters. */
function cleanComment(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
}
