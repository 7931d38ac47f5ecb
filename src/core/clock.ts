/** Where time comes from. Injected everywhere, so that tests and the sandbox can run it faster or by hand. */
export interface Clock {
  /** Wall-clock time in epoch milliseconds. */
  now(): number;
  /** Monotonic milliseconds, for durations; never goes back when the wall clock is set. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs`. Returns a function that cancels it. The timer does not keep the process alive. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** `setTimeout` overflows beyond this and fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * When the time that only counts began, by the wall clock as it is now, in epoch milliseconds: it stays the same until the
 * wall clock is set.
 */
export function zeroOfCount(clock: Clock): number {
  return clock.now() - clock.monotonic();
}

/** Resolves after `delayMs` on the given clock; rejects with the signal's reason when it is aborted before. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal!.reason as Error);
    };
    const cancel = clock.schedule(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
