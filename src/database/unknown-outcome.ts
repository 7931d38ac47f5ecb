import { isMusterError, MusterError, toError, type ErrorCode } from "../core/errors.ts";

/**
 * Writes of which nobody knows whether they were applied, or of which it is known that they were although they failed:
 * whoever asked must not be told that nothing was changed.
 */

/** Errors after which a write may have been applied, or may be yet, by a thread that was given up. */
const UNKNOWN_OUTCOME_CODES: readonly ErrorCode[] = [
  ...(["OPERATION_TIMEOUT", "DATABASE_UNAVAILABLE", "DATABASE_IO", "TRANSACTION_FAILED"] as const),
];

export function isOutcomeUnknown(error: unknown): boolean {
  return isMusterError(error, ...UNKNOWN_OUTCOME_CODES) || isMarkedUnknown(error);
}

/** The same error, for a write that was applied or may have been. */
export function markOutcomeUnknown(error: unknown): MusterError {
  const { message } = toError(error);
  const [code, hint, details] = isMusterError(error) ? [error.code, error.hint, error.details] : ["INTERNAL" as const];
  return new MusterError(code, message, {
    ...{ cause: error, details: { ...details, isOutcomeUnknown: true } },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Whether it was told so by whoever knows. */
export function isMarkedUnknown(error: unknown): boolean {
  return isMusterError(error) && error.details?.["isOutcomeUnknown"] === true;
}
