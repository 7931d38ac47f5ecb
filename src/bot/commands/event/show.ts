import { ActionRowBuilder, ButtonBuilder, ButtonStyle, type APIEmbed, type APIEmbedField } from "discord.js";
import type { EventRecord } from "../../../store/events.ts";
import type { ReminderRecord } from "../../../store/reminders.ts";
import {
  createButtonId,
  type ButtonAction,
  type CommandAction,
  type CommandContext,
  type Reply,
} from "../../command.ts";
import { CARD_BESIDE_DETAILS, joinMembers, renderCard, type CardContent } from "../../events/card-embed.ts";
import { EMBED_LIMITS, escapeWithin, joinWithin } from "../../events/embed-limits.ts";
import { formatMoment } from "../../format-time.ts";
import type { Texts } from "../../texts/texts.ts";
import { requireEvent } from "./event-access.ts";

const HISTORY_LENGTH = 5;
const MAX_ERROR_LENGTH = 100;

export const showAction: CommandAction = {
  database: "read",
  async execute(context) {
    return showEvent(context, await requireEvent(context, context.interaction.options.getString("event", true)));
  },
};

export const refreshButton: ButtonAction = {
  database: "read",
  async execute(context) {
    return showEvent(context, await requireEvent(context, context.values[0] ?? ""));
  },
};

async function showEvent(
  { services, guildId }: Pick<CommandContext, "services" | "guildId">,
  event: EventRecord,
): Promise<Reply> {
  const { cards, store, texts } = services;
  const [content, history] = await Promise.all([
    cards.describe(event),
    store.reminders.listHistory({ guildId, eventId: event.id, limit: HISTORY_LENGTH }),
  ]);
  const card = renderCard(content, texts, CARD_BESIDE_DETAILS);
  const details: APIEmbed = { fields: [...listMissing(content, texts), renderHistory(history, texts)] };
  const row = new ActionRowBuilder<ButtonBuilder>().addComponents(
    new ButtonBuilder()
      .setCustomId(createButtonId("event", "show", event.id))
      .setLabel(texts.events.show.refresh)
      .setStyle(ButtonStyle.Secondary),
  );
  return { embeds: [card, details], components: [row.toJSON()] };
}

function listMissing({ card, emblemOf }: CardContent, texts: Texts): APIEmbedField[] {
  if (card.missingCount === 0) return [];
  const value = joinMembers(card.missingIds, texts, { maxLength: EMBED_LIMITS.fieldValue, emblemOf });
  return [{ name: texts.events.show.missing(card.missingCount), value }];
}

function renderHistory(history: readonly ReminderRecord[], texts: Texts): APIEmbedField {
  const { show, andMore } = texts.events;
  const value = joinWithin(history, {
    separator: "\n",
    maxLength: EMBED_LIMITS.fieldValue,
    more: andMore,
    format: ({ scheduledAt, sentAt, status, usersNotified, error }) =>
      show.reminder({
        moment: formatMoment(sentAt ?? scheduledAt, "short"),
        status,
        notifiedCount: usersNotified.length,
        error: escapeWithin(error ?? "", MAX_ERROR_LENGTH),
      }),
  });
  return { name: show.history, value: history.length === 0 ? show.noHistory : value };
}
