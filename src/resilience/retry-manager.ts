/*
 * Retries. The first try runs without any policy, because nearly all calls need no more; only when it fails does
 * cockatiel take over: it repeats the attempt and counts. What it cannot do is ours: its waits are plain timers that
 * neither take a clock nor end when the call is aborted, so its own backoff is zero (a timer of about 1 ms) and each
 * further attempt begins with a wait on the Clock; and its filters do not know the call, so whether an error is worth
 * another try is judged where it is caught, and handed over as a result (`FailedAttempt`) that cockatiel repeats on.
 */
import { ConstantBackoff, handleWhenResult, retry, type RetryPolicy } from "cockatiel";
import { sleep, type Clock } from "../core/clock.ts";
import { backoffDelayMs, type RetryConfig } from "./backoff.ts";

/** What an error asks for: LOW another try at once, MEDIUM one after a backoff, HIGH a person, CRITICAL to stop. */
export type ErrorSeverity = "LOW" | "MEDIUM" | "HIGH" | "CRITICAL";

/** Whether an error is worth another try: `true` = after a backoff. */
export type RetryVerdict = boolean | "at-once";

export interface RetryInfo {
  readonly name: string;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  /** Until the next one, milliseconds. */
  readonly delayMs: number;
  readonly error: unknown;
}

export interface RetryManagerOptions {
  readonly clock: Clock;
  /** From 0 up to 1, for the jitter. Default `Math.random`. */
  readonly random?: () => number;
  /** Read anew by every call whose first attempt fails, so a changed setting applies to the next call. */
  readonly config: () => RetryConfig;
  readonly isRetryable: (error: unknown) => RetryVerdict;
  /** Told before each wait. What it throws ends the call. */
  readonly onRetry?: (info: RetryInfo) => void;
}

export interface AttemptInfo {
  /** From 1. */
  readonly attempt: number;
}

export interface RetryCallOptions {
  /** Epoch milliseconds: no wait goes on until then, and no retry begins from then on. The first attempt always runs. */
  readonly deadlineAt?: number;
  /** Aborted: no further attempt; a wait in progress rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Tries in all for this call, in place of the configured number. */
  readonly maxAttempts?: number;
}

interface RetriedCall<T> {
  readonly name: string;
  readonly attempt: (info: AttemptInfo) => Promise<T>;
  readonly options: RetryCallOptions;
  readonly config: RetryConfig;
}

const FIRST_ATTEMPT: AttemptInfo = Object.freeze({ attempt: 1 });
const NO_OPTIONS: RetryCallOptions = Object.freeze({});

/** A failure that is worth another try. */
class FailedAttempt {
  readonly attempt: number;
  readonly error: unknown;
  readonly delayMs: number;

  constructor(attempt: number, error: unknown, delayMs: number) {
    this.attempt = attempt;
    this.error = error;
    this.delayMs = delayMs;
  }
}

/** Tries again what may succeed when tried again, with growing, jittered delays. */
export class RetryManager {
  readonly #options: RetryManagerOptions;
  /** By number of attempts: the only thing in the configuration that a policy depends on. */
  readonly #policies = new Map<number, RetryPolicy>();

  constructor(options: RetryManagerOptions) {
    this.#options = options;
  }

  /** Resolves with the first success; rejects with the last attempt's own error. */
  async execute<T>(
    name: string,
    attempt: (info: AttemptInfo) => Promise<T>,
    options: RetryCallOptions = NO_OPTIONS,
  ): Promise<T> {
    options.signal?.throwIfAborted();
    try {
      return await attempt(FIRST_ATTEMPT);
    } catch (error) {
      return await this.#retry({ name, attempt, options, config: this.#options.config() }, error);
    }
  }

  async #retry<T>(call: RetriedCall<T>, firstError: unknown): Promise<T> {
    const { options, config } = call;
    let failed = this.#judge(call, 1, firstError);
    const outcome = await this.#requirePolicy(options.maxAttempts ?? config.maxAttempts).execute(
      async ({ attempt: retryCount }) => {
        // What cockatiel takes for its first try has run already.
        if (retryCount === 0) return failed;
        await this.#waitAfter(failed, call);
        const attempt = retryCount + 1;
        try {
          return { value: await call.attempt({ attempt }) };
        } catch (error) {
          failed = this.#judge(call, attempt, error);
          return failed;
        }
      },
      options.signal,
    );
    if (outcome instanceof FailedAttempt) throw outcome.error;
    return outcome.value;
  }

  /** Throws the error when another try is not allowed, or could not begin before the deadline. */
  #judge(call: RetriedCall<unknown>, attempt: number, error: unknown): FailedAttempt {
    const { clock, random = Math.random, isRetryable } = this.#options;
    const verdict = isRetryable(error);
    if (verdict === false) throw error;
    const delayMs = verdict === "at-once" ? 0 : backoffDelayMs(attempt, call.config, random);
    if (clock.now() + delayMs >= (call.options.deadlineAt ?? Infinity)) throw error;
    return new FailedAttempt(attempt, error, delayMs);
  }

  async #waitAfter({ attempt, error, delayMs }: FailedAttempt, { name, options }: RetriedCall<unknown>): Promise<void> {
    const { clock, onRetry } = this.#options;
    options.signal?.throwIfAborted();
    onRetry?.({ name, attempt, delayMs, error });
    if (delayMs > 0) await sleep(clock, delayMs, options.signal);
    // A timer may fire late; whoever set the deadline has stopped waiting for the outcome by then.
    if (clock.now() >= (options.deadlineAt ?? Infinity)) throw error;
  }

  #requirePolicy(maxAttempts: number): RetryPolicy {
    let policy = this.#policies.get(maxAttempts);
    if (!policy) {
      policy = retry(
        handleWhenResult((outcome) => outcome instanceof FailedAttempt),
        { maxAttempts: maxAttempts - 1, backoff: new ConstantBackoff(0) },
      );
      this.#policies.set(maxAttempts, policy);
    }
    return policy;
  }
}
