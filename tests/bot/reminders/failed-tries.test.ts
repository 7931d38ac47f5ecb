import { DiscordAPIError } from "discord.js";
import { FailedTries, MAX_POSTPONEMENT_MS } from "../../../src/bot/reminders/failed-tries.ts";
import { MusterError } from "../../../src/core/errors.ts";

const MINUTE_MS = 60_000;
const REFUSED = new DiscordAPIError(
  { code: 50001, message: "Missing Access" },
  ...([50001, 403, "GET", "https://discord.test", {}] as const),
);
const OVERLOADED = new DiscordAPIError({ code: 0, message: "no" }, 0, 503, "GET", "https://discord.test", {});
const UNAVAILABLE = new MusterError("DISCORD_REQUEST_FAILED", "list the audience: the server is not available");

describe("the tries of a reminder that cannot be sent", () => {
  let tries: FailedTries;
  beforeEach(() => {
    tries = new FailedTries(() => 1);
  });
  const note = (error: unknown, times: number): (number | undefined)[] =>
    Array.from({ length: times }, () => tries.note("event", error));

  it("end with the fifth refusal, a minute apart, and begin anew with the next reminder", () => {
    const untilGivenUp = [MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS, undefined];
    expect(note(REFUSED, 10)).toEqual([...untilGivenUp, ...untilGivenUp]);
  });

  it.each([
    ["an overloaded Discord", OVERLOADED],
    ["a server that is not available", UNAVAILABLE],
    ["a connection that is refused", Object.assign(new Error("refused"), { code: "ECONNREFUSED" })],
  ])("never end for %s, and are further and further apart", (_what, error) => {
    const pausesMs = note(error, 100);
    expect(pausesMs.slice(0, 4)).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(pausesMs.at(-1)).toBe(MAX_POSTPONEMENT_MS);
  });

  it("count refusals in a row alone, of one event, and none after a success", () => {
    note(REFUSED, 4);
    expect(tries.note("another event", REFUSED)).toBe(MINUTE_MS);
    expect(note(UNAVAILABLE, 1)).toEqual([5_000]);
    expect(note(REFUSED, 4)).not.toContain(undefined);
    tries.forget("event");
    expect(note(REFUSED, 1)).toEqual([MINUTE_MS]);
  });

  it("end also for a fault of our own: it would not pass by itself", () => {
    expect(note(new MusterError("INPUT_INVALID", "too long"), 5).at(-1)).toBeUndefined();
    expect(note(new RangeError("mistaken"), 5).at(-1)).toBeUndefined();
  });
});
