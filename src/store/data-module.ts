import { integrityOperations } from "../database/integrity/integrity-operations.ts";
import { auditOperations } from "./audit.ts";
import { eventOperations } from "./events.ts";
import { flagOperations } from "./flags.ts";
import { guildOperations } from "./guilds.ts";
import { memberDataOperations } from "./member-data.ts";
import { firstTables } from "./migrations/001-first-tables.ts";
import { commandUsage } from "./migrations/002-command-usage.ts";
import { reactionOperations } from "./reactions.ts";
import { reminderOperations } from "./reminders.ts";
import { usageOperations } from "./usage.ts";
import { userOperations } from "./users.ts";

/** What Muster keeps: the operations and migrations that the database layer, and its threads, are given by URL. */

export const operations = {
  guilds: guildOperations,
  users: userOperations,
  events: eventOperations,
  reactions: reactionOperations,
  reminders: reminderOperations,
  flags: flagOperations,
  audit: auditOperations,
  memberData: memberDataOperations,
  usage: usageOperations,
  integrity: integrityOperations,
};

export const migrations = [firstTables, commandUsage];

export const DATA_MODULE_URL = import.meta.url;
