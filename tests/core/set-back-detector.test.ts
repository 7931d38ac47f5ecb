import { SetBackDetector } from "../../src/core/set-back-detector.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

describe("a clock that is set back", () => {
  const clock = new ManualClock();
  let detector: SetBackDetector;
  beforeEach(() => {
    detector = new SetBackDetector(clock, 1_000);
  });

  it("is noticed once, also long after, and again the next time", () => {
    clock.setBack(5_000);
    clock.advance(3_600_000);
    expect([detector.check(), detector.check()]).toEqual([true, false]);
    clock.setBack(1_001);
    expect([detector.check(), detector.check()]).toEqual([true, false]);
  });

  it("is not when time passes, it is brought in line by little, or it jumps ahead", () => {
    clock.advance(3_600_000);
    expect(detector.check()).toBe(false);
    clock.setBack(1_000);
    expect(detector.check()).toBe(false);
    clock.setBack(-86_400_000);
    expect(detector.check()).toBe(false);
  });

  it("is noticed when it had been ahead only while it was used", () => {
    clock.setBack(-86_400_000);
    detector.note();
    clock.setBack(86_400_000);
    detector.note();
    expect(detector.check()).toBe(true);
  });
});
