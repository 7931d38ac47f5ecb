import type { Timing } from "../../src/monitor/client/retry.ts";
import { MonitorClient } from "../../src/monitor/client.ts";

type Answer = Response | Error;

/** A client whose requests are answered one after another by what it is given; the last one again and again. */
function createClient(...answers: readonly Answer[]) {
  const requests: { readonly url: string; readonly method: string; readonly authorization: string | null }[] = [];
  const sleeps: number[] = [];
  let now = 0;
  const timing: Timing = {
    now: () => now,
    sleep: async (ms) => void sleeps.push(ms),
    random: () => 0.5,
  };
  const client = new MonitorClient({
    ...{ url: "http://bot.example/muster/", token: () => "a-token", timing },
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers);
      const url = input instanceof Request ? input.url : String(input);
      requests.push({ url, method: init?.method ?? "GET", authorization: headers.get("authorization") });
      const answer = answers[Math.min(requests.length, answers.length) - 1]!;
      if (answer instanceof Error) throw answer;
      return answer.clone();
    },
  });
  return { client, requests, sleeps, goOn: (ms: number) => (now += ms) };
}

const refusal = (status: number, code: string): Response =>
  Response.json({ error: { code, message: "No.", hint: "Do this.", reference: "ABCD1234" } }, { status });
const unreachable = new TypeError("fetch failed");

describe("the monitor's client", () => {
  it("asks below the address it was given, with the token", async () => {
    const { client, requests } = createClient(Response.json([]));
    expect(await client.samples(1, 2)).toEqual([]);
    expect(requests).toEqual([
      { url: "http://bot.example/muster/api/samples?from=1&to=2", method: "GET", authorization: "Bearer a-token" },
    ]);
  });

  it("tries a read again, waiting longer each time, when that may help", async () => {
    const { client, requests, sleeps } = createClient(unreachable, refusal(503, "DATABASE_BUSY"), Response.json([]));
    expect(await client.errors()).toEqual([]);
    expect([requests.length, sleeps]).toEqual([3, [150, 300]]);
  });

  it("gives up after three tries, with the reason", async () => {
    const { client, requests } = createClient(refusal(503, "DATABASE_BUSY"));
    await expect(client.backups()).rejects.toMatchObject({
      ...{ status: 503, code: "DATABASE_BUSY", message: "No.", hint: "Do this.", reference: "ABCD1234" },
    });
    expect(requests).toHaveLength(3);
  });

  it.each([refusal(401, "TOKEN_REQUIRED"), refusal(400, "INPUT_INVALID"), refusal(500, "INTERNAL")])(
    "asks once when asking again brings the same",
    async (answer) => {
      const { client, requests } = createClient(answer);
      await expect(client.queue()).rejects.toMatchObject({ status: answer.status });
      expect(requests).toHaveLength(1);
    },
  );

  it("never sends twice what changes something", async () => {
    for (const answer of [unreachable, refusal(503, "SHUTTING_DOWN")]) {
      const { client, requests } = createClient(answer);
      await expect(client.createBackup("x")).rejects.toThrow();
      expect(requests.map(({ method }) => method)).toEqual(["POST"]);
    }
  });

  it("asks nothing for a while after five failures, then one looks for all", async () => {
    const { client, requests, goOn } = createClient(...Array<Answer>(6).fill(unreachable), Response.json([]));
    await expect(client.errors()).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(client.errors()).rejects.toMatchObject({ code: "BREAKER_OPEN" });
    expect(requests).toHaveLength(5);
    goOn(5_000);
    const [first, second] = await Promise.allSettled([client.createBackup(), client.createBackup()]);
    expect([first.status, second]).toMatchObject(["rejected", { reason: { code: "BREAKER_OPEN" } }]);
    expect(requests).toHaveLength(6);
    goOn(5_000);
    expect(await client.errors()).toEqual([]);
    expect(await client.errors()).toEqual([]);
  });

  it("takes a bot that refuses for one that is there", async () => {
    const { client, requests } = createClient(refusal(404, "NOT_FOUND"));
    for (let count = 0; count < 8; count++) await client.job("x").catch(() => undefined);
    expect(requests).toHaveLength(8);
  });

  it("gives each answer of a batch, or why there is none", async () => {
    const body = [
      { path: "/api/errors", status: 200, body: [] },
      { path: "/api/usage", status: 503, body: { error: { code: "DATABASE_BUSY", message: "No." } } },
    ];
    const { client, requests } = createClient(Response.json(body));
    const [errors, usage] = await client.batch([{ path: "/api/errors" }, { path: "/api/usage", query: { from: 1 } }]);
    expect(errors).toEqual([]);
    expect(usage).toMatchObject({ status: 503, code: "DATABASE_BUSY" });
    expect(requests[0]!.url).toContain("path=%2Fapi%2Ferrors&path=%2Fapi%2Fusage%3Ffrom%3D1");
  });

  it("tells an answer of somebody else from one of the monitor", async () => {
    const { client } = createClient(new Response("<html>", { status: 200 }));
    await expect(client.health()).rejects.toMatchObject({ code: "ANSWER_INVALID" });
    const other = createClient(new Response("<html>", { status: 404 }));
    await expect(other.client.health()).rejects.toMatchObject({ status: 404, code: "ANSWER_INVALID" });
  });

  it("takes not being ready for an answer", async () => {
    const body = { isReady: false, database: "offline" };
    const { client, requests } = createClient(Response.json(body, { status: 503 }));
    expect(await client.ready()).toEqual(body);
    expect(requests).toHaveLength(1);
  });
});
