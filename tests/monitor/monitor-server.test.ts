import { MusterError } from "../../src/core/errors.ts";
import type { ErrorBody } from "../../src/monitor/api-types.ts";
import { operations } from "../../src/store/data-module.ts";
import { createReadStore } from "../../src/store/store.ts";
import { parseExposition, valueOf } from "./exposition.ts";
import { BEARER, MonitorRig, SECRET_PATH } from "./monitor-rig.ts";

let rig: MonitorRig;
beforeEach(async () => {
  rig = await MonitorRig.create();
});
afterEach(async () => {
  await rig.close();
});

async function get(url: string, of = rig) {
  const response = await of.app.inject({ url, headers: { host: "localhost" } });
  return { status: response.statusCode, text: response.payload, headers: response.headers };
}

async function post(url: string, payload: string | object, headers: Record<string, string> = {}) {
  const response = await rig.app.inject({
    ...{ method: "POST", url, payload },
    headers: { host: "localhost", ...BEARER, ...headers },
  });
  return { status: response.statusCode, text: response.payload };
}

describe("health routes", () => {
  it.each([
    { state: "normal", isConnected: true, ready: 200, database: 200 },
    { state: "read-only", isConnected: true, ready: 200, database: 200 },
    { state: "offline", isConnected: true, ready: 200, database: 503 },
    { state: "normal", isConnected: false, ready: 503, database: 200 },
    { state: "read-only", isConnected: false, ready: 503, database: 200 },
    { state: "offline", isConnected: false, ready: 503, database: 503 },
  ] as const)(
    "with the database $state and the gateway $isConnected, ready says $ready and database $database",
    async (given) => {
      rig.setDatabase({ state: given.state });
      rig.setGateway({ isConnected: given.isConnected });
      const ready = await get("/health/ready");
      expect(ready.status).toBe(given.ready);
      expect(JSON.parse(ready.text)).toEqual({ isReady: given.isConnected, database: given.state });
      expect((await get("/health/database")).status).toBe(given.database);
      expect((await get("/health")).status).toBe(200);
      expect((await get("/health/system")).status).toBe(200);
      expect((await get("/health/live")).status).toBe(200);
    },
  );

  it("says that the process lives when nothing else can be told", async () => {
    const broken = await MonitorRig.create(
      {},
      {
        health: {
          report: () => {
            throw new Error(SECRET_PATH);
          },
        } as never,
      },
    );
    expect(await get("/health/live", broken)).toMatchObject({ status: 200, text: '{"status":"alive"}' });
    expect((await get("/health/ready", broken)).status).toBe(500);
    await broken.close();
  });
});

describe("/metrics", () => {
  it("is text that a strict reader takes, whatever is known", async () => {
    const bare = parseExposition((await get("/metrics")).text);
    // What is not known is not said.
    expect(valueOf(bare, "muster_backup_last_success_timestamp_seconds")).toBeUndefined();
    expect(valueOf(bare, "muster_database_size_bytes")).toBeUndefined();
    rig.setDatabase({
      state: "offline",
      files: { databaseBytes: 5, walBytes: 4, maxBytes: 3, diskFreeBytes: 2, diskTotalBytes: 1 },
      queue: { size: 2, oldestAt: rig.clock.now() - 1_500, deadLetterCount: 1 },
    });
    rig.calls.record({ name: "events.find", outcome: "ok", durationMs: 3 });
    rig.calls.record({ name: "events.find", outcome: "failed", durationMs: 20_000 });
    const metrics = parseExposition((await get("/metrics")).text);
    expect(valueOf(metrics, "muster_database_size_bytes")).toBe(5);
    expect(valueOf(metrics, "muster_queue_oldest_age_seconds")).toBe(1.5);
    const states = [...metrics.get("muster_database_state")!.series.values()];
    expect(states).toEqual([0, 0, 1]);
    const calls = "muster_database_call_duration_seconds";
    expect(valueOf(metrics, calls, `${calls}_bucket{le="0.0025",outcome="ok"}`)).toBe(0);
    expect(valueOf(metrics, calls, `${calls}_bucket{le="0.005",outcome="ok"}`)).toBe(1);
    expect(valueOf(metrics, calls, `${calls}_bucket{le="10",outcome="failed"}`)).toBe(0);
    expect(valueOf(metrics, calls, `${calls}_bucket{le="+Inf",outcome="failed"}`)).toBe(1);
    expect(valueOf(metrics, calls, `${calls}_sum{outcome="failed"}`)).toBe(20);
  });

  it("says each figure once, however often it is asked", async () => {
    const first = parseExposition((await get("/metrics")).text);
    await Promise.all([get("/metrics"), get("/metrics")]);
    const later = parseExposition((await get("/metrics")).text);
    expect(valueOf(later, "muster_database_queries_total")).toBe(valueOf(first, "muster_database_queries_total"));
    expect(valueOf(later, "muster_database_queries_total")).toBe(10);
  });

  it("keeps the number of series bounded", async () => {
    for (let index = 0; index < 1_000; index++) rig.calls.record({ name: `n${index}`, outcome: "ok", durationMs: 1 });
    const metrics = parseExposition((await get("/metrics")).text);
    expect(metrics.get("muster_database_calls_total")!.series.size).toBe(201);
    expect(
      valueOf(metrics, "muster_database_calls_total", 'muster_database_calls_total{operation="other",outcome="ok"}'),
    ).toBe(800);
  });
});

