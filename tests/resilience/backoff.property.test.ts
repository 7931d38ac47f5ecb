import fc from "fast-check";
import { backoffDelayMs, DEFAULT_RETRY_CONFIG } from "../../src/resilience/backoff.ts";

const config = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 20 }),
  baseDelay: fc.integer({ min: 1, max: 10_000 }),
  maxDelay: fc.integer({ min: 1, max: 600_000 }),
  backoffMultiplier: fc.double({ min: 1, max: 10, noNaN: true }),
});
const attempt = fc.integer({ min: 1, max: 1_000 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("backoffDelayMs", () => {
  it("lies between half of the exponential delay, capped, and the whole of it", () => {
    fc.assert(
      fc.property(config, attempt, random, (config, attempt, random) => {
        const whole = Math.min(config.baseDelay * config.backoffMultiplier ** (attempt - 1), config.maxDelay);
        const delayMs = backoffDelayMs(attempt, config, () => random);
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(whole / 2));
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(whole));
        expect(Number.isSafeInteger(delayMs)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it("never gets shorter from one attempt to the next with the same luck, and ends at the cap", () => {
    fc.assert(
      fc.property(config, attempt, random, (config, attempt, random) => {
        const delayMs = (attempt: number): number => backoffDelayMs(attempt, config, () => random);
        expect(delayMs(attempt + 1)).toBeGreaterThanOrEqual(delayMs(attempt));
        expect(backoffDelayMs(attempt, config, () => 1)).toBeLessThanOrEqual(config.maxDelay);
      }),
      { numRuns: 200 },
    );
  });

  it("doubles from 100 ms up to 30 s by default", () => {
    const delays = [1, 2, 3, 9, 10, 11, 100].map((attempt) => backoffDelayMs(attempt, DEFAULT_RETRY_CONFIG, () => 1));
    expect(delays).toEqual([100, 200, 400, 25_600, 30_000, 30_000, 30_000]);
  });
});
