import { MusterError } from "../../src/core/errors.ts";
import { DEFAULT_RETRY_CONFIG, type RetryConfig } from "../../src/resilience/backoff.ts";
import { RetryManager, type RetryInfo, type RetryManagerOptions } from "../../src/resilience/retry-manager.ts";
import { JumpingClock } from "../helpers/jumping-clock.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const busy = new MusterError("DATABASE_BUSY", "write: the lock is held");

/** Whole delays: no jitter below them. */
function createManager<C extends ManualClock = JumpingClock>(options: Partial<RetryManagerOptions> & { clock: C }) {
  const retries: RetryInfo[] = [];
  const manager = new RetryManager({
    random: () => 1,
    config: () => DEFAULT_RETRY_CONFIG,
    isRetryable: () => true,
    onRetry: (info) => void retries.push(info),
    ...options,
  });
  return { manager, retries, clock: options.clock };
}

/** An attempt that fails the first `failureCount` times, and remembers what it was told. */
function createAttempt(failureCount: number, error: (attempt: number) => unknown = () => busy) {
  const attempts: number[] = [];
  const run = async ({ attempt }: { attempt: number }): Promise<string> => {
    attempts.push(attempt);
    if (attempt <= failureCount) throw error(attempt);
    return `done at ${attempt}`;
  };
  return { run, attempts };
}

