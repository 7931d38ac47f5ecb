import { InteractionContextType, SlashCommandBuilder } from "discord.js";
import type { Command } from "../command.ts";
import { myDataTexts } from "../texts/my-data-texts.ts";
import { askForDeletion, cancelDeletion, confirmDeletion } from "./mydata/delete.ts";
import { CANCEL_BUTTON, DELETE_BUTTON } from "./mydata/deletion-question.ts";
import { exportMyData } from "./mydata/export.ts";

const { define } = myDataTexts;

/** It goes through all events of the server. */
const EXPORT_COOLDOWN_MS = 30_000;

export const mydataCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("mydata")
    .setDescription(define.command)
    .setContexts(InteractionContextType.Guild)
    .addSubcommand((subcommand) => subcommand.setName("export").setDescription(define.export))
    .addSubcommand((subcommand) => subcommand.setName("delete").setDescription(define.delete))
    .toJSON(),
  actions: {
    export: { database: "read", cooldownMs: EXPORT_COOLDOWN_MS, execute: exportMyData },
    delete: { database: "write", execute: askForDeletion },
  },
  buttons: {
    [DELETE_BUTTON]: { database: "write", execute: confirmDeletion },
    [CANCEL_BUTTON]: { database: "none", execute: cancelDeletion },
  },
};
