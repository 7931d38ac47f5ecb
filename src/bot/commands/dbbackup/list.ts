import type { APIEmbed, APIEmbedField } from "discord.js";
import { isMusterError } from "../../../core/errors.ts";
import { formatSizeBytes } from "../../../core/units.ts";
import { isVerified, type SnapshotCatalogue } from "../../../database/backup/snapshot-catalogue.ts";
import type { SnapshotManifest } from "../../../database/backup/snapshot-manifest.ts";
import type { BackupTools } from "../../backup-tools.ts";
import type { CommandContext, Reply } from "../../command.ts";
import { EMBED_LIMITS } from "../../events/embed-limits.ts";
import { formatMoment } from "../../format-time.ts";
import { escapeInline, truncate } from "../../input/escape.ts";
import type { Texts } from "../../texts/texts.ts";
import { requireBackups } from "./backup-work.ts";
import { describeSpans } from "./restorable.ts";

const COLOUR = 0x5865f2;
const MAX_LINES = 15;
const MAX_COMMENT_LENGTH = 80;

export async function listBackups(context: CommandContext): Promise<Reply> {
  const { services } = context;
  const backups = requireBackups(context);
  const catalogue = await backups.manager.list();
  const spans = await listSpans(backups, services.texts);
  return { embeds: [createListEmbed(catalogue, spans, services.texts)] };
}

async function listSpans({ manager }: BackupTools, texts: Texts): Promise<string[]> {
  try {
    return describeSpans((await manager.planRestore({ kind: "newest" })).restorable, texts);
  } catch (error) {
    // Nothing to restore from: the list says so by itself.
    if (isMusterError(error, "BACKUP_NOT_FOUND", "BACKUP_DAMAGED")) return [];
    throw error;
  }
}

export function createListEmbed(
  { snapshots, problems }: SnapshotCatalogue,
  spans: readonly string[],
  texts: Texts,
): APIEmbed {
  const words = texts.admin.backup;
  const lines = snapshots.slice(0, MAX_LINES).map(({ manifest }) => describeSnapshot(manifest, texts));
  const olderCount = snapshots.length - lines.length;
  if (olderCount > 0) lines.push(words.listMore(olderCount));
  if (problems.length > 0) lines.push(words.listProblems(problems.length));
  const fields: APIEmbedField[] =
    spans.length === 0
      ? []
      : [{ name: words.restorableTitle, value: truncate(spans.join("\n"), EMBED_LIMITS.fieldValue) }];
  const description = lines.length === 0 ? words.listEmpty : lines.join("\n");
  return { title: words.listTitle, description, color: COLOUR, fields };
}

function describeSnapshot(manifest: SnapshotManifest, texts: Texts): string {
  const words = texts.admin.backup;
  const { createdAt, id, storedBytes, reason, comment } = manifest;
  const moment = formatMoment(createdAt, "short");
  if (!isVerified(manifest)) return words.listDamagedLine(moment, id);
  const shownComment = escapeInline(truncate(comment, MAX_COMMENT_LENGTH));
  return words.listLine({ moment, id, size: formatSizeBytes(storedBytes), reason, comment: shownComment });
}
