import { sleep, type Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { backoffDelayMs, type RetryConfig } from "../../resilience/backoff.ts";
import { alertTexts } from "./alert-texts.ts";
import type { AlertNotice, AlertSink } from "./alert.ts";

export interface WebhookSinkOptions {
  /** `ALERT_WEBHOOK_URL`, asked anew for each request; empty or undefined = no webhook. A secret: it is in no log line. */
  readonly url: () => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Longest wait for an answer. Default 5,000 ms. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 5_000;
/** One try, and three more. */
const RETRY: RetryConfig = { maxAttempts: 4, baseDelay: 1_000, maxDelay: 30_000, backoffMultiplier: 3 };
/** A server that asks for more patience gets it at the next alert. */
const MAX_RETRY_AFTER_MS = 60_000;
const MAX_QUEUED = 100;
/** Discord takes 2,000 characters. */
const MAX_TEXT_LENGTH = 1_900;

type Outcome =
  | { readonly kind: "delivered" }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string; readonly retryAfterMs?: number };

/**
 * Posts alerts as JSON that Discord (`content`), Slack (`text`) and programs (`alerts`) understand. One request at a time:
 * what comes meanwhile goes into the next one together.
 */
export class WebhookSink implements AlertSink {
  readonly #options: WebhookSinkOptions;
  readonly #stopping = new AbortController();
  #queue: AlertNotice[] = [];
  #omittedCount = 0;
  #running: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: WebhookSinkOptions) {
    this.#options = options;
  }

  send(notice: AlertNotice): void {
    if (!this.#options.url() || this.#stopping.signal.aborted) return;
    this.#queue.push(notice);
    if (this.#queue.length > MAX_QUEUED) {
      this.#queue.shift();
      this.#omittedCount++;
    }
    this.#running ??= this.#drain().finally(() => (this.#running = undefined));
  }

  /** Gives up what is not delivered. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("stopping"));
    await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopping.signal.aborted) {
      // Those that came in one turn go together.
      await Promise.resolve();
      const { body, count } = this.#compose();
      this.#queue.splice(0, count);
      this.#omittedCount = 0;
      await this.#deliver(body, count);
    }
  }

  #compose(): { readonly body: string; readonly count: number } {
    const lines = this.#omittedCount > 0 ? [alertTexts.omitted(this.#omittedCount)] : [];
    let [length, count] = [0, 0];
    for (const notice of this.#queue) {
      const line = alertTexts.describeNotice(notice).slice(0, MAX_TEXT_LENGTH);
      if (count > 0 && length + line.length + 1 > MAX_TEXT_LENGTH) break;
      lines.push(line);
      length += line.length + 1;
      count++;
    }
    const text = lines.join("\n");
    const alerts = this.#queue.slice(0, count).map(({ kind, at, alert }) => ({
      ...{ notice: kind, at: new Date(at).toISOString(), key: alert.key, severity: alert.severity },
      ...{ title: alert.title, text: alert.text, startedAt: new Date(alert.startedAt).toISOString() },
    }));
    const body = JSON.stringify({ content: text, text, allowed_mentions: { parse: [] }, alerts });
    return { body, count };
  }

  async #deliver(body: string, count: number): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 1; ; attempt++) {
      const url = this.#options.url();
      // Switched off meanwhile.
      if (!url) return;
      const outcome = await this.#post(url, body);
      if (signal.aborted) return;
      if (outcome.kind === "delivered") {
        this.#isFailing = false;
        return;
      }
      if (outcome.kind === "refused" || attempt === RETRY.maxAttempts) {
        this.#report(outcome.why, count);
        return;
      }
      const backoffMs = backoffDelayMs(attempt, RETRY, Math.random);
      const delayMs = Math.min(Math.max(outcome.retryAfterMs ?? 0, backoffMs), MAX_RETRY_AFTER_MS);
      const isStopped = await sleep(clock, delayMs, signal).then(
        () => false,
        () => true,
      );
      if (isStopped) return;
    }
  }

  async #post(url: string, body: string): Promise<Outcome> {
    const { clock, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    const timeout = new AbortController();
    const cancelTimeout = clock.schedule(timeoutMs, () => timeout.abort());
    try {
      const response = await fetch(url, {
        ...{ method: "POST", body, headers: { "content-type": "application/json" } },
        // The address is a secret: it is not for whoever it is forwarded to.
        redirect: "manual",
        signal: AbortSignal.any([timeout.signal, this.#stopping.signal]),
      });
      await response.body?.cancel();
      return judge(response, clock.now());
    } catch (error) {
      return { kind: "failed", why: timeout.signal.aborted ? "no answer in time" : describeFailure(error) };
    } finally {
      cancelTimeout();
    }
  }

  /** Once, until one is delivered again. */
  #report(why: string, count: number): void {
    if (!this.#isFailing) this.#options.logger.error("alerts do not reach the webhook", { why, count });
    this.#isFailing = true;
  }
}

function judge({ ok, status, headers }: Response, now: number): Outcome {
  if (ok) return { kind: "delivered" };
  const why = `HTTP ${status}`;
  if (status !== 429 && status < 500) return { kind: "refused", why };
  const retryAfterMs = parseRetryAfterMs(headers.get("retry-after"), now);
  return { kind: "failed", why, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Seconds, or an HTTP date. */
export function parseRetryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(seconds * 1_000, 0);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(at - now, 0);
}

/** A code only: the messages of fetch have addresses in them. */
function describeFailure(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : "the request failed";
}
