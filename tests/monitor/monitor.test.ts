import { once } from "node:events";
import { get as httpGet, type IncomingMessage } from "node:http";
import { askMonitor } from "../../src/cli/status.ts";
import { MusterError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { HealthReport } from "../../src/database/health/health-types.ts";
import type { JobReport } from "../../src/monitor/api-types.ts";
import { MonitorClient } from "../../src/monitor/client.ts";
import type { StreamEvent } from "../../src/monitor/event-stream.ts";
import { CallFigures } from "../../src/monitor/metrics/call-figures.ts";
import type { MonitorSources } from "../../src/monitor/monitor-sources.ts";
import { Monitor } from "../../src/monitor/monitor.ts";
import { findFreePort } from "../../src/sandbox/free-port.ts";
import { SYSTEM_CHAIN } from "../../src/store/audit.ts";
import { createReadStore } from "../../src/store/store.ts";
import { startTestBot, type TestBot } from "../helpers/bot.ts";
import { createJobsBesideBot } from "../helpers/jobs-here.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { parseExposition, valueOf } from "./exposition.ts";
import { TOKEN } from "./monitor-rig.ts";

/** The whole bot with its monitor, over real connections. */

type AuditRow = Awaited<ReturnType<TestBot["store"]["audit"]["list"]>>["entries"][number];

let bot: TestBot;
let port: number;
let url: string;
let client: MonitorClient;
beforeAll(async () => {
  port = await findFreePort();
  url = `http://127.0.0.1:${port}/`;
  bot = await startTestBot({
    settings: { MONITOR_PORT: String(port), MONITOR_TOKEN: TOKEN },
    createMaintenance: createJobsBesideBot,
  });
  client = new MonitorClient({ url, token: () => TOKEN });
});
afterAll(async () => {
  await bot.stop();
});

async function awaitJob({ id }: JobReport): Promise<JobReport> {
  for (;;) {
    const job = await client.job(id);
    if (job.state !== "running") return job;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function listSystemAudit(): Promise<readonly AuditRow[]> {
  return (await bot.store.audit.list({ guildId: SYSTEM_CHAIN, limit: 20 })).entries;
}

/** What happens on its own, on the real clock. */
async function expectSoon(isTrue: () => Promise<boolean>): Promise<void> {
  const endAt = performance.now() + 10_000;
  while (!(await isTrue())) {
    if (performance.now() > endAt) throw new Error(`waited for ${isTrue.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function sourcesOf({ app }: TestBot): MonitorSources {
  return {
    ...{ health: app.health, errors: app.errors, recovery: app.recovery, alerts: app.alerts },
    ...{ queue: app.database.queue, backups: undefined, calls: new CallFigures() },
    onStateChange: (listener) => app.degradation.onChange(listener),
    store: createReadStore(app.database),
  };
}

async function awaitEvent(
  stream: AsyncGenerator<StreamEvent, void>,
  isWanted: (event: string, data: unknown) => boolean,
): Promise<unknown> {
  for (;;) {
    const { done, value } = await stream.next();
    if (done) throw new Error("the stream has ended");
    const data: unknown = JSON.parse(value.data);
    if (isWanted(value.event, data)) return data;
  }
}

describe("the monitor of a running bot", () => {
  it("says how the bot is, also on the command line", async () => {
    expect(await client.ready()).toEqual({ isReady: true, database: "normal" });
    const report = await client.health();
    expect(report).toMatchObject({ database: { state: "normal", isConnected: true }, gateway: { isConnected: true } });
    const { lines, isFailed } = await askMonitor(url, "");
    expect([isFailed, lines.join("\n")]).toEqual([false, expect.stringContaining("connected, 1 servers")]);
  });

  it("gives figures that a strict reader takes", async () => {
    const metrics = parseExposition(await (await fetch(`${url}metrics`)).text());
    expect(valueOf(metrics, "muster_gateway_connected")).toBe(1);
    expect(valueOf(metrics, "muster_database_queries_total")).toBeGreaterThan(0);
    expect(valueOf(metrics, "muster_database_size_bytes")).toBeGreaterThanOrEqual(4_096);
  });

  it("makes, verifies and restores backups, and records who asked", async () => {
    const made = await awaitJob(await client.createBackup("from the dashboard"));
    expect(made).toMatchObject({ kind: "backup", state: "succeeded", progress: 1 });
    const [backup] = await client.backups();
    expect(backup).toMatchObject({ comment: "from the dashboard", reason: "manual", isVerified: true });
    const { id } = backup!;
    expect(await awaitJob(await client.verifyBackup(id))).toMatchObject({ state: "succeeded" });
    await expect(client.verifyBackup("ffffffff")).rejects.toMatchObject({ status: 404, code: "BACKUP_NOT_FOUND" });

    expect(await client.planRestore({ backup: id })).toMatchObject({ backup: id, segmentCount: 0 });
    const asked = await Promise.allSettled([client.restore({ backup: id }), client.restore({ backup: id })]);
    const [restoring, ...others] = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(others).toEqual([]);
    expect(asked.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { status: 409, code: "CONFLICT" },
    });
    expect(await awaitJob(restoring!)).toMatchObject({
      state: "succeeded",
      message: expect.stringContaining(id) as string,
    });
    const isRestore = ({ action, target }: AuditRow): boolean => action === "backup.restore" && target === id;
    await expectSoon(async () => (await listSystemAudit()).some(isRestore));
    expect((await client.recoveryActions())[0]).toMatchObject({ action: "restore", outcome: "succeeded" });
  });

  it("leaks no folder, token, name of a member or value into any answer", async () => {
    const moderator = bot.as(bot.ids.moderatorId);
    await (
      await moderator.command("event create", { title: "Secret Title", every: "1h" }, { channelId: bot.channelId })
    ).settled();
    bot.app.errors.handle(new MusterError("QUERY_FAILED", `read ${bot.databasePath}: Secret Title`));
    bot.app.recovery.begin("rescue", bot.databasePath).fail(new Error(`no ${bot.databasePath}`));
    const paths = [
      ...["health", "health/ready", "health/live", "health/database", "health/system", "metrics", "api/jobs/none", ""],
      ...["health", "samples", "operations", "slow-queries", "suggestions", "errors", "recovery-actions", "alerts"].map(
        toApi,
      ),
      ...["backups", "queue", "usage", "batch?path=/api/errors&path=/api/recovery-actions"].map(toApi),
    ];
    const names = [...bot.sandbox.world.state.users.values()]
      .map(({ username }) => username)
      // The bot is called as the program is.
      .filter((name) => name !== "Muster");
    expect(names.length).toBeGreaterThan(3);
    for (const path of paths) {
      const text = await (await fetch(url + path)).text();
      for (const secret of [bot.dataFolder, "muster-bot-", TOKEN, bot.sandbox.botToken, "Secret Title", ...names]) {
        expect([path, text.includes(secret)]).toEqual([path, false]);
      }
      // Nor anything that looks like a folder of this machine, but for addresses of our own.
      expect([path, /"(?:\/(?!api\/|health)|[A-Z]:\\)[^"]*"/.test(text.replace(/href="[^"]*"/g, ""))]).toEqual([
        path,
        false,
      ]);
    }
  });

  it("streams health at once and on every change of state, and again after a reconnect", async () => {
    const first = new AbortController();
    const stream = client.stream(first.signal);
    await awaitEvent(stream, (event) => event === "health");
    bot.app.degradation.transition({ kind: "offline", reason: new MusterError("DATABASE_IO", "read"), since: 1 });
    await awaitEvent(
      stream,
      (event, data) => event === "health" && (data as HealthReport).database.state === "offline",
    );
    expect((await fetch(`${url}health/database`)).status).toBe(503);
    expect(await client.ready()).toMatchObject({ isReady: true });
    bot.app.degradation.transition({ kind: "normal" });
    await awaitEvent(stream, (event, data) => event === "health" && (data as HealthReport).database.state === "normal");
    first.abort();
    await expect(stream.next()).rejects.toThrow();

    const again = client.stream(new AbortController().signal);
    await awaitEvent(again, (event) => event === "health");
    // What it missed is told again.
    await awaitEvent(again, (event, data) => event === "job" && (data as JobReport).kind === "restore");
    await again.return();
  });

  it("closes in time while streams and idle connections are open", async () => {
    const clock = new ManualClock();
    const monitor = new Monitor({
      ...{ host: "127.0.0.1", port: 0, token: "", clock, logger: silentLogger, onWork: () => undefined },
      sources: sourcesOf(bot),
    });
    await monitor.start();
    const response = await new Promise<IncomingMessage>((resolve) => {
      httpGet(`${monitor.url}/api/stream`, resolve);
    });
    response.resume();
    await fetch(`${monitor.url}/health/live`);
    const ended = once(response, "end");
    // The clock stands still: no time limit can have done it.
    await monitor.stop();
    await ended;
    await monitor.stop();
  });

  it("is tried again, and the bot runs on, while its port is taken", async () => {
    const clock = new ManualClock();
    const lines: string[] = [];
    const logger = { ...silentLogger, error: (message: string) => void lines.push(message) };
    const monitor = new Monitor({
      ...{ host: "127.0.0.1", token: "", clock, logger, onWork: () => undefined, sources: sourcesOf(bot) },
      port,
    });
    await monitor.start();
    expect([monitor.url, lines]).toEqual([
      undefined,
      ["the monitor cannot listen; the bot runs without it, and it is tried again"],
    ]);
    clock.advance(10_000);
    await expectSoon(async () => lines.length === 2);
    await monitor.stop();
  });

  it("does not listen beyond this machine without a token", () => {
    const create = (host: string): Monitor =>
      new Monitor({
        ...{ host, port: 0, token: "", clock: new ManualClock(), logger: silentLogger, onWork: () => undefined },
        sources: sourcesOf(bot),
      });
    expect(() => create("0.0.0.0")).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }) as Error);
    expect(() => create("localhost")).not.toThrow();
  });
});

function toApi(path: string): string {
  return `api/${path}`;
}
