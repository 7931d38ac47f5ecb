import type {
  HealthReport,
  HealthSample,
  OperationRow,
  SlowQuery,
  Suggestion,
} from "../../../database/health/health-types.ts";
import type {
  AlertRow,
  BackupRow,
  ErrorBody,
  ErrorRow,
  JobReport,
  QueueReport,
  RecoveryRow,
  RestorePlanReport,
  RestoreRequest,
  UsageReport,
} from "../../api-types.ts";
import { getToken } from "./session-token.ts";

/** An answer that is not what was asked for; status 0 means that there was none. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly reference: string | undefined;

  constructor(status: number, body: ErrorBody["error"]) {
    super(body.message);
    this.name = "ApiError";
    this.status = status;
    this.code = body.code;
    this.hint = body.hint;
    this.reference = body.reference;
  }
}

const REQUEST_TIMEOUT_MS = 15_000;

/** Relative to the page, which may lie in a folder of a proxy. */
export function urlOf(path: string): URL {
  return new URL(path.replace(/^\//, ""), document.baseURI);
}

export function authorization(): Record<string, string> {
  const token = getToken();
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = { accept: "application/json", ...authorization(), ...(init.headers as Record<string, string>) };
  let response: Response;
  try {
    response = await fetch(urlOf(path), { ...init, headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  } catch {
    throw new ApiError(0, { code: "UNREACHABLE", message: "The bot does not answer." });
  }
  if (!response.ok) throw await toApiError(response);
  return (await response.json()) as T;
}

/** Reads the reason out of an answer that is not what was asked for. */
export async function toApiError(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as ErrorBody;
    return new ApiError(response.status, error);
  } catch {
    return new ApiError(response.status, { code: "HTTP", message: `The bot answered with status ${response.status}.` });
  }
}

function post<T>(path: string, body: unknown): Promise<T> {
  return request<T>(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

function orNone(error: unknown): [] {
  if (error instanceof ApiError && error.status === 404) return [];
  throw error;
}

export const api = {
  health: () => request<HealthReport>("health"),
  samples: (from: number, to: number) => request<HealthSample[]>(`api/samples?from=${from}&to=${to}`),
  operations: () => request<OperationRow[]>("api/operations"),
  slowQueries: () => request<SlowQuery[]>("api/slow-queries"),
  suggestions: () => request<Suggestion[]>("api/suggestions"),
  errors: () => request<ErrorRow[]>("api/errors"),
  recoveryActions: () => request<RecoveryRow[]>("api/recovery-actions"),
  /** None when the bot does not tell of alerts. */
  alerts: () => request<AlertRow[]>("api/alerts").catch(orNone),
  backups: () => request<BackupRow[]>("api/backups"),
  queue: () => request<QueueReport>("api/queue"),
  usage: (from: number, to: number) => request<UsageReport>(`api/usage?from=${from}&to=${to}`),
  job: (id: string) => request<JobReport>(`api/jobs/${encodeURIComponent(id)}`),
  createBackup: (comment: string) => post<JobReport>("api/backups", comment === "" ? {} : { comment }),
  verifyBackup: (id: string) => post<JobReport>(`api/backups/${encodeURIComponent(id)}/verify`, {}),
  planRestore: (target: RestoreRequest) => post<RestorePlanReport>("api/restore", { ...target, isDryRun: true }),
  restore: (target: RestoreRequest) => post<JobReport>("api/restore", { ...target, confirm: true }),
};
