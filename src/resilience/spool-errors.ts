import { MusterError, toError } from "../core/errors.ts";

/** What `error.code` says when a disk, or a user's share of it, is full. */
const NO_SPACE_CODES = ["ENOSPC", "EDQUOT"];
/** To take an operation apart and write it takes less than 10 ms at this size. */
const MAX_VALUE_BYTES = 1024 ** 2;

/** As it will be read after a restart: what the caller changes later, or JSON leaves out, makes no difference between the two. */
export function toPlainData<Value extends { readonly operation: string }>(value: Value): Value {
  const what = `save ${value.operation}: its parameters`;
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new MusterError("INPUT_INVALID", `${what} are not plain JSON data`, { cause: error });
  }
  if (Buffer.byteLength(text) > MAX_VALUE_BYTES) {
    throw new MusterError("INPUT_INVALID", `${what} are larger than ${MAX_VALUE_BYTES} bytes`);
  }
  return JSON.parse(text) as Value;
}

/** `doing` is what failed: "save events.create for later", "open the queue". */
export function createSpoolError(doing: string, error: unknown, folder: string): MusterError {
  const cause = toError(error) as NodeJS.ErrnoException;
  const isFull = NO_SPACE_CODES.includes(cause.code ?? "");
  const reason = isFull ? "the disk of the queue is full" : cause.message;
  return new MusterError("QUEUE_WRITE_FAILED", `${doing}: ${reason}`, {
    cause,
    hint: isFull ? `Free space on the disk that holds ${folder}.` : `Check that ${folder} can be read and written.`,
  });
}
