import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { SandboxLimits } from "../limits.ts";

interface Window {
  resetAtMs: number;
  remaining: number;
}

export interface RateLimitVerdict {
  /** Set when the request may not go on. */
  readonly refusal: { readonly isGlobal: boolean; readonly retryAfterMs: number } | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LimitedRequest {
  readonly method: string;
  /** The route's pattern: requests to one pattern share a bucket per main resource. */
  readonly route: string;
  /** Guild, channel or webhook of the request. */
  readonly majorId: string;
  /** Answers to interactions and webhooks do not count against the bot's global limit. */
  readonly countsGlobally: boolean;
}

const MAX_BUCKETS = 20_000;

/** Fixed windows per route and main resource, and one over all. */
export class RateLimits {
  readonly #clock: Clock;
  readonly #limits: SandboxLimits;
  readonly #buckets = new Map<string, Window>();
  readonly #hashes = new Map<string, string>();
  readonly #global: Window = { resetAtMs: 0, remaining: 0 };

  constructor(clock: Clock, limits: SandboxLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  take(request: LimitedRequest): RateLimitVerdict {
    const { bucketRequests, bucketWindowMs, globalRequests, globalWindowMs } = this.#limits;
    const nowMs = this.#clock.now();
    const hash = this.#hashOf(`${request.method} ${request.route}`);
    const bucket = this.#bucketOf(`${hash}:${request.majorId}`);
    renew(bucket, nowMs, bucketRequests, bucketWindowMs);
    const isBucketFull = bucket.remaining <= 0;
    if (!isBucketFull) bucket.remaining--;
    const headers = {
      "X-RateLimit-Limit": String(bucketRequests),
      "X-RateLimit-Remaining": String(bucket.remaining),
      "X-RateLimit-Reset": (bucket.resetAtMs / 1_000).toFixed(3),
      "X-RateLimit-Reset-After": ((bucket.resetAtMs - nowMs) / 1_000).toFixed(3),
      "X-RateLimit-Bucket": hash,
    };
    if (isBucketFull) return { refusal: { isGlobal: false, retryAfterMs: bucket.resetAtMs - nowMs }, headers };
    if (request.countsGlobally) {
      renew(this.#global, nowMs, globalRequests, globalWindowMs);
      if (this.#global.remaining <= 0) {
        return { refusal: { isGlobal: true, retryAfterMs: this.#global.resetAtMs - nowMs }, headers };
      }
      this.#global.remaining--;
    }
    return { refusal: undefined, headers };
  }

  #bucketOf(key: string): Window {
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      // Every interaction has its own webhook, so buckets would pile up for ever.
      if (this.#buckets.size >= MAX_BUCKETS) this.#buckets.clear();
      this.#buckets.set(key, (bucket = { resetAtMs: 0, remaining: 0 }));
    }
    return bucket;
  }

  #hashOf(text: string): string {
    let hash = this.#hashes.get(text);
    if (hash === undefined) {
      this.#hashes.set(text, (hash = createHash("sha256").update(text).digest("hex").slice(0, 32)));
    }
    return hash;
  }
}

function renew(window: Window, nowMs: number, requests: number, windowMs: number): void {
  if (nowMs < window.resetAtMs) return;
  window.resetAtMs = nowMs + windowMs;
  window.remaining = requests;
}
