import type { ErrorBody } from "../api-types.ts";

/** Statuses that may be others the next time. */
const TEMPORARY_STATUSES: readonly number[] = [502, 503, 504];

/** An answer that is not what was asked for; status 0 means that there was none. */
export class MonitorError extends Error {
  readonly status: number;
  /** The server's, or UNREACHABLE, TIMEOUT, BREAKER_OPEN, or ANSWER_INVALID for what is not a monitor's answer. */
  readonly code: string;
  readonly hint: string | undefined;
  readonly reference: string | undefined;

  constructor(status: number, { code, message, hint, reference }: ErrorBody["error"], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "MonitorError";
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.reference = reference;
  }

  /** Whether asking again soon may help. */
  get isTemporary(): boolean {
    return this.code === "UNREACHABLE" || this.code === "TIMEOUT" || TEMPORARY_STATUSES.includes(this.status);
  }
}

/** Reads the reason out of an answer; one that has none was not given by a monitor. */
export async function toMonitorError(response: Response): Promise<MonitorError> {
  const body: unknown = await response.json().catch(() => undefined);
  if (isErrorBody(body)) return new MonitorError(response.status, body.error);
  return new MonitorError(response.status, {
    code: "ANSWER_INVALID",
    message: `The answer was status ${response.status}, and not one of the monitor.`,
  });
}

function isErrorBody(body: unknown): body is ErrorBody {
  const { error } = (body ?? {}) as Partial<ErrorBody>;
  return typeof error?.code === "string" && typeof error.message === "string";
}
