import type { APIEmbed, APIEmbedField } from "discord.js";
import type { FlagRecord } from "../../store/flags.ts";
import { FLAG_NAMES, getFlagDefinition, isFlagName } from "../flags/flag-table.ts";
import { escapeInline } from "../input/escape.ts";
import type { Texts } from "../texts/texts.ts";
import { fitLines } from "./fit-lines.ts";

const COLOUR = 0x5865f2;
/** Discord's limits: of one field, of the number of fields, and of all texts of an embed together. */
const MAX_FIELD_LENGTH = 1_024;
const MAX_FIELDS = 25;
const MAX_EMBED_LENGTH = 6_000;
const MAX_DESCRIPTION_LENGTH = 4_096;
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
  const { listTitle, listEmpty, listNotSetTitle, listNotSetLine, listDescribedLine, about, more } = texts.admin.flags;
  const base = { title: listTitle, color: COLOUR };
  if (records.length === 0) {
    const lines = FLAG_NAMES.map((name) => listDescribedLine(name, about[name].description, about[name].default));
    return { ...base, description: fitLines([listEmpty, "", ...lines], MAX_DESCRIPTION_LENGTH, more) };
  }
  const groups = [...Map.groupBy(records, ({ name }) => name)].slice(0, MAX_FIELDS - 1);
  const notSet = FLAG_NAMES.filter((name) => records.every((record) => record.name !== name));
  const fieldCount = groups.length + (notSet.length === 0 ? 0 : 1);
  const maxLength = Math.min(Math.floor(MAX_EMBED_LENGTH / fieldCount) - FIELD_OVERHEAD, MAX_FIELD_LENGTH);
  const fields = groups.map(([name, group]) => createField(name, group, maxLength, texts));
  if (notSet.length > 0) {
    const lines = notSet.map((name) => listNotSetLine(name, about[name].default));
    fields.push({ name: listNotSetTitle, value: fitLines(lines, maxLength, more) });
  }
  return { ...base, fields };
}

function createField(name: string, records: readonly FlagRecord[], maxLength: number, texts: Texts): APIEmbedField {
  const { listLine, more } = texts.admin.flags;
  const lines = records.map((record) => listLine(formatSubject(record, texts), formatFlagValue(name, record.value)));
  return { name, value: fitLines(lines, maxLength, more) };
}
