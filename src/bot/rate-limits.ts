import { RateLimitError, type REST } from "discord.js";
import { systemClock, type Clock } from "../core/clock.ts";
import { SetBackDetector } from "../core/set-back-detector.ts";

/** A clock that is brought in line step by step is off by less; a wait that is longer by this does no harm. */
const TOLERANCE_MS = 1_000;

/**
 * discord.js notes by the time of day until when a limit holds (measured, @discordjs/rest 2): when a clock that was a day
 * ahead is put right, requests would wait for a day, and whoever waits for them, too. What was noted by the clock as it
 * was is forgotten then, and the request made again; if the limit still holds, Discord says so.
 */
export function forgetLimitsWhenClockGoesBack(rest: REST, clock: Clock = systemClock): void {
  const detector = new SetBackDetector(clock, TOLERANCE_MS);

  rest.options.rejectOnRateLimit = () => {
    if (!detector.check()) return false;
    rest.globalReset = -1;
    rest.globalDelay = null;
    for (const handler of rest.handlers.values()) Object.assign(handler, { reset: -1 });
    return true;
  };

  const request = rest.request.bind(rest);
  rest.request = async (options) => {
    try {
      return await request(options);
    } catch (error) {
      if (error instanceof RateLimitError) return await request(options);
      throw error;
    } finally {
      detector.note();
    }
  };
}
