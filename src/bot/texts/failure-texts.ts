import type { ErrorCode } from "../../core/errors.ts";
import { describeConstraint, type ConstraintKind } from "../../database/constraint-violation.ts";
import { ERROR_CLASSES, type DatabaseErrorType } from "../../database/error-classes.ts";
import { isMarkedUnknown } from "../../database/unknown-outcome.ts";

/** What a member is told when something fails: nothing technical, what it means for them, and what to do. */

const BY_TYPE: Readonly<Record<DatabaseErrorType, string>> = {
  CONNECTION_LOST: "The database is not available for the moment. Please try again shortly.",
  QUERY_FAILED: "This request could not be processed. Please try again.",
  SCHEMA_MISMATCH: "The database is being updated. Please wait a moment and try again.",
  TRANSACTION_FAILED: "This was not completed, and nothing was changed. Please try again.",
  CORRUPTION_DETECTED: "A problem with the stored data was found, and recovery is running. Please try again later.",
  BACKUP_FAILED: "The backup did not succeed. The data is safe. Please tell an administrator.",
  MIGRATION_FAILED: "An update of the database failed. Please tell an administrator.",
};

const READ_ONLY = "Nothing can be saved for the moment, only shown. An administrator has been told.";

/** Where more is known than the type says, or where the database is not at fault. */
const BY_CODE: Partial<Record<ErrorCode, string>> = {
  QUERY_FAILED: BY_TYPE.QUERY_FAILED,
  OPERATION_TIMEOUT: "The database did not answer in time. Please look whether it was done before you try again.",
  DATABASE_FULL: READ_ONLY,
  DATABASE_READ_ONLY: READ_ONLY,
  CONSTRAINT_VIOLATED: "This contradicts what is stored already, so nothing was changed.",
  NOT_FOUND: "This does not exist any more.",
  CONFLICT: "This was changed by somebody else meanwhile. Please look again.",
  INPUT_INVALID: "One of the values is not allowed here.",
  DISCORD_REQUEST_FAILED: "Discord did not accept this. Please try again shortly.",
  QUEUE_FULL:
    "The database is away, and no more can be kept for it. Nothing was changed. Please tell an administrator.",
  QUEUE_WRITE_FAILED: "This could not be saved, and nothing was changed. Please tell an administrator.",
  SHUTTING_DOWN: "The bot is restarting. Please try again in a minute.",
};

const BY_CONSTRAINT: Readonly<Record<ConstraintKind, string>> = {
  UNIQUE: "There is one like this already, and there can be only one, so nothing was changed.",
  PRIMARYKEY: "This is stored already, so nothing was changed.",
  FOREIGNKEY: "This belongs to something that does not exist any more, so nothing was changed.",
  CHECK: "One of the values is outside what is allowed here, so nothing was changed.",
  NOTNULL: "Something that is needed for this is missing, so nothing was changed.",
  DATATYPE: "One of the values is of the wrong kind, so nothing was changed.",
};

/** Constraints of Muster's own tables, by their columns, of which a clearer sentence than the kind's can be said. */
const BY_CONSTRAINT_SUBJECT: Readonly<Record<string, string>> = {
  "event.message_id": "That message belongs to an event already, so nothing was changed.",
  "reaction.event_id, reaction.user_id, reaction.emoji": "This answer is recorded already, so nothing was changed.",
};

const UNCERTAIN = "It is not certain whether this was saved. Please look before you try again.";
const GENERAL = "Something went wrong here.";

function explain(code: ErrorCode, error: unknown): string {
  if (isMarkedUnknown(error)) return UNCERTAIN;
  const constraint = code === "CONSTRAINT_VIOLATED" ? describeConstraint(error) : undefined;
  if (constraint) return BY_CONSTRAINT_SUBJECT[constraint.subject ?? ""] ?? BY_CONSTRAINT[constraint.kind];
  const { type, isDatabaseFault } = ERROR_CLASSES[code];
  return BY_CODE[code] ?? (isDatabaseFault ? BY_TYPE[type] : GENERAL);
}

function format(sentence: string, reference: string): string {
  return `⚠️ ${sentence}\n-# Reference: \`${reference}\``;
}

const LIMITED: Readonly<Record<"read" | "write", string>> = {
  write: "Functionality is limited for the moment: this cannot be saved now. Please try again shortly.",
  read: "Functionality is limited for the moment: the data cannot be read now. Please try again shortly.",
};

export const failureTexts = {
  /** By error code; `reference` is what the log has. With the error itself, a contradicted constraint is explained. */
  forCode: (code: ErrorCode, reference: string, error?: unknown): string => format(explain(code, error), reference),
  /** For failures that have no code of their own, such as a backup's. */
  forType: (type: DatabaseErrorType, reference: string): string => format(BY_TYPE[type], reference),
  /** By the columns of a constraint; a test holds them equal to the tables. */
  byConstraintSubject: BY_CONSTRAINT_SUBJECT,
  /** The database is away, and what was asked for needs it. */
  limited: (need: "read" | "write", reference: string): string => format(LIMITED[need], reference),
  /** Below a reply whose change waits in the queue. */
  savedForLater: "-# 💾 The database is away for the moment. This is saved, and will be applied when it is back.",
  /** Below an answer that is not the newest. */
  asOf: (moment: string): string => `-# 🕓 The database is away for the moment. This is what was known ${moment}.`,
  /** To a server's own people, once when it begins and once when it is over. */
  limitedNotice: (kind: "read-only" | "offline"): string =>
    kind === "read-only"
      ? "⚠️ Functionality is limited: the data can be shown, but changes wait. Answers by reaction are kept and will be applied."
      : "⚠️ Functionality is limited: the database is not available. Answers by reaction are kept and will be applied.",
  restoredNotice: (durationText: string): string =>
    `✅ Everything works again, after ${durationText}. What waited is being applied.`,
  /** The bot's own status while functionality is limited, for everybody to see. */
  limitedStatus: "⚠️ limited for the moment, answers are kept",
};
