import { InteractionContextType, PermissionFlagsBits, SlashCommandBuilder } from "discord.js";
import { COMMENT_LIMIT } from "../../database/backup/snapshot-manifest.ts";
import type { Command, CommandAction } from "../command.ts";
import { adminTexts } from "../texts/admin-texts.ts";
import { completeBackup } from "./dbbackup/backup-choices.ts";
import { createBackup } from "./dbbackup/create.ts";
import { listBackups } from "./dbbackup/list.ts";
import { cancelRestore, CANCEL_BUTTON, confirmRestore, RESTORE_BUTTON } from "./dbbackup/restore-confirmation.ts";
import { askForRestore } from "./dbbackup/restore.ts";
import { verifyBackup } from "./dbbackup/verify.ts";

/** Backups are of the whole bot, not of one server. */
const REQUIRED = PermissionFlagsBits.Administrator;
const MAX_MOMENT_LENGTH = 100;
const MAX_ID_LENGTH = 100;

const { define } = adminTexts.backup;

/** They talk to what makes backups, not to the database, and so they work in every state of it. */
const REQUIREMENTS = { database: "none", permissions: REQUIRED } as const;

function createAction(execute: CommandAction["execute"]): CommandAction {
  return { ...REQUIREMENTS, execute };
}

export const dbbackupCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("dbbackup")
    .setDescription(define.command)
    .setContexts(InteractionContextType.Guild)
    .setDefaultMemberPermissions(REQUIRED)
    .addSubcommand((subcommand) =>
      subcommand
        .setName("create")
        .setDescription(define.create)
        .addStringOption((option) =>
          option.setName("comment").setDescription(define.comment).setMaxLength(COMMENT_LIMIT),
        ),
    )
    .addSubcommand((subcommand) => subcommand.setName("list").setDescription(define.list))
    .addSubcommand((subcommand) =>
      subcommand
        .setName("verify")
        .setDescription(define.verify)
        .addStringOption((option) =>
          option
            .setName("backup")
            .setDescription(define.backup)
            .setRequired(true)
            .setMaxLength(MAX_ID_LENGTH)
            .setAutocomplete(true),
        ),
    )
    .addSubcommand((subcommand) =>
      subcommand
        .setName("restore")
        .setDescription(define.restore)
        .addStringOption((option) =>
          option.setName("backup").setDescription(define.backup).setMaxLength(MAX_ID_LENGTH).setAutocomplete(true),
        )
        .addStringOption((option) => option.setName("at").setDescription(define.at).setMaxLength(MAX_MOMENT_LENGTH)),
    )
    .toJSON(),
  actions: {
    create: createAction(createBackup),
    list: createAction(listBackups),
    verify: createAction(verifyBackup),
    restore: createAction(askForRestore),
  },
  buttons: {
    [RESTORE_BUTTON]: { ...REQUIREMENTS, execute: confirmRestore },
    [CANCEL_BUTTON]: { ...REQUIREMENTS, execute: cancelRestore },
  },
  autocomplete: (context) => (context.member.permissions.has(REQUIRED) ? completeBackup(context) : Promise.resolve([])),
};
