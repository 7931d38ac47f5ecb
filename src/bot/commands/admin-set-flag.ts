import {
  InteractionContextType,
  PermissionFlagsBits,
  SlashCommandBuilder,
  type APIEmbed,
  type ApplicationCommandOptionChoiceData,
  type ChatInputCommandInteraction,
  type SlashCommandSubcommandBuilder,
} from "discord.js";
import { isMusterError } from "../../core/errors.ts";
import type { FlagSubjectType } from "../../store/flags.ts";
import { Refusal, type AutocompleteContext, type Command, type CommandContext, type Reply } from "../command.ts";
import { FLAG_NAMES, getFlagDefinition, isFlagName, type FlagName } from "../flags/flag-table.ts";
import { escapeInline, truncate } from "../input/escape.ts";
import { permissionNames } from "../preconditions.ts";
import { adminTexts } from "../texts/admin-texts.ts";
import type { Texts } from "../texts/texts.ts";
import { createFlagListEmbed, formatFlagValue, formatSubject } from "./admin-set-flag-list.ts";

const REQUIRED = PermissionFlagsBits.ManageGuild;
/** Discord's limits of one choice, and of how many there are. */
const MAX_CHOICE_LENGTH = 100;
const MAX_CHOICES = 25;
/** What the store keeps of a value. */
const MAX_VALUE_LENGTH = 500;
const MAX_SHOWN_LENGTH = 100;

const { define } = adminTexts.flags;

function addFlag(subcommand: SlashCommandSubcommandBuilder): SlashCommandSubcommandBuilder {
  return subcommand.addStringOption((option) =>
    option.setName("flag").setDescription(define.flag).setRequired(true).setAutocomplete(true),
  );
}

function addSubjects(subcommand: SlashCommandSubcommandBuilder): SlashCommandSubcommandBuilder {
  return subcommand
    .addRoleOption((option) => option.setName("role").setDescription(define.role))
    .addUserOption((option) => option.setName("member").setDescription(define.member));
}

export const adminSetFlagCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("admin-set-flag")
    .setDescription(define.command)
    .setContexts(InteractionContextType.Guild)
    .setDefaultMemberPermissions(REQUIRED)
    .addSubcommand((subcommand) =>
      addSubjects(
        addFlag(subcommand.setName("set").setDescription(define.set)).addStringOption((option) =>
          option
            .setName("value")
            .setDescription(define.value)
            .setRequired(true)
            .setMaxLength(MAX_VALUE_LENGTH)
            .setAutocomplete(true),
        ),
      ),
    )
    .addSubcommand((subcommand) => subcommand.setName("list").setDescription(define.list))
    .addSubcommand((subcommand) => addSubjects(addFlag(subcommand.setName("clear").setDescription(define.clear))))
    .toJSON(),
  actions: {
    set: { database: "write", permissions: REQUIRED, execute: setFlag },
    list: { database: "read", permissions: REQUIRED, execute: listFlags },
    clear: { database: "write", permissions: REQUIRED, execute: clearFlag },
  },
  autocomplete: completeOption,
};

interface Subject {
  readonly subjectType: FlagSubjectType;
  /** Empty for the server. */
  readonly subjectId: string;
}

async function setFlag({ interaction, services, guildId, member }: CommandContext): Promise<Reply> {
  const { store, flags, texts } = services;
  const name = readFlagName(interaction, texts);
  const subject = readSubject(interaction, name, texts);
  const value = readValue(interaction, name, texts);
  const change = { guildId, actorId: member.id, name, ...subject, value };
  const { previousValue } = await flags.change(guildId, () => store.flags.set(change));
  const before = previousValue === null || previousValue === value ? undefined : formatFlagValue(name, previousValue);
  return { content: texts.admin.flags.set(name, formatFlagValue(name, value), formatSubject(subject, texts), before) };
}

