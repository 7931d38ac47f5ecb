import type {
  BatchAnswer,
  ErrorBody,
  JobReport,
  ReadAnswers,
  ReadinessReport,
  RestorePlanReport,
  RestoreRequest,
} from "./api-types.ts";
import { MonitorError, toMonitorError } from "./client/monitor-error.ts";
import { Breaker, systemTiming, withRetries, type Timing } from "./client/retry.ts";
import { readEventStream, type StreamEvent } from "./event-stream.ts";

export interface MonitorClientOptions {
  /** Where the monitor is, with a slash at the end when it lies in a folder. */
  readonly url: string | URL;
  /** Asked anew for each request. Default none. */
  readonly token?: () => string | undefined;
  /** For one try. Default 10,000. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
  readonly timing?: Timing;
}

export interface ReadRequest<Path extends keyof ReadAnswers = keyof ReadAnswers> {
  readonly path: Path;
  readonly query?: Readonly<Record<string, string | number>>;
}

/** What a batch gives for each request: the answer, or why there is none. */
export type BatchResult<Path extends keyof ReadAnswers> = ReadAnswers[Path] | MonitorError;
type BatchResults<Requests extends readonly ReadRequest[]> = {
  -readonly [Index in keyof Requests]: BatchResult<Requests[Index]["path"]>;
};

const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Talks to a monitor, in browsers and in Node.js. Reads are tried again when that may help; what changes something is
 * sent once, because an answer that is lost says nothing of what was done. Everything rejects with a MonitorError.
 */
export class MonitorClient {
  readonly #options: MonitorClientOptions;
  readonly #timing: Timing;
  readonly #breaker: Breaker;

  constructor(options: MonitorClientOptions) {
    this.#options = options;
    this.#timing = options.timing ?? systemTiming;
    this.#breaker = new Breaker(this.#timing);
  }

  /** Also when it is not ready: that is an answer. */
  ready(): Promise<ReadinessReport> {
    return withRetries(this.#timing, () => this.#ask<ReadinessReport>("health/ready", {}, [200, 503]));
  }

  read<Path extends keyof ReadAnswers>(path: Path, query: ReadRequest["query"] = {}): Promise<ReadAnswers[Path]> {
    return this.#get(addressOf({ path, query }));
  }

  /** Many reads in one request; results in their order. */
  async batch<const Requests extends readonly ReadRequest[]>(requests: Requests): Promise<BatchResults<Requests>> {
    const query = new URLSearchParams();
    for (const request of requests) query.append("path", addressOf(request));
    const answers = await this.#get<readonly BatchAnswer[]>(`/api/batch?${query.toString()}`);
    return answers.map(({ status, body }) =>
      status === 200 ? body : new MonitorError(status, (body as ErrorBody).error),
    ) as BatchResults<Requests>;
  }

  health = () => this.read("/api/health");
  samples = (from: number, to: number) => this.read("/api/samples", { from, to });
  operations = () => this.read("/api/operations");
  slowQueries = () => this.read("/api/slow-queries");
  suggestions = () => this.read("/api/suggestions");
  errors = () => this.read("/api/errors");
  recoveryActions = () => this.read("/api/recovery-actions");
  alerts = () => this.read("/api/alerts");
  backups = () => this.read("/api/backups");
  queue = () => this.read("/api/queue");
  usage = (from: number, to: number) => this.read("/api/usage", { from, to });

  job(id: string): Promise<JobReport> {
    return this.#get(`/api/jobs/${encodeURIComponent(id)}`);
  }

  createBackup(comment = ""): Promise<JobReport> {
    return this.#post("/api/backups", { comment });
  }

  verifyBackup(id: string): Promise<JobReport> {
    return this.#post(`/api/backups/${encodeURIComponent(id)}/verify`, {});
  }

  /** What a restore would bring; nothing is changed. */
  planRestore(target: Pick<RestoreRequest, "backup" | "at">): Promise<RestorePlanReport> {
    return this.#post("/api/restore", { ...target, isDryRun: true });
  }

  restore(target: Pick<RestoreRequest, "backup" | "at">): Promise<JobReport> {
    return this.#post("/api/restore", { ...target, confirm: true });
  }

  /** One connection's worth of events, until it ends or the signal ends it; whoever wants more comes back. */
  async *stream(signal: AbortSignal): AsyncGenerator<StreamEvent, void, undefined> {
    const response = await this.#fetch("/api/stream", { headers: { accept: "text/event-stream" }, signal });
    if (!response.ok) throw await toMonitorError(response);
    if (response.body) yield* readEventStream(response.body as ReadableStream<Uint8Array>);
  }

  #get<Answer>(path: string): Promise<Answer> {
    return withRetries(this.#timing, () => this.#ask<Answer>(path, {}));
  }

  #post<Answer>(path: string, body: unknown): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    return this.#ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  #ask<Answer>(path: string, init: RequestInit, expected?: readonly number[]): Promise<Answer> {
    return this.#breaker.run(async () => {
      const signal = AbortSignal.timeout(this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      const response = await this.#fetch(path, { ...init, signal });
      if (!(expected?.includes(response.status) ?? response.ok)) throw await toMonitorError(response);
      try {
        return (await response.json()) as Answer;
      } catch (error) {
        throw toNetworkError(error, "ANSWER_INVALID", "The answer is not one of the monitor.");
      }
    });
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const { url, token, fetch: ask = fetch } = this.#options;
    const bearer = token?.();
    const headers = new Headers(init.headers);
    if (bearer !== undefined && bearer !== "") headers.set("authorization", `Bearer ${bearer}`);
    try {
      return await ask(new URL(path.replace(/^\//, ""), url), { ...init, headers, cache: "no-store" });
    } catch (error) {
      throw toNetworkError(error, "UNREACHABLE", "The bot does not answer.");
    }
  }
}

function addressOf({ path, query = {} }: ReadRequest): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) parameters.append(name, String(value));
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}

function toNetworkError(error: unknown, code: string, message: string): MonitorError {
  const isTimeout = error instanceof Error && error.name === "TimeoutError";
  const body = isTimeout ? { code: "TIMEOUT", message: "The bot did not answer in time." } : { code, message };
  return new MonitorError(0, body, error);
}
