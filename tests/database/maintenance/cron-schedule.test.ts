import { silentLogger } from "../../../src/core/logger.ts";
import { createCronSchedule, CronJob, type Schedule } from "../../../src/database/maintenance/cron-schedule.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const YEAR_MS = 365 * 24 * HOUR_MS;

const START = new Date(2026, 2, 10, 12, 0, 30).getTime();
/** By the host's clocks, on the day of the start. */
const at = (hour: number, minute = 0, second = 0): number => new Date(2026, 2, 10, hour, minute, second).getTime();

let clock: ManualClock;
let failures: string[];
let schedule: Schedule;
/** By the clock as it was then. */
let runs: number[];
const run = (): void => void runs.push(clock.now());

beforeEach(() => {
  clock = new ManualClock(START);
  [runs, failures] = [[], []];
  schedule = createCronSchedule(clock, { ...silentLogger, error: (message) => failures.push(message) });
});

describe("a cron schedule", () => {
  it("calls back at each moment of the expression, at once, until it is ended", () => {
    const end = schedule("*/2 * * * *", run);
    clock.advance(5 * MINUTE_MS);
    expect(runs).toEqual([at(12, 2), at(12, 4)]);
    end();
    clock.advance(HOUR_MS);
    expect(runs).toHaveLength(2);
    expect(clock.delaysMs).toEqual([]);
  });

  it("goes on within seconds by a clock that was ahead and was put right", () => {
    clock.setBack(-YEAR_MS);
    schedule("*/5 * * * *", run);
    clock.advance(10_000);
    clock.setBack(YEAR_MS);
    clock.advance(10 * MINUTE_MS);
    expect(runs).toEqual([at(12, 5), at(12, 10)]);
  });

  it("makes up once for all the moments that a clock put ahead has left behind", () => {
    schedule("0 */6 * * *", run);
    clock.advance(MINUTE_MS);
    clock.setBack(-6 * YEAR_MS);
    clock.advance(10_000);
    expect(runs).toHaveLength(1);
    clock.advance(24 * HOUR_MS);
    expect(runs).toHaveLength(5);
  });

  it("is not moved by a jump in which no moment lies", () => {
    schedule("0 18 * * *", run);
    clock.setBack(-HOUR_MS);
    clock.advance(MINUTE_MS);
    clock.setBack(HOUR_MS);
    clock.advance(MINUTE_MS);
    expect(runs).toEqual([]);
    clock.advance(6 * HOUR_MS);
    expect(runs).toEqual([at(18)]);
  });

  it("does not repeat a moment when the clock is brought in line by seconds", () => {
    schedule("0 * * * *", run);
    // Up to a second before the next look, which then sees the moment before the one that has come.
    clock.advance(at(13, 0, 9) - clock.now());
    clock.setBack(13_000);
    clock.advance(MINUTE_MS);
    expect(runs).toEqual([at(13)]);
  });

  it("goes on when what it calls throws, and tells of it", () => {
    schedule("* * * * *", () => {
      run();
      throw new Error("no room");
    });
    clock.advance(2 * MINUTE_MS);
    expect(runs).toEqual([at(12, 1), at(12, 2)]);
    expect(failures).toEqual(["what was scheduled failed", "what was scheduled failed"]);
  });

  it("can be ended by what it calls", () => {
    const end = schedule("* * * * *", () => {
      run();
      end();
    });
    clock.advance(HOUR_MS);
    expect(runs).toEqual([at(12, 1)]);
  });
});

describe("a cron job", () => {
  it("follows the expression that was set last, and none when there is none", () => {
    const job = new CronJob(schedule, run);
    job.set("5 * * * *");
    job.set("7 * * * *");
    clock.advance(10 * MINUTE_MS);
    expect(runs).toEqual([at(12, 7)]);
    job.set(undefined);
    clock.advance(2 * HOUR_MS);
    expect(runs).toHaveLength(1);
    job.set("7 * * * *");
    clock.advance(HOUR_MS);
    expect(runs).toHaveLength(2);
    job.stop();
    expect(clock.delaysMs).toEqual([]);
  });

  it("is not armed anew by the expression that it has", () => {
    const expressions: string[] = [];
    const job = new CronJob((expression) => {
      expressions.push(expression);
      return () => undefined;
    }, run);
    job.set("5 * * * *");
    job.set("5 * * * *");
    expect(expressions).toEqual(["5 * * * *"]);
  });
});