async function clearFlag({ interaction, services, guildId, member }: CommandContext): Promise<Reply> {
  const { store, flags, texts } = services;
  const name = readFlagName(interaction, texts);
  const subject = readSubject(interaction, name, texts);
  const subjectText = formatSubject(subject, texts);
  try {
    await flags.change(guildId, () => store.flags.clear({ guildId, actorId: member.id, name, ...subject }));
  } catch (error) {
    if (isMusterError(error, "NOT_FOUND")) throw new Refusal(texts.admin.flags.notSet(name, subjectText));
    throw error;
  }
  return { content: texts.admin.flags.cleared(name, subjectText, texts.admin.flags.about[name].default) };
}

async function listFlags({ services, guildId }: CommandContext): Promise<Reply> {
  const records = await services.store.flags.list({ guildId });
  const embed: APIEmbed = createFlagListEmbed(records, services.texts);
  return { embeds: [embed] };
}

function readFlagName(interaction: ChatInputCommandInteraction, texts: Texts): FlagName {
  const given = interaction.options.getString("flag", true).trim().toLowerCase();
  if (isFlagName(given)) return given;
  throw new Refusal(texts.admin.flags.unknownFlag(escapeInline(truncate(given, MAX_SHOWN_LENGTH)), FLAG_NAMES));
}

function readSubject(interaction: ChatInputCommandInteraction<"cached">, name: FlagName, texts: Texts): Subject {
  const role = interaction.options.getRole("role");
  const user = interaction.options.getUser("member");
  if (role && user) throw new Refusal(texts.admin.flags.twoSubjects);
  if (role?.id === interaction.guildId) throw new Refusal(texts.admin.flags.everyoneRole);
  const subjectType = role ? "role" : user ? "member" : "server";
  const { subjects } = getFlagDefinition(name);
  if (!subjects.includes(subjectType)) throw new Refusal(texts.admin.flags.wrongSubject(name, subjectType, subjects));
  return { subjectType, subjectId: role?.id ?? user?.id ?? "" };
}

function readValue(interaction: ChatInputCommandInteraction<"cached">, name: FlagName, texts: Texts): string {
  const given = interaction.options.getString("value", true);
  const result = getFlagDefinition(name).parse(given, interaction.guild);
  if (result.ok) return result.value;
  if (result.problem === "missing-permissions") {
    throw new Refusal(texts.admin.flags.missingChannelPermissions(permissionNames(result.permissions)));
  }
  const { expected } = texts.admin.flags.about[name];
  throw new Refusal(texts.admin.flags.wrongValue(name, escapeInline(truncate(given, MAX_SHOWN_LENGTH)), expected));
}

type Choice = ApplicationCommandOptionChoiceData<string>;

async function completeOption(context: AutocompleteContext): Promise<Choice[]> {
  if (context.member.permissions.has(REQUIRED) === false) return [];
  return context.focused.name === "flag" ? completeFlag(context) : completeValue(context);
}

/** For `clear`, only what is set. */
async function completeFlag({ interaction, services, guildId, focused }: AutocompleteContext): Promise<Choice[]> {
  const { store, texts } = services;
  let names: readonly FlagName[] = FLAG_NAMES;
  if (interaction.options.getSubcommand() === "clear") {
    const records = await store.flags.list({ guildId });
    names = names.filter((name) => records.some((record) => record.name === name));
  }
  const choices = names.map((name) => ({
    name: truncate(texts.admin.flags.choice(name, texts.admin.flags.about[name].description), MAX_CHOICE_LENGTH),
    value: name,
  }));
  return searchChoices(choices, focused.value);
}

async function completeValue({ interaction, focused }: AutocompleteContext): Promise<Choice[]> {
  const name = interaction.options.getString("flag") ?? "";
  if (!isFlagName(name)) return [];
  return searchChoices(getFlagDefinition(name).listChoices?.(interaction.guild) ?? [], focused.value);
}

/** Those whose name has the text in it; a space finds what names of zones write as an underscore. */
function searchChoices(choices: readonly Choice[], text: string): Choice[] {
  const normalize = (value: string): string => value.trim().toLowerCase().replaceAll("_", " ");
  const wanted = normalize(text);
  return choices.filter(({ name }) => normalize(name).includes(wanted)).slice(0, MAX_CHOICES);
}
