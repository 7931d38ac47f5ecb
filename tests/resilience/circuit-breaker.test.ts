import { MusterError } from "../../src/core/errors.ts";
import { CircuitBreaker, type BreakerState } from "../../src/resilience/circuit-breaker.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

const START = 1_750_000_000_000;
const down = new MusterError("DATABASE_IO", "write: the disk is gone");
const ownFault = new MusterError("NOT_FOUND", "find: nothing there");

function createBreaker() {
  const clock = new ManualClock(START);
  const settings = { threshold: 5, resetMs: 30_000 };
  const breaker = new CircuitBreaker({
    name: "database",
    clock,
    threshold: () => settings.threshold,
    resetMs: () => settings.resetMs,
    isFailure: (error) => error !== ownFault,
    createOpenError: (retryAt) => new MusterError("DATABASE_UNAVAILABLE", "open", { details: { retryAt } }),
  });
  const fail = async (count = 1, error: Error = down): Promise<void> => {
    for (let call = 0; call < count; call++) {
      await expect(breaker.execute(() => Promise.reject(error))).rejects.toBe(error);
    }
  };
  const succeed = (): Promise<number> => breaker.execute(async () => 1);
  return { breaker, clock, settings, fail, succeed };
}

/** A call that ends when it is told to. */
function startCall(breaker: CircuitBreaker) {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  return { call: breaker.execute(() => promise), resolve, reject };
}

function refusal(retryAt: number): object {
  return { code: "DATABASE_UNAVAILABLE", details: { retryAt } };
}

