import { MusterError, toError, type ErrorCode } from "../../core/errors.ts";

/** What SQLite reports, told apart by its result code (https://sqlite.org/rescode.html), never by its text. */
const CODE_BY_PRIMARY: Readonly<Record<string, ErrorCode>> = {
  SQLITE_BUSY: "DATABASE_BUSY",
  SQLITE_LOCKED: "DATABASE_BUSY",
  SQLITE_PROTOCOL: "DATABASE_BUSY",
  SQLITE_FULL: "DATABASE_FULL",
  SQLITE_READONLY: "DATABASE_READ_ONLY",
  SQLITE_PERM: "DATABASE_READ_ONLY",
  SQLITE_CORRUPT: "DATABASE_CORRUPT",
  SQLITE_NOTADB: "DATABASE_CORRUPT",
  SQLITE_IOERR: "DATABASE_IO",
  SQLITE_CANTOPEN: "DATABASE_UNAVAILABLE",
  SQLITE_NOMEM: "DATABASE_UNAVAILABLE",
  SQLITE_INTERRUPT: "DATABASE_UNAVAILABLE",
  SQLITE_ABORT: "TRANSACTION_FAILED",
  SQLITE_SCHEMA: "TRANSACTION_FAILED",
  SQLITE_CONSTRAINT: "CONSTRAINT_VIOLATED",
  SQLITE_MISMATCH: "CONSTRAINT_VIOLATED",
  SQLITE_TOOBIG: "CONSTRAINT_VIOLATED",
};

const HINT_BY_CODE: Partial<Record<ErrorCode, string>> = {
  DATABASE_BUSY: "Another program is writing to the file; close it, or wait until it is done.",
  DATABASE_FULL: "Free space on the disk that holds the database.",
  DATABASE_READ_ONLY:
    "Check the owner and permissions of the file and its folder, and that the disk is mounted writable.",
  DATABASE_CORRUPT: "The bot recovers it by itself where it can (docs/restore.md); keep the damaged file.",
  DATABASE_IO: "Check the disk: the operating system failed to read or write the file.",
  DATABASE_UNAVAILABLE: "Check that the file and its folder exist and can be opened by the bot's user.",
};

/** The result code an error carries: better-sqlite3 sets `code` to the extended code's name. */
export function sqliteCodeOf(error: unknown): string | undefined {
  // By its shape, not its class: an error may come from another realm, whose classes are not ours.
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && code.startsWith("SQLITE_") ? code : undefined;
}

/** Whether the operating system refused something: a folder to be created, a file to be opened. */
function isSystemError(error: unknown): boolean {
  return typeof error === "object" && error !== null && "syscall" in error;
}

/** The part before the extension: `SQLITE_IOERR_WRITE` → `SQLITE_IOERR`. */
function primaryCode(sqliteCode: string): string {
  return sqliteCode.split("_").slice(0, 2).join("_");
}

function codeOf(error: unknown, sqliteCode: string | undefined): ErrorCode {
  if (sqliteCode !== undefined) return CODE_BY_PRIMARY[primaryCode(sqliteCode)] ?? "QUERY_FAILED";
  return isSystemError(error) ? "DATABASE_UNAVAILABLE" : "INTERNAL";
}

/** Any error thrown while using SQLite, as a MusterError that names what was being done. One that already is stays as it is. */
export function classifySqliteError(error: unknown, activity: string): MusterError {
  if (error instanceof MusterError) return error;
  const sqliteCode = sqliteCodeOf(error);
  const code = codeOf(error, sqliteCode);
  const hint = HINT_BY_CODE[code];
  return new MusterError(code, `${activity}: ${toError(error).message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    ...(sqliteCode === undefined ? {} : { details: { sqliteCode } }),
  });
}
