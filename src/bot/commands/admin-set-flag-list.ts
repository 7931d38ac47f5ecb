import type { APIEmbed, APIEmbedField } from "discord.js";
import type { FlagRecord } from "../../store/flags.ts";
import { EMBED_LIMITS, joinWithin } from "../events/embed-limits.ts";
import { FLAG_NAMES, getFlagDefinition, isFlagName } from "../flags/flag-table.ts";
import { escapeInline } from "../input/escape.ts";
import type { Texts } from "../texts/texts.ts";

const COLOUR = 0x5865f2;
/** What a field has besides its lines. */
const FIELD_OVERHEAD = 64;

/** A stored value for people: a channel as a mention, everything else as it is. */
export function formatFlagValue(name: string, value: string): string {
  const show = isFlagName(name) ? getFlagDefinition(name).show : undefined;
  return show === "channel" ? `<#${value}>` : escapeInline(value);
}

export function formatSubject(
  { subjectType, subjectId }: Pick<FlagRecord, "subjectType" | "subjectId">,
  texts: Texts,
): string {
  const { subject } = texts.admin.flags;
  if (subjectType === "server") return subject.server();
  return subjectType === "role" ? subject.role(`<@&${subjectId}>`) : subject.member(`<@${subjectId}>`);
}

/** Every flag that is set with whom it holds for, then those that are not; within Discord's limits however many there are. */
export function createFlagListEmbed(records: readonly FlagRecord[], texts: Texts): APIEmbed {
  const { listTitle, listEmpty, listNotSetTitle, listNotSetLine, listDescribedLine, about } = texts.admin.flags;
  const base = { title: listTitle, color: COLOUR };
  if (records.length === 0) {
    const lines = FLAG_NAMES.map((name) => listDescribedLine(name, about[name].description, about[name].default));
    return { ...base, description: joinLines([listEmpty, "", ...lines], EMBED_LIMITS.description, texts) };
  }
  const groups = [...Map.groupBy(records, ({ name }) => name)].slice(0, EMBED_LIMITS.fields - 1);
  const notSet = FLAG_NAMES.filter((name) => records.every((record) => record.name !== name));
  const fieldCount = groups.length + (notSet.length === 0 ? 0 : 1);
  const maxLength = Math.min(Math.floor(EMBED_LIMITS.total / fieldCount) - FIELD_OVERHEAD, EMBED_LIMITS.fieldValue);
  const fields = groups.map(([name, group]) => createField(name, group, maxLength, texts));
  if (notSet.length > 0) {
    const lines = notSet.map((name) => listNotSetLine(name, about[name].default));
    fields.push({ name: listNotSetTitle, value: joinLines(lines, maxLength, texts) });
  }
  return { ...base, fields };
}

function createField(name: string, records: readonly FlagRecord[], maxLength: number, texts: Texts): APIEmbedField {
  const { listLine } = texts.admin.flags;
  const lines = records.map((record) => listLine(formatSubject(record, texts), formatFlagValue(name, record.value)));
  return { name, value: joinLines(lines, maxLength, texts) };
}

function joinLines(lines: readonly string[], maxLength: number, texts: Texts): string {
  return joinWithin(lines, { separator: "\n", maxLength, format: (line) => line, more: texts.admin.flags.more });
}
