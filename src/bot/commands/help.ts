import {
  InteractionContextType,
  PermissionFlagsBits,
  SlashCommandBuilder,
  type APIEmbed,
  type PermissionsBitField,
} from "discord.js";
import type { Command, CommandAction } from "../command.ts";
import { EMBED_LIMITS, joinWithin } from "../events/embed-limits.ts";
import { generalTexts } from "../texts/general-texts.ts";
import type { Texts } from "../texts/texts.ts";

const COLOUR = 0x5865f2;
const ADMIN_PERMISSIONS = PermissionFlagsBits.ManageGuild | PermissionFlagsBits.Administrator;

const GROUPS = ["everyone", "moderators", "admins"] as const;
type Group = (typeof GROUPS)[number];

/** `/help` over the commands given and itself: it shows what Discord is told of them, so it is never out of date. */
export function createHelpCommand(commands: readonly Command[]): Command {
  const helpCommand: Command = {
    definition: new SlashCommandBuilder()
      .setName("help")
      .setDescription(generalTexts.defineHelp)
      .setContexts(InteractionContextType.Guild)
      .toJSON(),
    actions: {
      "": {
        database: "none",
        async execute({ member, services: { texts } }) {
          return { embeds: [createHelpEmbed([...commands, helpCommand], member.permissions, texts)] };
        },
      },
    },
  };
  return helpCommand;
}

/** The commands that somebody with these permissions may use, by whom they are meant for. */
export function createHelpEmbed(
  commands: readonly Command[],
  permissions: Readonly<PermissionsBitField>,
  texts: Texts,
): APIEmbed {
  const { help } = texts.general;
  const allowed = commands.filter((command) => listAllowed(command, permissions).length > 0);
  const byGroup = Map.groupBy(allowed, findGroup);
  const fields = GROUPS.filter((group) => byGroup.has(group)).map((group) => ({
    name: help.groups[group],
    value: joinWithin(byGroup.get(group)!, {
      separator: "\n",
      maxLength: EMBED_LIMITS.fieldValue,
      format: (command) => describeCommand(command, permissions, texts),
      more: help.more,
    }),
  }));
  return { title: help.title, description: help.introduction, color: COLOUR, fields };
}

function listAllowed({ actions }: Command, permissions: Readonly<PermissionsBitField>): string[] {
  const isAllowed = ([, action]: [string, CommandAction]): boolean =>
    action.permissions === undefined || permissions.has(action.permissions);
  return Object.entries(actions)
    .filter(isAllowed)
    .map(([subcommand]) => subcommand);
}

/** A command is meant for those who may use the least guarded of its actions. */
function findGroup({ actions }: Command): Group {
  const needed = Object.values(actions).map((action) => action.permissions ?? 0n);
  if (needed.includes(0n)) return "everyone";
  return needed.every((permissions) => (permissions & ADMIN_PERMISSIONS) !== 0n) ? "admins" : "moderators";
}

function describeCommand(command: Command, permissions: Readonly<PermissionsBitField>, texts: Texts): string {
  const { name, description } = command.definition;
  const subcommands = listAllowed(command, permissions).filter((subcommand) => subcommand !== "");
  return texts.general.help.command(name, description, subcommands);
}
