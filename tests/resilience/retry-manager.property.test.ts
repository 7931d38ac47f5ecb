import fc from "fast-check";
import { RetryManager, type RetryVerdict } from "../../src/resilience/retry-manager.ts";
import { JumpingClock } from "../helpers/jumping-clock.ts";

const config = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 8 }),
  baseDelay: fc.integer({ min: 1, max: 1_000 }),
  maxDelay: fc.integer({ min: 1, max: 5_000 }),
  backoffMultiplier: fc.double({ min: 1, max: 4, noNaN: true }),
});
/** What each attempt comes to; those after the last one succeed. */
const outcomes = fc.array(fc.constantFrom<RetryVerdict>(true, true, true, "at-once", false), { maxLength: 10 });
const luck = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 10, maxLength: 10 });
const budgetMs = fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined });
const attemptMs = fc.integer({ min: 0, max: 300 });

/** A failure that carries the verdict on it. */
class Failure extends Error {
  readonly verdict: RetryVerdict;
  constructor(attempt: number, verdict: RetryVerdict) {
    super(`attempt ${attempt}`);
    this.verdict = verdict;
  }
}

describe("RetryManager", () => {
  it("never exceeds the attempts, the delays' bounds or the deadline, and ends only for a reason", async () => {
    await fc.assert(
      fc.asyncProperty(
        config,
        outcomes,
        luck,
        budgetMs,
        attemptMs,
        async (config, outcomes, luck, budgetMs, attemptMs) => {
          const clock = new JumpingClock();
          const deadlineAt = budgetMs === undefined ? Infinity : clock.now() + budgetMs;
          const endedAt: number[] = [];
          const beganAt: number[] = [];
          let drawn = 0;
          const manager = new RetryManager({
            clock,
            random: () => luck[drawn++ % luck.length]!,
            config: () => config,
            isRetryable: (error) => (error as Failure).verdict,
          });
          const result = await manager
            .execute(
              "x",
              async ({ attempt }) => {
                beganAt.push(clock.now());
                expect(attempt).toBe(beganAt.length);
                clock.advance(attemptMs);
                endedAt.push(clock.now());
                const verdict = outcomes[attempt - 1];
                if (verdict !== undefined) throw new Failure(attempt, verdict);
                return attempt;
              },
              budgetMs === undefined ? {} : { deadlineAt },
            )
            .catch((error: unknown) => error as Failure);

          const attemptCount = beganAt.length;
          expect(attemptCount).toBeLessThanOrEqual(config.maxAttempts);
          // Each gap between two attempts is the delay that the error before it asks for, and ends before the deadline.
          const wholeMs = (attempt: number): number =>
            Math.min(config.baseDelay * config.backoffMultiplier ** (attempt - 1), config.maxDelay);
          for (let attempt = 1; attempt < attemptCount; attempt++) {
            const gapMs = beganAt[attempt]! - endedAt[attempt - 1]!;
            const verdict = outcomes[attempt - 1]!;
            expect(verdict).not.toBe(false);
            if (verdict === "at-once") expect(gapMs).toBe(0);
            else {
              expect(gapMs).toBeGreaterThanOrEqual(Math.floor(wholeMs(attempt) / 2));
              expect(gapMs).toBeLessThanOrEqual(Math.ceil(wholeMs(attempt)));
            }
            expect(beganAt[attempt]!).toBeLessThan(deadlineAt);
          }
          // No time passes after the last attempt.
          expect(clock.now()).toBe(endedAt.at(-1));

          const last = outcomes[attemptCount - 1];
          if (last === undefined) {
            expect(result).toBe(attemptCount);
            return;
          }
          expect((result as Failure).message).toBe(`attempt ${attemptCount}`);
          const reachMs = last === "at-once" ? 0 : wholeMs(attemptCount);
          const isEndJustified =
            attemptCount === config.maxAttempts || last === false || clock.now() + Math.ceil(reachMs) >= deadlineAt;
          expect(isEndJustified).toBe(true);
        },
      ),
      { numRuns: 150 },
    );
  });
});
