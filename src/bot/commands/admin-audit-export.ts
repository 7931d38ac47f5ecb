import { AttachmentBuilder } from "discord.js";
import type { AuditEntry } from "../../store/audit-chain.ts";
import type { Store } from "../../store/store.ts";
import type { CommandContext, Reply } from "../command.ts";
import { formatCsvLine } from "./csv.ts";

export const EXPORT_FORMATS = ["csv", "json"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportLimits {
  readonly maxEntryCount: number;
  readonly maxBytes: number;
}

/** Bots may attach 10 MB where a server has no boosts; whatever comes first ends the export, the newest entries are in. */
const LIMITS: ExportLimits = { maxEntryCount: 20_000, maxBytes: 8_000_000 };
const PAGE_SIZE = 100;
const SEPARATOR = ",\n";

const COLUMNS = [
  ...["sequence", "id", "time", "actor_id", "action", "target", "outcome", "details"],
  ...["previous_hash", "hash"],
];

export interface AuditExport {
  readonly data: Buffer;
  readonly entryCount: number;
  /** There are older entries that did not fit. */
  readonly isTruncated: boolean;
}

export async function exportAudit({ interaction, services, guildId, member }: CommandContext): Promise<Reply> {
  const { store, clock, texts } = services;
  // Discord lets only the choices through.
  const format = interaction.options.getString("format", true) as ExportFormat;
  const { data, entryCount, isTruncated } = await createExport(store, guildId, format, LIMITS);
  // No export without its entry: when that cannot be stored, there is no file.
  const details = { entryCount, isTruncated };
  await store.audit.append({ guildId, actorId: member.id, action: "audit.export", target: format, details });
  const { exported, exportTruncated } = texts.admin.audit;
  const date = new Date(clock.now()).toISOString().slice(0, 10);
  return {
    content: [exported(entryCount), ...(isTruncated ? [exportTruncated(entryCount)] : [])].join("\n"),
    files: [new AttachmentBuilder(data, { name: `audit-log-${date}.${format}` })],
  };
}

/**
 * Reads page by page from the newest entry on, so that nothing else waits for it. The file has them in the order of the
 * chain, which is that of time but for entries that waited in a queue, so that its reader can check them.
 */
export async function createExport(
  store: Store,
  guildId: string,
  format: ExportFormat,
  limits: ExportLimits,
): Promise<AuditExport> {
  const formatEntry = format === "csv" ? formatCsvEntry : formatJsonEntry;
  const lines: Line[] = [];
  const finish = (isTruncated: boolean): AuditExport => {
    lines.sort((a, b) => a.sequence - b.sequence);
    return { data: wrap(lines, format), entryCount: lines.length, isTruncated };
  };
  let byteCount = 0;
  let sequence: number | undefined;
  for (let hasOlder = true; hasOlder;) {
    const page = await store.audit.list({ guildId, limit: PAGE_SIZE, ...(sequence === undefined ? {} : { sequence }) });
    for (const entry of page.entries) {
      const text = formatEntry(entry);
      byteCount += Buffer.byteLength(text) + SEPARATOR.length;
      if (lines.length >= limits.maxEntryCount || byteCount > limits.maxBytes) return finish(true);
      lines.push({ sequence: entry.sequence, text });
      sequence = entry.sequence;
    }
    hasOlder = page.hasOlder;
  }
  return finish(false);
}

interface Line {
  readonly sequence: number;
  readonly text: string;
}

function wrap(lines: readonly Line[], format: ExportFormat): Buffer {
  const texts = lines.map(({ text }) => text);
  if (format === "csv") return Buffer.from(formatCsvLine(COLUMNS) + texts.join(""));
  return Buffer.from(lines.length === 0 ? "[]\n" : `[\n${texts.join(SEPARATOR)}\n]\n`);
}

function formatCsvEntry(entry: AuditEntry): string {
  const { sequence, id, at, actorId, action, target, outcome, details, previousHash, hash } = entry;
  const time = new Date(at).toISOString();
  return formatCsvLine([sequence, id, time, actorId, action, target, outcome, details, previousHash, hash]);
}

/** Details stay the text that was hashed, so that the file's reader can check the chain; so does the time in milliseconds. */
function formatJsonEntry(entry: AuditEntry): string {
  return JSON.stringify({ ...entry, time: new Date(entry.at).toISOString() });
}
