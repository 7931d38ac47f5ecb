import { ERROR_CODES, isMusterError, type ErrorCode } from "../core/errors.ts";
import { createReference } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import type { ErrorBody } from "./api-types.ts";

/** A request that is not answered, with a reason that whoever asked may read as it stands. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.name = "HttpRefusal";
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorBody;
}

const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  INPUT_INVALID: 400,
  NOT_FOUND: 404,
  BACKUP_NOT_FOUND: 404,
  CONFLICT: 409,
  BACKUP_DAMAGED: 409,
  BACKUP_KEY_WRONG: 409,
  DATABASE_UNAVAILABLE: 503,
  DATABASE_READ_ONLY: 503,
  DATABASE_BUSY: 503,
  DATABASE_FULL: 503,
  DATABASE_CORRUPT: 503,
  DATABASE_MISSING: 503,
  DATABASE_IO: 503,
  OPERATION_TIMEOUT: 503,
  SHUTTING_DOWN: 503,
  SCHEMA_MISMATCH: 503,
  SCHEMA_NEWER: 503,
  MIGRATION_PENDING: 503,
};

/** What the server below the routes refuses, in our own words: its own may quote what was sent. */
const REFUSED_BY_SERVER: Readonly<Record<number, readonly [code: string, message: string]>> = {
  400: ["REQUEST_INVALID", "The request could not be understood."],
  404: ["NOT_FOUND", "There is nothing at this address."],
  413: ["REQUEST_TOO_LARGE", "The request is larger than any that has a meaning here."],
  414: ["REQUEST_TOO_LARGE", "The address is longer than any that has a meaning here."],
  415: ["REQUEST_INVALID", "The body of a request has to be JSON, with the content type application/json."],
  429: ["TOO_MANY_REQUESTS", "Too many requests from this address: wait a minute."],
};

/**
 * What goes out for a failure. Messages of errors are for the log: they may name folders, statements or values. Whoever
 * asked gets what the error's code means, and a reference under which the log has the rest.
 */
export function toErrorAnswer(error: unknown, logger: Logger, route: string): ErrorAnswer {
  if (error instanceof HttpRefusal) {
    const { status, code, message, hint } = error;
    return { status, body: { error: { code, message, ...(hint === undefined ? {} : { hint }) } } };
  }
  const refused = REFUSED_BY_SERVER[statusOf(error)];
  if (refused) return { status: statusOf(error), body: { error: { code: refused[0], message: refused[1] } } };
  const { code, message, reference } = describeFailure(error, logger, { route });
  return { status: STATUS_BY_CODE[code] ?? 500, body: { error: { code, message, reference } } };
}

export interface FailureWords {
  readonly code: ErrorCode;
  readonly message: string;
  readonly reference: string;
}

/** Logs a failure under a new reference; what is returned may be shown to anybody. */
export function describeFailure(
  error: unknown,
  logger: Logger,
  fields: Readonly<Record<string, unknown>>,
): FailureWords {
  const reference = createReference();
  const code = isMusterError(error) ? error.code : "INTERNAL";
  const isOurFault = (STATUS_BY_CODE[code] ?? 500) === 500;
  logger[isOurFault ? "error" : "warn"]("a request to the monitor failed", { reference, ...fields, error });
  return { code, message: `${ERROR_CODES[code]}.`, reference };
}

function statusOf(error: unknown): number {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return !isMusterError(error) && typeof status === "number" ? status : 0;
}
