import { inspect, types } from "node:util";

/** Every way Muster fails that someone can act on. `docs/errors.md` lists them; a test holds both equal. */
export const ERROR_CODES = {
  CONFIG_INVALID: "One or more settings have a value that is not allowed",
  NODE_TOO_OLD: "The Node.js that runs the program is older than it needs",
  SQLITE_TOO_OLD: "The SQLite library has a known data-losing fault",
  INSTANCE_LOCKED: "Another running bot holds the same data folder",
  INPUT_INVALID: "An operation was given a value outside what its schema allows",
  OPERATION_UNKNOWN: "An operation was asked for that the operations module does not list",
  NOT_FOUND: "The thing asked for does not exist",
  CONFLICT: "The change contradicts what is stored",
  DATABASE_UNAVAILABLE: "The database cannot be reached for the moment",
  DATABASE_READ_ONLY: "The database can be read but not written",
  DATABASE_BUSY: "Another process holds the write lock",
  DATABASE_FULL: "The disk, or the size allowed for the database, is full",
  DATABASE_CORRUPT: "The database file is damaged or not a database",
  DATABASE_MISSING: "The database file is gone, although there was one",
  DATABASE_IO: "The operating system failed to read or write the database file",
  CONSTRAINT_VIOLATED: "A value contradicts a constraint of the database",
  QUERY_FAILED: "A statement failed for a reason that repeating it will not change",
  TRANSACTION_FAILED: "A transaction could not be completed and was undone",
  SCHEMA_MISMATCH: "The tables on disk are not those the program expects",
  SCHEMA_NEWER: "The database was written by a newer version of the program",
  MIGRATION_PENDING: "The database waits for the backup that is made before a migration",
  MIGRATION_FAILED: "A migration failed and was undone",
  BACKUP_FAILED: "A backup could not be made",
  BACKUP_NOT_FOUND: "The backup asked for does not exist",
  BACKUP_DAMAGED: "A backup is not what was stored, so it cannot be relied on",
  BACKUP_KEY_WRONG: "A backup is encrypted, and the key given is not the one it was made with",
  OPERATION_TIMEOUT: "The answer did not come in time; the outcome is unknown until it is asked for again",
  QUEUE_FULL: "The queue of writes that wait for the database holds as many as it may",
  QUEUE_WRITE_FAILED: "A write could not be saved to the queue's folder",
  SHUTTING_DOWN: "The program is stopping and takes no new work",
  DISCORD_LOGIN_FAILED: "Discord refused the bot's token or its intents",
  DISCORD_REQUEST_FAILED: "A request to Discord failed",
  INTERNAL: "A fault in the program itself",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface MusterErrorOptions {
  /** What the operator or caller can do about it, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Plain data for the log: never secrets, never personal data. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error class of the program. The message says what was being done, then why it failed. */
export class MusterError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: MusterErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "MusterError";
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }
}

export function isMusterError(error: unknown, ...codes: readonly ErrorCode[]): error is MusterError {
  return error instanceof MusterError && (codes.length === 0 || codes.includes(error.code));
}

/** Anything thrown, as an Error; never throws itself, or it would hide the failure that it is to tell of. */
export function toError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(describeThrown(thrown));
}

function isError(thrown: unknown): thrown is Error {
  // An error of another realm (a vm context) is no instance of this one's class.
  if (types.isNativeError(thrown)) return true;
  try {
    return thrown instanceof Error;
  } catch {
    // A proxy may refuse to be looked at.
    return false;
  }
}

function describeThrown(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    // Without a prototype there is no toString, and one that is there may throw.
  }
  try {
    return `something without a text was thrown: ${inspect(thrown, { customInspect: false })}`;
  } catch {
    return `something without a text was thrown: ${typeof thrown}`;
  }
}
