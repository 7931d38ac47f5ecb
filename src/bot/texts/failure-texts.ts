import type { ErrorCode } from "../../core/errors.ts";

/** What a member is told when something fails: nothing technical, what it means for them, and what to do. */

const UNAVAILABLE = "The database is not available for the moment. Please try again shortly.";
const NOT_COMPLETED = "This was not completed, and nothing was changed. Please try again.";
const NOT_PROCESSED = "This request could not be processed. Please try again.";
const RECOVERING = "A problem with the stored data was found, and recovery is running. Please try again later.";
const UPDATING = "The database is being updated. Please wait a moment and try again.";
const READ_ONLY = "Nothing can be saved for the moment, only shown. An administrator has been told.";

const BY_CODE: Partial<Record<ErrorCode, string>> = {
  DATABASE_UNAVAILABLE: UNAVAILABLE,
  DATABASE_IO: UNAVAILABLE,
  DATABASE_BUSY: NOT_COMPLETED,
  TRANSACTION_FAILED: NOT_COMPLETED,
  OPERATION_TIMEOUT: "The database did not answer in time. Please look whether it was done before you try again.",
  DATABASE_FULL: READ_ONLY,
  DATABASE_READ_ONLY: READ_ONLY,
  DATABASE_CORRUPT: RECOVERING,
  SCHEMA_MISMATCH: UPDATING,
  SCHEMA_NEWER: UPDATING,
  MIGRATION_FAILED: "An update of the database failed. Please tell an administrator.",
  QUERY_FAILED: NOT_PROCESSED,
  CONSTRAINT_VIOLATED: "This contradicts what is stored already, so nothing was changed.",
  NOT_FOUND: "This does not exist any more.",
  CONFLICT: "This was changed by somebody else meanwhile. Please look again.",
  INPUT_INVALID: "One of the values is not allowed here.",
  DISCORD_REQUEST_FAILED: "Discord did not accept this. Please try again shortly.",
  SHUTTING_DOWN: "The bot is restarting. Please try again in a minute.",
};

export const failureTexts = {
  /** By error code; `reference` is what the log has. */
  forCode: (code: ErrorCode, reference: string): string =>
    `⚠️ ${BY_CODE[code] ?? "Something went wrong here."}\n-# Reference: \`${reference}\``,
  /** The database is away, and what was asked for needs it. */
  limitedWrite: "⚠️ Functionality is limited for the moment: nothing can be saved. Please try again shortly.",
  limitedRead: "⚠️ Functionality is limited for the moment: the data cannot be read. Please try again shortly.",
};
