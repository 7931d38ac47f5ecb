import type { VerifySnapshotResult } from "../../../database/backup/verify-snapshot.ts";
import type { CommandContext, Reply } from "../../command.ts";
import { formatDuration, formatMoment } from "../../format-time.ts";
import type { Texts } from "../../texts/texts.ts";
import { requireBackupId } from "./backup-choices.ts";
import { countRows, recordBackupAction, requireBackups, showFinding, startProgress } from "./backup-work.ts";

const MAX_FINDINGS = 5;

export async function verifyBackup(context: CommandContext): Promise<Reply> {
  const { interaction, services } = context;
  const backups = requireBackups(context);
  const id = await requireBackupId(interaction.options.getString("backup", true), backups, services.texts);
  const result = await backups.manager.verify(id, startProgress(context, "verify"));
  const isSound = result.outcome === "sound";
  await recordBackupAction(context, {
    ...{ action: "backup.verify", target: id, outcome: isSound ? "success" : "failure" },
    details: isSound ? {} : { code: result.code },
  });
  return { content: describeResult(result, services.texts) };
}

function describeResult(result: VerifySnapshotResult, texts: Texts): string {
  const words = texts.admin.backup;
  if (result.outcome === "sound") {
    const { id, createdAt, rows } = result.manifest;
    return words.sound(id, formatMoment(createdAt, "short"), countRows(rows), formatDuration(result.durationMs));
  }
  if (result.code === "BACKUP_KEY_WRONG") return words.wrongKey(result.id);
  return words.unusable(result.id, result.findings.slice(0, MAX_FINDINGS).map(showFinding));
}