describe("CircuitBreaker", () => {
  it("opens after five failures in a row, and refuses without running", async () => {
    const { breaker, fail, succeed, clock } = createBreaker();
    await fail(4);
    await succeed();
    await fail(4);
    expect(breaker.state).toEqual({ kind: "closed", consecutiveFailures: 4 });
    await fail();
    expect(breaker.state).toEqual({ kind: "open", openedAt: START, retryAt: START + 30_000 });
    clock.advance(29_999);
    let isRun = false;
    const run = async (): Promise<void> => void (isRun = true);
    await expect(breaker.execute(run)).rejects.toMatchObject(refusal(START + 30_000));
    expect(isRun).toBe(false);
  });

  it("counts a request's own fault neither way", async () => {
    const { breaker, fail } = createBreaker();
    await fail(4);
    await fail(10, ownFault);
    expect(breaker.state).toEqual({ kind: "closed", consecutiveFailures: 4 });
    await fail();
    expect(breaker.state.kind).toBe("open");
  });

  it("lets exactly one of many calls through when it is due, and closes when that succeeds", async () => {
    const { breaker, clock, fail, succeed } = createBreaker();
    await fail(5);
    clock.advance(30_000);
    const probe = startCall(breaker);
    expect(breaker.state).toEqual({ kind: "half-open", since: START + 30_000 });
    const others = await Promise.allSettled(Array.from({ length: 50 }, succeed));
    expect(others.every(({ status }) => status === "rejected")).toBe(true);
    await expect(succeed()).rejects.toMatchObject(refusal(START + 60_000));
    probe.resolve(7);
    await expect(probe.call).resolves.toBe(7);
    expect(breaker.state).toEqual({ kind: "closed", consecutiveFailures: 0 });
    await expect(succeed()).resolves.toBe(1);
  });

  it("opens again for the whole time when the probe fails", async () => {
    const { breaker, clock, fail } = createBreaker();
    await fail(5);
    clock.advance(30_500);
    await fail();
    expect(breaker.state).toEqual({ kind: "open", openedAt: START + 30_500, retryAt: START + 60_500 });
  });

  it("gives the probe to the next call when the first fails by its own fault", async () => {
    const { breaker, clock, fail, succeed } = createBreaker();
    await fail(5);
    clock.advance(30_000);
    await fail(1, ownFault);
    expect(breaker.state.kind).toBe("half-open");
    await succeed();
    expect(breaker.state.kind).toBe("closed");
  });

  it("sends another probe when the first hangs, and ignores what that comes to", async () => {
    const { breaker, clock, fail } = createBreaker();
    await fail(5);
    clock.advance(30_000);
    const hung = startCall(breaker);
    clock.advance(30_000);
    const second = startCall(breaker);
    hung.reject(down);
    await expect(hung.call).rejects.toBe(down);
    expect(breaker.state).toEqual({ kind: "half-open", since: START + 60_000 });
    second.resolve(1);
    await second.call;
    expect(breaker.state.kind).toBe("closed");
  });

  it("ignores calls that began before it opened", async () => {
    const { breaker, clock, fail } = createBreaker();
    const late = [startCall(breaker), startCall(breaker)] as const;
    await fail(5);
    clock.advance(10);
    late[0].reject(down);
    late[1].resolve(1);
    await Promise.allSettled(late.map(({ call }) => call));
    expect(breaker.state).toEqual({ kind: "open", openedAt: START, retryAt: START + 30_000 });
  });

  it("applies changed settings at once, carrying over the count and when it opened", async () => {
    const { breaker, clock, settings, fail, succeed } = createBreaker();
    await fail(2);
    settings.threshold = 3;
    await fail();
    expect(breaker.state.kind).toBe("open");
    clock.advance(1_000);
    settings.resetMs = 2_000;
    expect(breaker.state).toEqual({ kind: "open", openedAt: START, retryAt: START + 2_000 });
    await expect(succeed()).rejects.toMatchObject(refusal(START + 2_000));
    clock.advance(1_000);
    await succeed();
    expect(breaker.state.kind).toBe("closed");
  });

  it("closes by reset with a clean count, whatever still runs", async () => {
    const { breaker, fail, succeed } = createBreaker();
    const late = startCall(breaker);
    await fail(5);
    breaker.reset();
    late.reject(down);
    await expect(late.call).rejects.toBe(down);
    expect(breaker.state).toEqual({ kind: "closed", consecutiveFailures: 0 });
    await succeed();
  });

  it("stays open no longer when the wall clock is set back", async () => {
    const { clock, fail, succeed } = createBreaker();
    await fail(5);
    clock.now = () => START - 3_600_000;
    clock.advance(30_000);
    await expect(succeed()).resolves.toBe(1);
  });

  it("tells listeners of each change with what was before, until they leave", async () => {
    const { breaker, clock, fail, succeed } = createBreaker();
    const changes: [BreakerState, BreakerState][] = [];
    const leave = breaker.onChange((state, previous) => void changes.push([previous, state]));
    await fail(5);
    clock.advance(30_000);
    await succeed();
    breaker.reset();
    leave();
    await fail(5);
    const closed = { kind: "closed", consecutiveFailures: 0 };
    const open = { kind: "open", openedAt: START, retryAt: START + 30_000 };
    const halfOpen = { kind: "half-open", since: START + 30_000 };
    expect(changes).toEqual([
      [{ kind: "closed", consecutiveFailures: 5 }, open],
      [open, halfOpen],
      [halfOpen, closed],
    ]);
  });

  it("reads no time and no settings for a success, and says what it costs", async () => {
    const { breaker, clock, settings } = createBreaker();
    clock.now = clock.monotonic = () => {
      throw new Error("not needed on the happy path");
    };
    Object.defineProperty(settings, "threshold", { get: () => NaN });
    const run = async (): Promise<number> => 1;
    const measureUs = async (call: () => Promise<number>): Promise<number> => {
      const CALL_COUNT = 200_000;
      const startedAt = performance.now();
      let sum = 0;
      for (let done = 0; done < CALL_COUNT; done++) sum += await call();
      expect(sum).toBe(CALL_COUNT);
      return ((performance.now() - startedAt) * 1_000) / CALL_COUNT;
    };
    await measureUs(() => breaker.execute(run));
    const [bareUs, guardedUs] = [await measureUs(run), await measureUs(() => breaker.execute(run))];
    process.stdout.write(`CircuitBreaker: ${guardedUs.toFixed(3)} µs per call, ${bareUs.toFixed(3)} µs without it\n`);
  });
});
