import { isMusterError, toError } from "../core/errors.ts";
import { sqliteCodeOf } from "./sqlite/error-classification.ts";

/** The kinds of constraint that a write can contradict. */
export type ConstraintKind = "UNIQUE" | "PRIMARYKEY" | "FOREIGNKEY" | "CHECK" | "NOTNULL" | "DATATYPE";

export interface ConstraintViolation {
  readonly kind: ConstraintKind;
  /** `table.column`, several columns with commas between, the name of an index, or the rule; never a value. */
  readonly subject?: string;
  /** Which constraint and why, in plain words, for the log. */
  readonly explanation: string;
}

/** By the extended result code (https://sqlite.org/rescode.html). */
const KIND_BY_CODE: Readonly<Record<string, ConstraintKind>> = {
  SQLITE_CONSTRAINT_UNIQUE: "UNIQUE",
  SQLITE_CONSTRAINT_PRIMARYKEY: "PRIMARYKEY",
  SQLITE_CONSTRAINT_ROWID: "PRIMARYKEY",
  SQLITE_CONSTRAINT_FOREIGNKEY: "FOREIGNKEY",
  SQLITE_CONSTRAINT_CHECK: "CHECK",
  SQLITE_CONSTRAINT_TRIGGER: "CHECK",
  SQLITE_CONSTRAINT_NOTNULL: "NOTNULL",
  SQLITE_CONSTRAINT_DATATYPE: "DATATYPE",
  SQLITE_MISMATCH: "DATATYPE",
};

const EXPLANATIONS: Readonly<Record<ConstraintKind, (subject: string) => string>> = {
  UNIQUE: (subject) => `must be unique${subject}: another row has this value already`,
  PRIMARYKEY: (subject) => `is the key${subject}: there is a row with this key already`,
  FOREIGNKEY: (subject) => `must refer to an existing row${subject}: the row it names is not there, or is still needed`,
  CHECK: (subject) => `must keep the rule${subject}: the value is outside what the rule allows`,
  NOTNULL: (subject) => `must be given${subject}: the value is missing`,
  DATATYPE: (subject) => `must have the column's type${subject}: the value has another`,
};

/** The SQLite result code of an error, on whichever side of a thread it was thrown. */
export function findSqliteCode(error: unknown): string | undefined {
  const code = isMusterError(error) ? error.details?.sqliteCode : sqliteCodeOf(error);
  if (typeof code === "string") return code;
  return error instanceof Error && error.cause !== undefined ? findSqliteCode(error.cause) : undefined;
}

/** Which constraint an error is about; undefined when it is about none. */
export function describeConstraint(error: unknown): ConstraintViolation | undefined {
  const kind = KIND_BY_CODE[findSqliteCode(error) ?? ""];
  if (kind === undefined) return undefined;
  const subject = findSubject(toError(error).message);
  const explanation = EXPLANATIONS[kind](subject === undefined ? "" : ` (${subject})`);
  return { kind, ...(subject === undefined ? {} : { subject }), explanation };
}

/** SQLite names what was contradicted in its text alone. Only the log and a finer sentence depend on it. */
function findSubject(message: string): string | undefined {
  const match = /constraint failed: (?:index '(.+)'|(.+))$/.exec(message) ?? /column (\w+\.\w+)$/.exec(message);
  return match?.[1] ?? match?.[2];
}
