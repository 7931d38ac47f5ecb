import { formatEmoji } from "../../roll-call/emoji.ts";
import type { AuditEntry } from "../../store/audit-chain.ts";
import { formatDuration, formatMoment } from "../format-time.ts";
import { escapeInline, truncate } from "../input/escape.ts";
import { isSnowflake } from "../input/message-reference.ts";
import type { Texts } from "../texts/texts.ts";
import { formatFlagValue } from "./admin-set-flag-list.ts";

/** What an audit entry tells, in plain words: entries of this program, of an older one and of a newer one. */

const MAX_VALUE_LENGTH = 120;
/** Said elsewhere in the entry, or of no use to people. */
const HIDDEN_DETAILS = ["title", "messageId", "messageIds", "nextReminderAt"];

type Details = Readonly<Record<string, unknown>>;

/** What it was done to: an event by title and id, a flag with its subject, anything else as it is. */
export function describeTarget(entry: AuditEntry, texts: Texts): string {
  const { action, target } = entry;
  if (target === "") return "";
  if (action.startsWith("flag.")) return describeFlag(target, texts);
  const { title } = readDetails(entry);
  const id = `\`${escapeCode(target)}\``;
  return typeof title === "string" ? `**${escapeInline(truncate(title, MAX_VALUE_LENGTH))}** (${id})` : id;
}

/** `emblem role 123`, as the store writes it. */
function describeFlag(target: string, texts: Texts): string {
  const [name = "", subjectType, subjectId = ""] = target.split(" ");
  const mention = subjectType === "role" ? `<@&${subjectId}>` : subjectType === "member" ? `<@${subjectId}>` : "";
  return texts.admin.audit.flagTarget(escapeInline(name), mention);
}

/** The details that say something to people, by name: "now: on · before: off". */
export function describeDetails(entry: AuditEntry, texts: Texts): string {
  const words = texts.admin.audit;
  const flagName = entry.action.startsWith("flag.") ? entry.target.split(" ")[0]! : "";
  return Object.entries(readDetails(entry))
    .filter(([key]) => !HIDDEN_DETAILS.includes(key) || (key === "title" && entry.action === "event.edit"))
    .map(([key, value]) => {
      const name = words.details[key] ?? toWords(key);
      const isFlagValue = flagName !== "" && typeof value === "string";
      return words.detail(name, isFlagValue ? formatFlagValue(flagName, value) : describeValue(key, value, texts));
    })
    .join(" · ");
}

function describeValue(key: string, value: unknown, texts: Texts): string {
  const { yes, no, none } = texts.admin.audit;
  if (value === null || value === "") return none;
  if (typeof value === "boolean") return value ? yes : no;
  if (typeof value === "number") return describeNumber(key, value);
  if (Array.isArray(value)) return describeList(key, value, none);
  if (typeof value === "string") return describeText(key, value);
  return escapeInline(truncate(JSON.stringify(value), MAX_VALUE_LENGTH));
}

function describeNumber(key: string, value: number): string {
  if (key.endsWith("At")) return formatMoment(value, "short");
  return key.endsWith("Ms") ? formatDuration(value) : String(value);
}

function describeText(key: string, value: string): string {
  if (!isSnowflake(value)) return escapeInline(truncate(value, MAX_VALUE_LENGTH));
  if (/channelId$/i.test(key)) return `<#${value}>`;
  if (/roleId$/i.test(key)) return `<@&${value}>`;
  return /(?:user|member|actor)Id$/i.test(key) ? `<@${value}>` : value;
}

function describeList(key: string, values: readonly unknown[], none: string): string {
  if (values.length === 0) return none;
  const texts = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  if (key === "reactions") return texts.map(formatEmoji).join(" ");
  return escapeInline(truncate(texts.join(", "), MAX_VALUE_LENGTH));
}

function readDetails({ details }: AuditEntry): Details {
  try {
    const parsed: unknown = JSON.parse(details);
    return typeof parsed === "object" && parsed !== null ? (parsed as Details) : {};
  } catch {
    // Tampered with: `/admin-audit verify` says so, and the entry is shown all the same.
    return {};
  }
}

/** `lastRestoreId` → `last restore id`. */
function toWords(key: string): string {
  return escapeInline(key.replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ").toLowerCase());
}

/** In a code span nothing is escaped, so what would end it has to go. */
function escapeCode(text: string): string {
  return truncate(text.replace(/[`\s\p{Cc}]+/gu, " "), MAX_VALUE_LENGTH);
}
