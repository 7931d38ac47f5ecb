import { AttachmentBuilder } from "discord.js";
import { EXPORT_FORMS, type ExportFormat } from "../../store/audit-export.ts";
import type { Store } from "../../store/store.ts";
import type { CommandContext, Reply } from "../command.ts";

export interface ExportLimits {
  readonly maxEntryCount: number;
  readonly maxBytes: number;
}

/** Bots may attach 10 MB where a server has no boosts; whatever comes first ends the export, the newest entries are in. */
const LIMITS: ExportLimits = { maxEntryCount: 20_000, maxBytes: 8_000_000 };
const PAGE_SIZE = 100;

export interface AuditExport {
  readonly data: Buffer;
  readonly entryCount: number;
  /** There are older entries that did not fit. */
  readonly isTruncated: boolean;
}

export async function exportAudit({ interaction, services, guildId, member }: CommandContext): Promise<Reply> {
  const { store, audit, clock, texts } = services;
  // Discord lets only the choices through.
  const format = interaction.options.getString("format", true) as ExportFormat;
  const { data, entryCount, isTruncated } = await createExport(store, guildId, format, LIMITS);
  // No export without its entry: when that can be stored nowhere, there is no file.
  const details = { entryCount, isTruncated };
  await audit.record({ guildId, actorId: member.id, action: "audit.export", target: format, details });
  const { exported, exportTruncated } = texts.admin.audit;
  const date = new Date(clock.now()).toISOString().slice(0, 10);
  return {
    content: [exported(entryCount), ...(isTruncated ? [exportTruncated(entryCount)] : [])].join("\n"),
    files: [new AttachmentBuilder(data, { name: `audit-log-${date}.${format}` })],
  };
}

/**
 * Reads page by page from the newest entry on, so that nothing else waits for it; each page becomes bytes at once, for
 * the same reason. The file has the oldest first.
 */
export async function createExport(
  store: Store,
  guildId: string,
  format: ExportFormat,
  limits: ExportLimits,
): Promise<AuditExport> {
  const { formatEntry, separator } = EXPORT_FORMS[format];
  const newestFirst: Buffer[] = [];
  let entryCount = 0;
  let byteCount = 0;
  let sequence: number | undefined;
  let isTruncated = false;
  for (let hasOlder = true; hasOlder && !isTruncated;) {
    const page = await store.audit.list({
      ...{ guildId, limit: PAGE_SIZE },
      ...(sequence === undefined ? {} : { sequence }),
    });
    const lines: string[] = [];
    for (const entry of page.entries) {
      const line = formatEntry(entry);
      byteCount += Buffer.byteLength(line) + separator.length;
      isTruncated = entryCount === limits.maxEntryCount || byteCount > limits.maxBytes;
      if (isTruncated) break;
      lines.push(line);
      entryCount++;
      sequence = entry.sequence;
    }
    if (lines.length > 0) newestFirst.push(Buffer.from(lines.reverse().join(separator)));
    hasOlder = page.hasOlder;
  }
  return { data: joinPages(newestFirst.reverse(), format), entryCount, isTruncated };
}

function joinPages(pages: readonly Buffer[], format: ExportFormat): Buffer {
  const { head, separator, tail } = EXPORT_FORMS[format];
  const between = Buffer.from(separator);
  const parts = pages.flatMap((page, index) => (index === 0 ? [page] : [between, page]));
  return Buffer.concat([Buffer.from(head), ...parts, Buffer.from(tail)]);
}
