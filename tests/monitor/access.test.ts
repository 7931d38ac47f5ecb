import { BEARER, ELSEWHERE, listRoutes, MonitorRig, toUrl, TOKEN, type Route } from "./monitor-rig.ts";

type Method = "GET" | "POST" | "HEAD" | "PUT" | "DELETE";

let rig: MonitorRig;
let open: MonitorRig;
let routes: readonly Route[];
beforeAll(async () => {
  rig = await MonitorRig.create();
  open = await MonitorRig.create({ token: "" });
  routes = listRoutes(rig.app).filter(({ path }) => path !== "/api/stream");
});
afterAll(async () => {
  await rig.close();
  await open.close();
});

interface Asked {
  readonly headers?: Record<string, string>;
  readonly remoteAddress?: string;
  readonly of?: MonitorRig;
}

async function ask(method: string, path: string, { headers = {}, remoteAddress = "127.0.0.1", of = rig }: Asked = {}) {
  const response = await of.app.inject({
    ...{ method: method as Method, url: toUrl(path), remoteAddress },
    headers: { host: "localhost:3000", ...headers },
  });
  const isError = response.statusCode >= 400 && response.payload !== "";
  const error = isError ? response.json<{ error: { code: string; hint?: string } }>().error : undefined;
  return { status: response.statusCode, code: error?.code, hint: error?.hint };
}

const isReading = ({ method }: Route): boolean => method === "GET" || method === "HEAD";
/** All that anybody may see from anywhere. A route that is not here needs the token, whoever adds it. */
const PUBLIC_PATHS = ["/", "/*", "/health/live", "/health/ready"];

describe("access to the monitor", () => {
  it("knows routes that change something, and routes that do not", () => {
    expect(
      routes
        .filter((route) => !isReading(route))
        .map(({ path }) => path)
        .sort(),
    ).toEqual(["/api/backups", "/api/backups/:id/verify", "/api/restore"]);
    expect(routes.length).toBeGreaterThan(35);
  });

  it("refuses every changing route without the token, from this machine too", async () => {
    for (const { method, path } of routes.filter((route) => !isReading(route))) {
      expect([path, await ask(method, path)]).toMatchObject([path, { status: 401, code: "TOKEN_REQUIRED" }]);
      expect([path, await ask(method, path, { of: open })]).toMatchObject([
        path,
        { status: 403, code: "TOKEN_NOT_SET" },
      ]);
      expect((await ask(method, path, { of: open })).hint).toContain("MONITOR_TOKEN");
    }
    expect(rig.work).toEqual([]);
  });

  it("takes the token in the header alone: not in the address, not in a cookie", async () => {
    const cookie = { cookie: `token=${TOKEN}; authorization=Bearer ${TOKEN}` };
    expect(await ask("POST", `/api/backups?token=${TOKEN}`)).toMatchObject({ status: 401 });
    expect(await ask("POST", "/api/backups", { headers: cookie })).toMatchObject({ status: 401 });
    expect(await ask("POST", "/api/backups", { headers: { authorization: TOKEN } })).toMatchObject({ status: 401 });
    // With it, the request gets as far as finding that there is nothing to back up.
    expect(await ask("POST", "/api/backups", { headers: BEARER })).toMatchObject({ status: 409, code: "IN_MEMORY" });
  });

  it("answers from elsewhere, without the token, nothing but what is public", async () => {
    for (const { method, path } of routes.filter(isReading)) {
      const { status } = await ask(method, path, { remoteAddress: ELSEWHERE });
      expect([path, [401].includes(status)]).toEqual([path, !PUBLIC_PATHS.includes(path)]);
    }
    expect(await ask("GET", "/nowhere/at/all", { remoteAddress: ELSEWHERE })).toMatchObject({ status: 404 });
    expect(await ask("GET", "/metrics", { remoteAddress: ELSEWHERE, of: open })).toMatchObject({ code: "NOT_LOCAL" });
  });

  it("answers from elsewhere with the token, and on this machine without", async () => {
    for (const { method, path } of routes.filter(isReading)) {
      const expected = path.includes("/jobs/") || path === "/*" ? 404 : path === "/api/batch" ? 400 : 200;
      const remote = await ask(method, path, { remoteAddress: ELSEWHERE, headers: BEARER });
      expect([path, remote.status, (await ask(method, path)).status]).toEqual([path, expected, expected]);
    }
  });

  it.each([
    ["a name that was made to point here", { host: "rebound.example:3000" }],
    ["a name that only begins like ours", { host: "localhost.example" }],
    ["a proxy on this machine", { "x-forwarded-for": ELSEWHERE }],
    ["a proxy that says so otherwise", { forwarded: `for=${ELSEWHERE}` }],
    ["another site's page", { "sec-fetch-site": "cross-site" }],
    ["a page of another port", { "sec-fetch-site": "same-site" }],
  ])("does not take %s for this machine", async (_who, headers: Record<string, string>) => {
    expect(await ask("GET", "/api/health", { headers })).toMatchObject({ status: 401 });
    expect(await ask("GET", "/api/health", { headers: { ...headers, ...BEARER } })).toMatchObject({ status: 200 });
  });

  it.each(["127.0.0.1:3000", "localhost", "[::1]:3000", "127.0.0.2"])("takes %s for this machine", async (host) => {
    const page = { host, "sec-fetch-site": "same-origin" };
    expect(await ask("GET", "/api/health", { headers: page })).toMatchObject({ status: 200 });
    expect(await ask("GET", "/api/health", { headers: { host }, remoteAddress: "::ffff:127.0.0.1" })).toMatchObject({
      status: 200,
    });
  });

  it("looks at no token of an address that has sent ten wrong ones, for a minute", async () => {
    const from = { remoteAddress: "192.0.2.99" };
    const wrong = { authorization: "Bearer a-token-of-somebody-else" };
    for (let count = 0; count < 10; count++) {
      expect(await ask("GET", "/api/health", { ...from, headers: wrong })).toMatchObject({ code: "TOKEN_WRONG" });
    }
    expect(await ask("GET", "/api/health", { ...from, headers: BEARER })).toMatchObject({ status: 429 });
    expect(await ask("GET", "/api/health", { remoteAddress: ELSEWHERE, headers: BEARER })).toMatchObject({
      status: 200,
    });
    rig.clock.advance(60_000);
    expect(await ask("GET", "/api/health", { ...from, headers: BEARER })).toMatchObject({ status: 200 });
  });

  it("limits requests by address, but never those for liveness and readiness", async () => {
    const small = await MonitorRig.create({ maxRequestsPerMinute: 3 });
    const statuses: number[] = [];
    for (let count = 0; count < 5; count++) statuses.push((await ask("GET", "/api/health", { of: small })).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    expect(await ask("GET", "/api/health", { of: small })).toMatchObject({ code: "TOO_MANY_REQUESTS" });
    expect(await ask("GET", "/health/live", { of: small })).toMatchObject({ status: 200 });
    expect(await ask("GET", "/health/ready", { of: small })).toMatchObject({ status: 200 });
    await small.close();
  });
});
