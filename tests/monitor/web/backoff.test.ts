import { waitBeforeAttemptMs } from "../../../src/monitor/web/live/backoff.ts";

describe("waits before the page tries to reach the bot again", () => {
  it("double up to ten seconds", () => {
    expect([1, 2, 3, 4, 5, 6, 50].map((attempt) => waitBeforeAttemptMs(attempt, 0.5))).toEqual([
      ...[500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000],
    ]);
  });

  it("differ by a fifth, so that many pages do not come at once", () => {
    expect([0, 1].map((random) => waitBeforeAttemptMs(1, random))).toEqual([400, 600]);
  });
});
