/** How often and how patiently something is tried again. Delays in milliseconds. */
export interface RetryConfig {
  /** Tries in all, the first included. Default 5. */
  readonly maxAttempts: number;
  /** Delay before the second try. Default 100. */
  readonly baseDelay: number;
  /** No delay is longer. Default 30,000. */
  readonly maxDelay: number;
  /** Each delay is the previous one times this. Default 2. */
  readonly backoffMultiplier: number;
}

export const DEFAULT_RETRY_CONFIG = {
  maxAttempts: 5,
  baseDelay: 100,
  maxDelay: 30_000,
  backoffMultiplier: 2,
} as const satisfies RetryConfig;

/**
 * The delay after failed attempt `attempt` (1 = the first): exponential, capped, with "equal jitter", that is half of
 * it fixed and half random, so that retries of many callers spread out but none comes at once
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function backoffDelayMs(attempt: number, config: RetryConfig, random: () => number): number {
  const exponential = config.baseDelay * config.backoffMultiplier ** (attempt - 1);
  const capped = Math.min(exponential, config.maxDelay);
  return Math.round(capped / 2 + (random() * capped) / 2);
}