describe("requests that are not valid", () => {
  it.each([
    ["/api/samples?from=yesterday", "from"],
    ["/api/samples?from=2026-11-20T10:00:00", "from"],
    ["/api/samples?from=20&to=10", "from to be before to"],
    ["/api/samples?from=0&to=999999999999", "400 days"],
    ["/api/usage?form=1", "form"],
    ["/api/health?x=1", "x"],
    ["/api/batch", "path"],
    ["/api/batch?path=api", "path"],
  ])("%s is refused, and the answer says why", async (url, word) => {
    const { status, text } = await get(url);
    const { error } = JSON.parse(text) as ErrorBody;
    expect([status, error.code]).toEqual([400, "INPUT_INVALID"]);
    expect(error.message).toContain(word);
  });

  it.each([
    ["/api/backups", { comment: "x".repeat(201) }, 400],
    ["/api/backups", { comment: 1 }, 400],
    ["/api/backups", { coment: "x" }, 400],
    ["/api/backups/..%2f..%2fetc/verify", {}, 400],
    ["/api/restore", { backup: "0123abcd", at: "2026-11-20T10:00:00Z", confirm: true }, 400],
    ["/api/restore", { at: "soon", confirm: true }, 400],
    ["/api/restore", {}, 400],
    ["/api/backups", { comment: "x".repeat(20_000) }, 413],
  ])("POST %s with %j is refused", async (url, body, status) => {
    expect((await post(url, body)).status).toBe(status);
  });

  it("of another type than JSON, or broken, are refused in our own words", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await post("/api/backups", "comment=x", form)).status).toBe(415);
    expect((await post("/api/backups", "comment", { "content-type": "text/plain" })).status).toBe(415);
    const broken = await post("/api/backups", '{"comment": ', { "content-type": "application/json" });
    expect([broken.status, JSON.parse(broken.text)]).toEqual([
      400,
      { error: { code: "REQUEST_INVALID", message: "The request could not be understood." } },
    ]);
  });
});

describe("failures", () => {
  const secrets = `${SECRET_PATH}/muster.db: SELECT name FROM user WHERE name = 'Member 1'`;

  it.each([
    [new Error(secrets), 500, "INTERNAL"],
    [new MusterError("QUERY_FAILED", secrets, { hint: secrets }), 500, "QUERY_FAILED"],
    [new MusterError("DATABASE_UNAVAILABLE", secrets), 503, "DATABASE_UNAVAILABLE"],
  ])("%# are answered with a code and a reference that the log has, and nothing else", async (thrown, status, code) => {
    rig.database.call = async () => {
      throw thrown;
    };
    const { status: got, text } = await get("/api/usage");
    const { error } = JSON.parse(text) as { error: Record<string, string> };
    expect([got, error.code]).toEqual([status, code]);
    expect(Object.keys(error).sort()).toEqual(["code", "message", "reference"]);
    expect(text).not.toMatch(/srv|SELECT|Member/);
    expect(rig.log.find(({ fields }) => fields.reference === error.reference)?.fields.error).toBe(thrown);
  });

  it("of one in a batch leave the others as they are", async () => {
    rig.database.call = () => Promise.reject(new Error(secrets));
    const { status, text } = await get(
      "/api/batch?path=/api/queue&path=/api/usage&path=/api/nothing&path=/api/samples%3Ffrom%3Dx&path=/api/batch",
    );
    const answers = JSON.parse(text) as { path: string; status: number }[];
    expect([status, answers.map((answer) => answer.status)]).toEqual([200, [200, 500, 404, 400, 404]]);
    expect(answers[3]!.path).toBe("/api/samples?from=x");
    expect(text).not.toContain(SECRET_PATH);
  });

  it("that other parts tell of are shown without folders", async () => {
    rig.report = {
      ...rig.report,
      problems: [{ severity: "warning", kind: "backup-failed", message: `write ${SECRET_PATH}/x.db: no room` }],
      backups: { ...rig.report.backups, lastError: `open ${SECRET_PATH}/y.db: not permitted` },
    };
    for (const url of ["/health", "/api/health", "/api/batch?path=/api/health"]) {
      const { text } = await get(url);
      expect(text).not.toContain("/srv");
      expect(text).toContain("x.db: no room");
    }
  });
});

describe("answers", () => {
  it("forbid a browser what the dashboard does not need", async () => {
    const { headers, text } = await get("/");
    expect(text).toContain("npm run build:web");
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none';script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
    expect(headers["strict-transport-security"]).toBeUndefined();
    expect((await get("/api/health")).headers["cache-control"]).toBe("no-store");
  });

  it("give no file from outside the page's folder", async () => {
    for (const path of [
      "/..%2f..%2fetc%2fpasswd",
      "/%2e%2e/%2e%2e/etc/passwd",
      "/.env",
      "/assets/../../../package.json",
    ]) {
      expect([400, 403, 404]).toContain((await get(path)).status);
    }
  });
});

describe("the store that the monitor holds", () => {
  it("has every read and no write", async () => {
    const called: string[] = [];
    const store = createReadStore({
      call: async (name) => {
        called.push(name);
      },
    });
    const all = Object.entries(operations).flatMap(([group, members]) =>
      Object.entries(members as Record<string, { kind: string }>).map(([name, { kind }]) => ({
        path: `${group}.${name}`,
        kind,
      })),
    );
    const reachable = Object.entries(store).flatMap(([group, members]) =>
      Object.entries(members as Record<string, (input: unknown) => Promise<unknown>>).map(([name, call]) => ({
        ...{ path: `${group}.${name}`, call },
      })),
    );
    const pathsOf = (kind: string): string[] => all.filter((each) => each.kind === kind).map(({ path }) => path);
    expect(reachable.map(({ path }) => path)).toEqual(pathsOf("read"));
    expect(pathsOf("write").length).toBeGreaterThan(10);
    for (const { call } of reachable) await call({});
    expect(called).toEqual(pathsOf("read"));
    // @ts-expect-error: to the compiler there is no write either
    expect(store.usage.record).toBeUndefined();
  });
});
