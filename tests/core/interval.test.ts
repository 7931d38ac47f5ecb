import { Interval } from "../../src/core/interval.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

/** Work that ends when the test says so. */
function createWork() {
  const ends: PromiseWithResolvers<void>[] = [];
  const state = { running: 0, mostAtOnce: 0 };
  return {
    state,
    ends,
    async run(): Promise<void> {
      state.running++;
      state.mostAtOnce = Math.max(state.mostAtOnce, state.running);
      const end = Promise.withResolvers<void>();
      ends.push(end);
      await end.promise.finally(() => state.running--);
    },
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function createInterval(everyMs: () => number = () => 100) {
  const [clock, work, errors] = [new ManualClock(), createWork(), [] as unknown[]];
  const interval = new Interval({ clock, everyMs, run: () => work.run(), onError: (error) => void errors.push(error) });
  return { clock, work, errors, interval };
}

describe("Interval", () => {
  it("waits from the end of one run to the start of the next, and asks anew how long", async () => {
    let everyMs = 100;
    const { clock, work, interval } = createInterval(() => everyMs);
    interval.start();
    interval.start();
    clock.advance(99);
    expect(work.ends).toHaveLength(0);
    clock.advance(1);
    expect(work.ends).toHaveLength(1);
    clock.advance(10_000);
    expect(work.ends).toHaveLength(1);
    everyMs = 7;
    work.ends[0]!.resolve();
    await settle();
    expect(clock.delaysMs).toEqual([7]);
  });

  it("never overlaps; what is triggered during a run follows it, once", async () => {
    const { work, interval } = createInterval();
    interval.start();
    for (let count = 0; count < 5; count++) interval.trigger();
    expect(work.ends).toHaveLength(1);
    work.ends[0]!.resolve();
    await settle();
    expect(work.ends).toHaveLength(2);
    work.ends[1]!.resolve();
    await settle();
    expect(work.ends).toHaveLength(2);
    expect(work.state.mostAtOnce).toBe(1);
  });

  it("reports what a run throws and goes on", async () => {
    const { clock, work, errors, interval } = createInterval();
    interval.start();
    clock.advance(100);
    work.ends[0]!.reject(new Error("no"));
    await settle();
    expect(errors).toEqual([new Error("no")]);
    clock.advance(100);
    expect(work.ends).toHaveLength(2);
  });

  it("waits at its stop for the run in progress, and starts none after", async () => {
    const { clock, work, interval } = createInterval();
    interval.start();
    clock.advance(100);
    interval.trigger();
    let isStopped = false;
    const stopping = Promise.all([interval.stop(), interval.stop()]).then(() => (isStopped = true));
    await settle();
    expect(isStopped).toBe(false);
    work.ends[0]!.resolve();
    await stopping;
    interval.trigger();
    clock.advance(1_000);
    expect(work.ends).toHaveLength(1);
  });
});
