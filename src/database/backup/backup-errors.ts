import { isMusterError, MusterError, toError } from "../../core/errors.ts";

const FULL_CODES: readonly (string | undefined)[] = ["ENOSPC", "EDQUOT"];
/** Not there, or the disk cannot read it: not something that comes back by itself. */
const LOST_CODES: readonly (string | undefined)[] = ["ENOENT", "EIO"];

export function createDamage(message: string, cause?: unknown): MusterError {
  return new MusterError("BACKUP_DAMAGED", message, {
    hint: "Use another backup, and check the disk that holds them.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** BACKUP_FAILED that says what was being done, unless the error has a code of ours already. */
export function toWriteError(error: unknown, activity: string): MusterError {
  if (isMusterError(error)) return error;
  const cause = toError(error);
  const hint = FULL_CODES.includes((cause as NodeJS.ErrnoException).code)
    ? "Free space on the disk that holds the backups, or keep fewer of them."
    : "Check that the folder of the backups exists and belongs to the bot's user, and the disk's health.";
  return new MusterError("BACKUP_FAILED", `${activity}: ${cause.message}`, { cause, hint });
}

/** Damage when the file is lost or the disk cannot read it, BACKUP_FAILED for what may pass. */
export function toReadError(error: Error, path: string): MusterError {
  const isLost = LOST_CODES.includes((error as NodeJS.ErrnoException).code);
  return isLost ? createDamage(`read ${path}: ${error.message}`, error) : toWriteError(error, `read ${path}`);
}
