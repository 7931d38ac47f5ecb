import { formatCsvLine } from "../core/csv.ts";
import type { AuditEntry } from "./audit-chain.ts";

/** The forms in which audit entries leave the database, whole enough for their reader to check the chain. */

export const EXPORT_FORMATS = ["csv", "json"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportForm {
  readonly head: string;
  readonly formatEntry: (entry: AuditEntry) => string;
  /** Between two entries. */
  readonly separator: string;
  readonly tail: string;
}

const COLUMNS = [
  ...["sequence", "id", "time", "actor_id", "action", "target", "outcome", "details"],
  ...["previous_hash", "hash", "guild_id"],
];

export const EXPORT_FORMS: Readonly<Record<ExportFormat, ExportForm>> = {
  csv: { head: formatCsvLine(COLUMNS), formatEntry: formatCsvEntry, separator: "", tail: "" },
  json: { head: "[\n", formatEntry: formatJsonEntry, separator: ",\n", tail: "\n]\n" },
};

function formatCsvEntry(entry: AuditEntry): string {
  const { sequence, id, at, actorId, action, target, outcome, details, previousHash, hash, guildId } = entry;
  const time = new Date(at).toISOString();
  return formatCsvLine([sequence, id, time, actorId, action, target, outcome, details, previousHash, hash, guildId]);
}

/** Details stay the text that was hashed, so that the file's reader can check the chain; so does the time in milliseconds. */
function formatJsonEntry(entry: AuditEntry): string {
  return JSON.stringify({ ...entry, time: new Date(entry.at).toISOString() });
}
