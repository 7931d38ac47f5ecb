import { InteractionContextType, SlashCommandBuilder } from "discord.js";
import { REMINDER_MODES, type ReminderMode } from "../../store/users.ts";
import type { Command, CommandContext, Reply } from "../command.ts";
import { reminderTexts } from "../texts/reminder-texts.ts";

const { define, defineMode, choices } = reminderTexts.command;

export const remindersCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("reminders")
    .setDescription(define)
    .setContexts(InteractionContextType.Guild)
    .addStringOption((option) =>
      option
        .setName("mode")
        .setDescription(defineMode)
        .setRequired(true)
        .addChoices(REMINDER_MODES.map((mode) => ({ name: choices[mode], value: mode }))),
    )
    .toJSON(),
  actions: { "": { database: "write", execute: setReminderMode } },
};

async function setReminderMode({ interaction, services, guildId, member }: CommandContext): Promise<Reply> {
  // Discord lets only the choices through.
  const mode = interaction.options.getString("mode", true) as ReminderMode;
  await services.store.users.setReminderMode({ guildId, id: member.id, username: member.user.username, mode });
  return { content: services.texts.reminders.command.changed[mode] };
}
