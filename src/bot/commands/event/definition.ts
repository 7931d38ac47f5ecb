import {
  ChannelType,
  InteractionContextType,
  SlashCommandBuilder,
  type RESTPostAPIChatInputApplicationCommandsJSONBody,
  type SlashCommandSubcommandBuilder,
} from "discord.js";
import { MAX_DESCRIPTION_LENGTH, MAX_TITLE_LENGTH } from "../../events/event-input.ts";
import { eventTexts } from "../../texts/event-texts.ts";

const texts = eventTexts.command;
const { options } = texts;

/** Where events can be posted. */
export const EVENT_CHANNEL_TYPES = [ChannelType.GuildText, ChannelType.GuildAnnouncement] as const;

type Subcommand = SlashCommandSubcommandBuilder;
type Addition = (subcommand: Subcommand) => Subcommand;

const addTitle =
  (description: string, isRequired: boolean): Addition =>
  (subcommand) =>
    subcommand.addStringOption((option) =>
      option.setName("title").setDescription(description).setMaxLength(MAX_TITLE_LENGTH).setRequired(isRequired),
    );

const addText =
  (name: string, description: string, maxLength?: number): Addition =>
  (subcommand) =>
    subcommand.addStringOption((option) => {
      option.setName(name).setDescription(description);
      return maxLength === undefined ? option : option.setMaxLength(maxLength);
    });

const addAudience =
  (description: string): Addition =>
  (subcommand) =>
    subcommand.addRoleOption((option) => option.setName("audience").setDescription(description));

const addChannel: Addition = (subcommand) =>
  subcommand.addChannelOption((option) =>
    option
      .setName("channel")
      .setDescription(options.channel)
      .addChannelTypes(...EVENT_CHANNEL_TYPES),
  );

const addEvent: Addition = (subcommand) =>
  subcommand.addStringOption((option) =>
    option.setName("event").setDescription(options.event).setAutocomplete(true).setRequired(true),
  );

const addMessage: Addition = (subcommand) =>
  subcommand.addStringOption((option) => option.setName("message").setDescription(options.message).setRequired(true));

const addState: Addition = (subcommand) =>
  subcommand.addStringOption((option) =>
    option
      .setName("state")
      .setDescription(options.state)
      .addChoices(Object.entries(texts.states).map(([value, name]) => ({ name, value }))),
  );

const subcommand =
  (name: string, description: string, ...additions: readonly Addition[]) =>
  (builder: Subcommand): Subcommand =>
    additions.reduce((built, add) => add(built), builder.setName(name).setDescription(description));

export const eventDefinition: RESTPostAPIChatInputApplicationCommandsJSONBody = new SlashCommandBuilder()
  .setName("event")
  .setDescription(texts.event)
  .setContexts(InteractionContextType.Guild)
  .addSubcommand(
    subcommand(
      "create",
      texts.create,
      addTitle(options.title, true),
      addText("every", options.every),
      addText("reactions", options.reactions),
      addAudience(options.audience),
      addChannel,
      addText("description", options.description, MAX_DESCRIPTION_LENGTH),
      addText("closes", options.closes),
    ),
  )
  .addSubcommand(
    subcommand(
      "watch",
      texts.watch,
      addMessage,
      addTitle(options.title, true),
      addText("every", options.every),
      addText("reactions", options.watchedReactions),
      addAudience(options.audience),
      addText("description", options.description, MAX_DESCRIPTION_LENGTH),
      addText("closes", options.closes),
    ),
  )
  .addSubcommand(subcommand("list", texts.list, addState))
  .addSubcommand(subcommand("show", texts.show, addEvent))
  .addSubcommand(
    subcommand(
      "edit",
      texts.edit,
      addEvent,
      addTitle(options.newTitle, false),
      addText("every", options.newEvery),
      addText("reactions", options.newReactions),
      addAudience(options.newAudience),
      addText("description", options.newDescription, MAX_DESCRIPTION_LENGTH),
      addText("closes", options.newCloses),
    ),
  )
  .addSubcommand(subcommand("pause", texts.pause, addEvent))
  .addSubcommand(subcommand("resume", texts.resume, addEvent))
  .addSubcommand(subcommand("remind", texts.remind, addEvent))
  .addSubcommand(subcommand("close", texts.close, addEvent))
  .addSubcommand(subcommand("delete", texts.delete, addEvent))
  .toJSON();
