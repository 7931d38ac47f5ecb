import fc from "fast-check";
import { CircuitBreaker } from "../../src/resilience/circuit-breaker.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

type Outcome = "success" | "failure" | "own fault";
type Step =
  | { readonly kind: "begin" }
  | { readonly kind: "end"; readonly index: number; readonly outcome: Outcome }
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "configure"; readonly threshold: number; readonly resetMs: number }
  | { readonly kind: "reset" };

const outcome = fc.constantFrom<Outcome>("success", "failure", "failure", "failure", "own fault");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: "begin" as const }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("end" as const), index: fc.nat(5), outcome }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 150 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("configure" as const),
      threshold: fc.integer({ min: 1, max: 4 }),
      resetMs: fc.integer({ min: 1, max: 150 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "reset" as const }) },
);

/** The rules in plain words: an era is what lies between two changes, and only calls of the present one count. */
class Model {
  kind: "closed" | "open" | "half-open" = "closed";
  era = 0;
  since = 0;
  failures = 0;
  isProbing = false;

  enter(kind: Model["kind"], now: number): void {
    Object.assign(this, { kind, era: this.era + 1, since: now, isProbing: false });
    if (kind === "closed") this.failures = 0;
  }

  /** The era that a call belongs to; undefined when it is refused. */
  begin(now: number, resetMs: number): number | undefined {
    if (this.kind === "closed") return this.era;
    if (now - this.since >= resetMs) this.enter("half-open", now);
    else if (this.kind === "open" || this.isProbing) return undefined;
    this.isProbing = true;
    return this.era;
  }

  end(era: number, outcome: Outcome, now: number, threshold: number): void {
    if (era !== this.era) return;
    this.isProbing = false;
    if (outcome === "success") {
      if (this.kind === "half-open") this.enter("closed", now);
      this.failures = 0;
    }
    if (outcome === "failure") {
      this.failures++;
      if (this.kind === "half-open" || this.failures >= threshold) this.enter("open", now);
    }
  }
}

class Failure extends Error {}
class OwnFault extends Error {}
class Refused extends Error {}

describe("CircuitBreaker", () => {
  it("does what its model does, whatever overlaps", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
        const clock = new ManualClock(0);
        const settings = { threshold: 3, resetMs: 100 };
        const breaker = new CircuitBreaker({
          name: "model",
          clock,
          threshold: () => settings.threshold,
          resetMs: () => settings.resetMs,
          isFailure: (error) => error instanceof Failure,
          createOpenError: () => new Refused(),
        });
        const model = new Model();
        const running: { era: number; call: Promise<unknown>; settle: PromiseWithResolvers<void> }[] = [];
        for (const step of steps) {
          if (step.kind === "advance") clock.advance(step.ms);
          if (step.kind === "configure") Object.assign(settings, step);
          if (step.kind === "reset") {
            breaker.reset();
            model.enter("closed", clock.now());
          }
          if (step.kind === "begin") {
            const settle = Promise.withResolvers<void>();
            let isRun = false;
            const call = breaker
              .execute(() => {
                isRun = true;
                return settle.promise;
              })
              .catch((error: unknown) => error);
            const era = model.begin(clock.now(), settings.resetMs);
            expect(isRun).toBe(era !== undefined);
            if (era === undefined) expect(await call).toBeInstanceOf(Refused);
            else running.push({ era, call, settle });
          }
          if (step.kind === "end" && step.index < running.length) {
            const [{ era, call, settle }] = running.splice(step.index, 1) as [(typeof running)[number]];
            if (step.outcome === "success") settle.resolve();
            else settle.reject(step.outcome === "failure" ? new Failure() : new OwnFault());
            await call;
            model.end(era, step.outcome, clock.now(), settings.threshold);
          }
          const { state } = breaker;
          expect(state.kind).toBe(model.kind);
          if (state.kind === "closed") expect(state.consecutiveFailures).toBe(model.failures);
          if (state.kind === "half-open") expect(state.since).toBe(model.since);
          if (state.kind === "open") {
            expect(state).toEqual({ kind: "open", openedAt: model.since, retryAt: model.since + settings.resetMs });
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
