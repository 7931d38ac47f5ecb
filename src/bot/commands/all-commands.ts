import type { Command } from "../command.ts";
import { adminAuditCommand } from "./admin-audit.ts";
import { adminSetFlagCommand } from "./admin-set-flag.ts";
import { dbbackupCommand } from "./dbbackup.ts";
import { dbhealthCommand } from "./dbhealth.ts";
import { eventCommand } from "./event.ts";
import { createHelpCommand } from "./help.ts";
import { mineCommand } from "./mine.ts";
import { mydataCommand } from "./mydata.ts";
import { pingCommand } from "./ping.ts";
import { remindersCommand } from "./reminders.ts";
import { statsCommand } from "./stats.ts";

/** Every slash command, in the order in which `/help` shows them. */
export function allCommands(): Command[] {
  const commands: Command[] = [
    ...[eventCommand, mineCommand, remindersCommand, mydataCommand],
    ...[adminAuditCommand, adminSetFlagCommand, dbbackupCommand, dbhealthCommand, statsCommand],
    pingCommand,
  ];
  return [...commands, createHelpCommand(commands)];
}
