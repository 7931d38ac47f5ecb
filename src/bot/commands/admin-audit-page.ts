import {
  ButtonStyle,
  ComponentType,
  type APIActionRowComponent,
  type APIButtonComponent,
  type APIEmbed,
} from "discord.js";
import type { AuditEntry } from "../../store/audit-chain.ts";
import type { AuditPage } from "../../store/audit.ts";
import { SYSTEM_ACTOR } from "../../store/inputs.ts";
import { createButtonId, type Reply } from "../command.ts";
import { formatMoment } from "../format-time.ts";
import { escapeInline, truncate } from "../input/escape.ts";
import type { Texts } from "../texts/texts.ts";
import { encodePosition, type AuditFilter } from "./admin-audit-filter.ts";
import { describeDetails, describeTarget } from "./admin-audit-words.ts";

export const PAGE_SIZE = 8;
/** Short, because button ids are; the router finds the buttons by these names. */
export const NEWER_BUTTON = "n";
export const OLDER_BUTTON = "o";

const COLOUR = 0x5865f2;
/** Eight of them, and what a page says besides, fit into the 4,096 characters of a description. */
const MAX_ENTRY_LENGTH = 480;

/** A page of entries in plain words, with buttons to the pages beside it. */
export function createAuditPage(page: AuditPage, filter: AuditFilter, texts: Texts): Reply {
  const words = texts.admin.audit;
  const filterParts = describeFilter(filter, texts);
  const [newest, oldest] = [page.entries[0], page.entries.at(-1)];
  if (!newest || !oldest) {
    const description = filterParts.length === 0 ? words.empty : words.emptyFiltered;
    return { embeds: [createEmbed([description], filterParts, texts)], components: [] };
  }
  const embed = createEmbed(
    page.entries.map((entry) => describeEntry(entry, texts)),
    filterParts,
    texts,
  );
  return {
    embeds: [{ ...embed, footer: { text: words.entryNumbers(newest.sequence, oldest.sequence) } }],
    components: [createButtons(page, filter, { newest: newest.sequence, oldest: oldest.sequence }, texts)],
  };
}

function createEmbed(paragraphs: readonly string[], filterParts: readonly string[], texts: Texts): APIEmbed {
  const words = texts.admin.audit;
  const head = filterParts.length === 0 ? [] : [`-# ${words.filteredBy(filterParts)}`];
  return { title: words.title, color: COLOUR, description: [...head, ...paragraphs].join("\n") };
}

function describeEntry(entry: AuditEntry, texts: Texts): string {
  const words = texts.admin.audit;
  const details = describeDetails(entry, texts);
  const line = words.entry({
    moment: formatMoment(entry.at, "short"),
    actor: formatActor(entry.actorId, texts),
    action: words.actions[entry.action] ?? `\`${entry.action}\``,
    target: describeTarget(entry, texts),
    failed: entry.outcome === "failure" ? words.failed : "",
  });
  return truncate(details === "" ? line : `${line}\n-# ${details}`, MAX_ENTRY_LENGTH);
}

function formatActor(actorId: string, texts: Texts): string {
  return actorId === SYSTEM_ACTOR ? `**${texts.admin.audit.system}**` : `<@${actorId}>`;
}

function describeFilter({ action, actorId, since, until, text }: AuditFilter, texts: Texts): string[] {
  const words = texts.admin.audit.filter;
  return [
    ...(action === undefined ? [] : [words.action(escapeInline(action))]),
    ...(actorId === undefined ? [] : [words.actor(formatActor(actorId, texts))]),
    ...(since === undefined ? [] : [words.since(formatMoment(since, "short"))]),
    ...(until === undefined ? [] : [words.until(formatMoment(until, "short"))]),
    ...(text === undefined ? [] : [words.text(escapeInline(text))]),
  ];
}

function createButtons(
  page: AuditPage,
  filter: AuditFilter,
  ends: { readonly newest: number; readonly oldest: number },
  texts: Texts,
): APIActionRowComponent<APIButtonComponent> {
  const { newer, older } = texts.admin.audit;
  const createButton = (name: string, label: string, sequence: number, isEnabled: boolean): APIButtonComponent => ({
    type: ComponentType.Button,
    style: ButtonStyle.Secondary,
    label,
    custom_id: createButtonId("admin-audit", name, ...encodePosition(filter, sequence)),
    disabled: !isEnabled,
  });
  return {
    type: ComponentType.ActionRow,
    components: [
      createButton(NEWER_BUTTON, newer, ends.newest, page.hasNewer),
      createButton(OLDER_BUTTON, older, ends.oldest, page.hasOlder),
    ],
  };
}
