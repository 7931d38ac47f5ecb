import { PermissionFlagsBits, PermissionsBitField, SlashCommandBuilder } from "discord.js";
import type { Command } from "../../../src/bot/command.ts";
import { createHelpCommand, createHelpEmbed } from "../../../src/bot/commands/help.ts";
import { english } from "../../../src/bot/texts/texts.ts";

function createCommand(name: string, permissionsByAction: Readonly<Record<string, bigint | undefined>>): Command {
  const actions = Object.entries(permissionsByAction).map(([subcommand, permissions]) => [
    subcommand,
    { database: "none", execute: async () => ({}), ...(permissions === undefined ? {} : { permissions }) },
  ]);
  return {
    definition: new SlashCommandBuilder().setName(name).setDescription(`About ${name}`).toJSON(),
    actions: Object.fromEntries(actions) as Command["actions"],
  };
}

const COMMANDS = [
  createCommand("open", { "": undefined }),
  createCommand("mixed", { list: undefined, remove: PermissionFlagsBits.ManageEvents }),
  createCommand("moderate", { "": PermissionFlagsBits.ModerateMembers }),
  createCommand("govern", { set: PermissionFlagsBits.ManageGuild, list: PermissionFlagsBits.ManageGuild }),
];

function helpFor(permissions: bigint): Record<string, string[]> {
  const { fields = [] } = createHelpEmbed(COMMANDS, new PermissionsBitField(permissions), english);
  return Object.fromEntries(fields.map(({ name, value }) => [name, value.split("\n")]));
}

describe("/help", () => {
  it("lists only what a member may use", () => {
    expect(helpFor(0n)).toEqual({
      "For everyone": ["**/open** – About open", "**/mixed** `list` – About mixed"],
    });
  });

  it("lists in groups what moderators and administrators may use besides", () => {
    expect(helpFor(PermissionFlagsBits.ModerateMembers | PermissionFlagsBits.ManageEvents)).toEqual({
      "For everyone": ["**/open** – About open", "**/mixed** `list` `remove` – About mixed"],
      "For moderators": ["**/moderate** – About moderate"],
    });
    expect(helpFor(PermissionFlagsBits.Administrator)["For administrators"]).toEqual([
      "**/govern** `set` `list` – About govern",
    ]);
  });

  it("needs no database", () => {
    expect(createHelpCommand(COMMANDS).actions[""]?.database).toBe("none");
  });
});
