import { ActionRowBuilder, ButtonBuilder, ButtonStyle } from "discord.js";
import { createButtonId, type ButtonAction, type CommandAction } from "../../command.ts";
import { requireManagedEvent } from "./event-access.ts";
import { describeEvent } from "./event-lines.ts";

export const deleteAction: CommandAction = {
  database: "write",
  async execute(context) {
    const { replies } = context.services.texts.events;
    const event = await requireManagedEvent(context, context.interaction.options.getString("event", true));
    const row = new ActionRowBuilder<ButtonBuilder>().addComponents(
      new ButtonBuilder()
        .setCustomId(createButtonId("event", "delete", event.id))
        .setLabel(replies.deleteButton)
        .setStyle(ButtonStyle.Danger),
      new ButtonBuilder()
        .setCustomId(createButtonId("event", "keep", event.id))
        .setLabel(replies.cancelButton)
        .setStyle(ButtonStyle.Secondary),
    );
    const isAdopted = event.messageId !== event.cardMessageId;
    return { content: replies.confirmDelete(describeEvent(event).title, isAdopted), components: [row.toJSON()] };
  },
};

/** Who may delete was checked when the button was shown; by the time it is pressed it is looked at again. */
export const confirmDeleteButton: ButtonAction = {
  database: "write",
  async execute(context) {
    const { services, member, values } = context;
    const { replies } = services.texts.events;
    const event = await requireManagedEvent(context, values[0] ?? "");
    const { isMessageDeleted } = await services.events.delete(event, member.id);
    const lines = [replies.deleted(describeEvent(event).title), ...(isMessageDeleted ? [] : [replies.messageStays])];
    return { content: lines.join(" "), components: [] };
  },
};

export const keepButton: ButtonAction = {
  database: "read",
  async execute(context) {
    const event = await requireManagedEvent(context, context.values[0] ?? "");
    return { content: context.services.texts.events.replies.kept(describeEvent(event).title), components: [] };
  },
};
