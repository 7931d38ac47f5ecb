import type { APIEmbed } from "discord.js";
import { truncate } from "../../roll-call/truncate.ts";
import { escapeInline } from "../input/escape.ts";

/** Discord's limits of an embed; `total` counts over all embeds of a message. */
export const EMBED_LIMITS = {
  title: 256,
  description: 4_096,
  fields: 25,
  fieldName: 256,
  fieldValue: 1_024,
  footer: 2_048,
  total: 6_000,
} as const;

/** What Discord counts against `EMBED_LIMITS.total`. */
export function countEmbedLength({ title, description, fields = [], footer, author }: APIEmbed): number {
  const texts = [title, description, footer?.text, author?.name, ...fields.flatMap(({ name, value }) => [name, value])];
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
}

/** A member's text, escaped, with its end left out when the escaped writing is longer than `maxLength`. */
export function escapeWithin(text: string, maxLength: number): string {
  let keptLength = Math.min(text.length, maxLength);
  for (;;) {
    const escaped = escapeInline(truncate(text, keptLength));
    if (escaped.length <= maxLength || keptLength === 0) return escaped;
    // Escaping makes a character three at most, so this never leaves out more than it has to by much.
    keptLength = Math.max(keptLength - Math.ceil((escaped.length - maxLength) / 3), 0);
  }
}

export interface JoinOptions<Item> {
  readonly separator: string;
  readonly maxLength: number;
  /** Default: as many as fit. */
  readonly maxCount?: number;
  readonly format: (item: Item) => string;
  /** What follows when some are left out; it is part of `maxLength`. */
  readonly more: (leftOutCount: number) => string;
}

/** A list as text within a length; what does not fit is counted. Formats no more items than it shows. */
export function joinWithin<Item>(items: readonly Item[], options: JoinOptions<Item>): string {
  const { separator, maxLength, maxCount = Infinity, format, more } = options;
  let text = "";
  let count = 0;
  for (const item of items.slice(0, Math.min(maxCount, items.length))) {
    const next = text + (count === 0 ? "" : separator) + format(item);
    const leftOutCount = items.length - count - 1;
    const end = leftOutCount === 0 ? "" : separator + more(leftOutCount);
    if (next.length + end.length > maxLength) break;
    text = next;
    count++;
  }
  if (count === items.length) return text;
  const end = more(items.length - count);
  return truncate(count === 0 ? end : text + separator + end, maxLength);
}
