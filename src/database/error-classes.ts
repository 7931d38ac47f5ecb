import type { ErrorCode } from "../core/errors.ts";
import type { ErrorSeverity } from "../resilience/retry-manager.ts";

/** What a failure means for whoever meets it; each has its own sentence for members. */
export type DatabaseErrorType =
  | "CONNECTION_LOST"
  | "QUERY_FAILED"
  | "SCHEMA_MISMATCH"
  | "TRANSACTION_FAILED"
  | "CORRUPTION_DETECTED"
  | "BACKUP_FAILED"
  | "MIGRATION_FAILED";

/** Which part of the work failed, as kept in a record. */
export type ErrorRecordType = "CONNECTION" | "QUERY" | "SCHEMA" | "TRANSACTION";

export interface ErrorClass {
  readonly type: DatabaseErrorType;
  readonly recordType: ErrorRecordType;
  readonly severity: ErrorSeverity;
  /** The database failed, rather than the request or the program: it counts for the breaker and for health. */
  readonly isDatabaseFault: boolean;
  /** Whether, and how, the same call may succeed when it is tried again. */
  readonly isRetryable: false | "at-once" | "backoff";
}

const RETRY_BY_SEVERITY = { LOW: "at-once", MEDIUM: "backoff", HIGH: false, CRITICAL: false } as const;

function fault(type: DatabaseErrorType, recordType: ErrorRecordType, severity: ErrorSeverity): ErrorClass {
  return { type, recordType, severity, isDatabaseFault: true, isRetryable: RETRY_BY_SEVERITY[severity] };
}

/** The database did what it should: trying the same again would end the same way. */
function noFault(recordType: ErrorRecordType, severity: ErrorSeverity): ErrorClass {
  return { type: "QUERY_FAILED", recordType, severity, isDatabaseFault: false, isRetryable: false };
}

/** The request cannot be granted: nobody needs to do anything. */
const REFUSED = noFault("QUERY", "LOW");
/** A mistake of the program or its settings, or another service's failure. */
const NOT_OURS = noFault("QUERY", "HIGH");

/** The data is there, a copy of it is not: somebody has to look, and the breaker has nothing to do with it. */
const BACKUP: ErrorClass = { ...noFault("QUERY", "HIGH"), type: "BACKUP_FAILED" };

/**
 * Every code, so that a new one has to be decided on here. A retry after DATABASE_IO or OPERATION_TIMEOUT, whose outcome
 * is unknown, is safe because a write is applied once for its operation id.
 */
export const ERROR_CLASSES: Readonly<Record<ErrorCode, ErrorClass>> = {
  DATABASE_UNAVAILABLE: fault("CONNECTION_LOST", "CONNECTION", "MEDIUM"),
  DATABASE_IO: fault("CONNECTION_LOST", "CONNECTION", "MEDIUM"),
  OPERATION_TIMEOUT: fault("CONNECTION_LOST", "CONNECTION", "MEDIUM"),
  DATABASE_BUSY: fault("TRANSACTION_FAILED", "TRANSACTION", "MEDIUM"),
  TRANSACTION_FAILED: fault("TRANSACTION_FAILED", "TRANSACTION", "LOW"),
  DATABASE_READ_ONLY: fault("TRANSACTION_FAILED", "TRANSACTION", "HIGH"),
  DATABASE_FULL: fault("TRANSACTION_FAILED", "TRANSACTION", "HIGH"),
  DATABASE_CORRUPT: fault("CORRUPTION_DETECTED", "CONNECTION", "CRITICAL"),
  DATABASE_MISSING: fault("CORRUPTION_DETECTED", "CONNECTION", "CRITICAL"),
  // A statement that cannot work says nothing about the database: it must not take the others' service away.
  QUERY_FAILED: noFault("QUERY", "HIGH"),
  SCHEMA_MISMATCH: fault("SCHEMA_MISMATCH", "SCHEMA", "HIGH"),
  SCHEMA_NEWER: fault("SCHEMA_MISMATCH", "SCHEMA", "CRITICAL"),
  MIGRATION_PENDING: fault("SCHEMA_MISMATCH", "SCHEMA", "HIGH"),
  MIGRATION_FAILED: fault("MIGRATION_FAILED", "SCHEMA", "HIGH"),
  BACKUP_FAILED: BACKUP,
  BACKUP_NOT_FOUND: REFUSED,
  BACKUP_DAMAGED: BACKUP,
  BACKUP_KEY_WRONG: BACKUP,
  SQLITE_TOO_OLD: fault("CONNECTION_LOST", "CONNECTION", "CRITICAL"),
  INSTANCE_LOCKED: fault("CONNECTION_LOST", "CONNECTION", "CRITICAL"),
  NOT_FOUND: REFUSED,
  CONFLICT: REFUSED,
  INPUT_INVALID: REFUSED,
  CONSTRAINT_VIOLATED: REFUSED,
  SHUTTING_DOWN: noFault("CONNECTION", "LOW"),
  // The database is away already, and now its queue takes no more: somebody has to look.
  QUEUE_FULL: noFault("CONNECTION", "HIGH"),
  QUEUE_WRITE_FAILED: noFault("CONNECTION", "HIGH"),
  OPERATION_UNKNOWN: NOT_OURS,
  CONFIG_INVALID: NOT_OURS,
  NODE_TOO_OLD: NOT_OURS,
  DISCORD_LOGIN_FAILED: NOT_OURS,
  DISCORD_REQUEST_FAILED: NOT_OURS,
  INTERNAL: NOT_OURS,
};
