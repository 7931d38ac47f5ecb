import { REST } from "discord.js";
import { forgetLimitsWhenClockGoesBack } from "../../src/bot/rate-limits.ts";

const DAY_MS = 86_400_000;
/** Seconds, as Discord has it. */
const LIMITED = { "x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "0.3" };
const GLOBAL = { "retry-after": "0.3", "x-ratelimit-global": "true" };

describe("rate limits", () => {
  const { now } = Date;
  let aheadMs = 0;
  beforeEach(() => {
    aheadMs = 0;
    Date.now = () => now() + aheadMs;
  });
  afterEach(() => {
    Date.now = now;
  });

  /** A Discord whose answers come in this order, the last one again and again. */
  function createRest(answers: readonly { readonly status: number; readonly headers: Record<string, string> }[]): REST {
    let count = 0;
    const makeRequest = async (): Promise<Response> => {
      const { status, headers } = answers[Math.min(count++, answers.length - 1)]!;
      const body = JSON.stringify(status === 429 ? { message: "slow down", retry_after: 0.3 } : { count });
      return new Response(body, { status, headers: { "content-type": "application/json", ...headers } });
    };
    const rest = new REST({ makeRequest, offset: 0 }).setToken("token");
    forgetLimitsWhenClockGoesBack(rest);
    return rest;
  }

  it("are waited for", async () => {
    const rest = createRest([{ status: 200, headers: LIMITED }]);
    await rest.get("/channels/1/messages");
    const startedAt = performance.now();
    await rest.get("/channels/1/messages");
    expect(performance.now() - startedAt).toBeGreaterThan(250);
  });

  it("of a channel do not last for as long as a clock was ahead that is put right, for whoever waits", async () => {
    const rest = createRest([{ status: 200, headers: LIMITED }]);
    aheadMs = DAY_MS;
    await Promise.all(["1", "2"].map((id) => rest.get(`/channels/${id}/messages`)));
    // This one sleeps for the limit, and finds the clock set back when it wakes up.
    const asleep = rest.get("/channels/1/messages");
    aheadMs = 0;
    const later = ["2", "2"].map((id) => rest.get(`/channels/${id}/messages`));
    expect(await Promise.all([asleep, ...later])).toHaveLength(3);
  });

  it("of everything do not either", async () => {
    const rest = createRest([
      { status: 429, headers: GLOBAL },
      { status: 200, headers: {} },
    ]);
    aheadMs = DAY_MS;
    const asleep = rest.get("/channels/1/messages");
    await new Promise((resolve) => setTimeout(resolve, 100));
    aheadMs = 0;
    expect(await Promise.all([asleep, rest.get("/channels/2/messages")])).toHaveLength(2);
  });
});