/** Lets cockatiel's own timers of zero milliseconds fire, and what follows them. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe("RetryManager", () => {
  it("waits longer before each retry, and tells of every one", async () => {
    const { manager, retries, clock } = createManager({ clock: new JumpingClock() });
    const { run, attempts } = createAttempt(3);
    await expect(manager.execute("events.create", run)).resolves.toBe("done at 4");
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(clock.waitsMs).toEqual([100, 200, 400]);
    expect(retries).toEqual([
      { name: "events.create", attempt: 1, delayMs: 100, error: busy },
      { name: "events.create", attempt: 2, delayMs: 200, error: busy },
      { name: "events.create", attempt: 3, delayMs: 400, error: busy },
    ]);
  });

  it("throws the last attempt's own error when all are used up, without waiting once more", async () => {
    const { manager, clock } = createManager({ clock: new JumpingClock() });
    const errors = [1, 2, 3, 4, 5, 6].map((attempt) => new Error(`failure ${attempt}`));
    const { run, attempts } = createAttempt(Infinity, (attempt) => errors[attempt - 1]);
    await expect(manager.execute("x", run)).rejects.toBe(errors[4]);
    expect(attempts).toEqual([1, 2, 3, 4, 5]);
    expect(clock.waitsMs).toEqual([100, 200, 400, 800]);
  });

  it("throws what is not retryable at once, also when it comes after something that is", async () => {
    const hopeless = new MusterError("CONSTRAINT_VIOLATED", "write: taken");
    const { manager, clock } = createManager({
      clock: new JumpingClock(),
      isRetryable: (error) => error !== hopeless,
    });
    const first = createAttempt(Infinity, () => hopeless);
    await expect(manager.execute("x", first.run)).rejects.toBe(hopeless);
    expect(first.attempts).toEqual([1]);
    expect(clock.waitsMs).toEqual([]);
    const second = createAttempt(Infinity, (attempt) => (attempt === 1 ? busy : hopeless));
    await expect(manager.execute("x", second.run)).rejects.toBe(hopeless);
    expect(second.attempts).toEqual([1, 2]);
  });

  it("does not wait where a retry at once is asked for", async () => {
    const { manager, retries, clock } = createManager({ clock: new JumpingClock(), isRetryable: () => "at-once" });
    await expect(manager.execute("x", createAttempt(4).run)).resolves.toBe("done at 5");
    expect(clock.waitsMs).toEqual([]);
    expect(retries.map(({ delayMs }) => delayMs)).toEqual([0, 0, 0, 0]);
  });

  it("applies a changed configuration to the next call", async () => {
    let config: RetryConfig = DEFAULT_RETRY_CONFIG;
    const { manager, clock } = createManager({ clock: new JumpingClock(), config: () => config });
    const attemptCount = async (): Promise<number> => {
      const { run, attempts } = createAttempt(Infinity);
      await manager.execute("x", run).catch(() => undefined);
      return attempts.length;
    };
    expect(await attemptCount()).toBe(5);
    config = { maxAttempts: 3, baseDelay: 10, maxDelay: 15, backoffMultiplier: 3 };
    clock.waitsMs.length = 0;
    expect(await attemptCount()).toBe(3);
    expect(clock.waitsMs).toEqual([10, 15]);
    config = { ...config, maxAttempts: 1 };
    expect(await attemptCount()).toBe(1);
    config = DEFAULT_RETRY_CONFIG;
    expect(await attemptCount()).toBe(5);
  });

  it("takes a call's own number of attempts in place of the configured one", async () => {
    const { manager } = createManager({ clock: new JumpingClock() });
    for (const maxAttempts of [1, 2, 9]) {
      const { run, attempts } = createAttempt(Infinity);
      await expect(manager.execute("x", run, { maxAttempts })).rejects.toBe(busy);
      expect(attempts).toHaveLength(maxAttempts);
    }
  });

  it("throws at once when the wait would reach the deadline", async () => {
    const { manager, clock } = createManager({ clock: new JumpingClock() });
    const { run, attempts } = createAttempt(Infinity);
    await expect(manager.execute("x", run, { deadlineAt: clock.now() + 300 })).rejects.toBe(busy);
    expect(attempts).toEqual([1, 2]);
    expect(clock.waitsMs).toEqual([100]);
  });

  it("begins no retry when the timer fired after the deadline", async () => {
    class LateClock extends ManualClock {
      override schedule(delayMs: number, callback: () => void): () => void {
        return super.schedule(delayMs + 100, callback);
      }
    }
    const { manager, clock } = createManager({ clock: new LateClock() });
    const { run, attempts } = createAttempt(Infinity);
    const outcome = expect(manager.execute("x", run, { deadlineAt: clock.now() + 150 })).rejects.toBe(busy);
    await settle();
    expect(clock.delaysMs).toEqual([200]);
    clock.advance(200);
    await outcome;
    expect(attempts).toEqual([1]);
  });

  it("runs the first attempt even past the deadline", async () => {
    const { manager, clock } = createManager({ clock: new JumpingClock() });
    await expect(manager.execute("x", createAttempt(0).run, { deadlineAt: clock.now() - 1 })).resolves.toBe(
      "done at 1",
    );
  });

  it("ends a wait when the call is aborted, with the signal's reason and no timer left", async () => {
    const { manager, clock } = createManager({ clock: new ManualClock() });
    const { run, attempts } = createAttempt(Infinity);
    const abort = new AbortController();
    const reason = new MusterError("SHUTTING_DOWN", "stop");
    const outcome = expect(manager.execute("x", run, { signal: abort.signal })).rejects.toBe(reason);
    await settle();
    expect(clock.delaysMs).toEqual([100]);
    abort.abort(reason);
    await outcome;
    expect(clock.delaysMs).toEqual([]);
    expect(attempts).toEqual([1]);
  });

  it("begins nothing for a call that is aborted already, and no retry for one aborted during its attempt", async () => {
    const { manager, retries } = createManager({ clock: new JumpingClock() });
    const abort = new AbortController();
    let attemptCount = 0;
    const failing = async (): Promise<void> => {
      attemptCount++;
      abort.abort(new Error("stop"));
      throw busy;
    };
    await expect(manager.execute("x", failing, { signal: abort.signal })).rejects.toBe(busy);
    await expect(manager.execute("x", failing, { signal: abort.signal })).rejects.toThrow("stop");
    expect(attemptCount).toBe(1);
    expect(retries).toEqual([]);
  });

  it("keeps calls that fail at the same time apart", async () => {
    const { manager } = createManager({ clock: new JumpingClock() });
    const calls = [0, 1, 2, 3, 4, 5].map((failureCount) => {
      const { run } = createAttempt(failureCount, (attempt) => new Error(`call ${failureCount}, attempt ${attempt}`));
      return manager.execute(`call ${failureCount}`, run).catch((error: Error) => error.message);
    });
    expect(await Promise.all(calls)).toEqual([
      "done at 1",
      "done at 2",
      "done at 3",
      "done at 4",
      "done at 5",
      "call 5, attempt 5",
    ]);
  });

  it("does nothing but the attempt when that succeeds, and says what it costs", async () => {
    const unexpected = (): never => {
      throw new Error("not needed on the happy path");
    };
    const clock = { now: unexpected, monotonic: unexpected, schedule: unexpected };
    const manager = new RetryManager({
      clock,
      random: unexpected,
      config: unexpected,
      isRetryable: unexpected,
      onRetry: unexpected,
    });
    const attempt = async (): Promise<number> => 1;
    const measureUs = async (call: () => Promise<number>): Promise<number> => {
      const CALL_COUNT = 200_000;
      const startedAt = performance.now();
      let sum = 0;
      for (let call_ = 0; call_ < CALL_COUNT; call_++) sum += await call();
      expect(sum).toBe(CALL_COUNT);
      return ((performance.now() - startedAt) * 1_000) / CALL_COUNT;
    };
    await measureUs(() => manager.execute("x", attempt));
    const [bareUs, managedUs] = [await measureUs(attempt), await measureUs(() => manager.execute("x", attempt))];
    process.stdout.write(`RetryManager: ${managedUs.toFixed(3)} µs per call, ${bareUs.toFixed(3)} µs without it\n`);
  });
});
