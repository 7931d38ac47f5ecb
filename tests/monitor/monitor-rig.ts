import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { silentLogger, type LogFields, type Logger } from "../../src/core/logger.ts";
import type {
  DatabaseReport,
  GatewayReport,
  HealthReport,
  HealthSample,
} from "../../src/database/health/health-types.ts";
import { CallFigures } from "../../src/monitor/metrics/call-figures.ts";
import { createMonitorServer, type MonitorServerOptions } from "../../src/monitor/monitor-server.ts";
import type { FinishedWork, MonitorSources } from "../../src/monitor/monitor-sources.ts";
import { createReadStore } from "../../src/store/store.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

export const TOKEN = "a-token-of-the-operator";
export const BEARER = { authorization: `Bearer ${TOKEN}` };
/** From documentation's own range of addresses. */
export const ELSEWHERE = "192.0.2.7";
/** What must not be seen in any answer. */
export const SECRET_PATH = "/srv/muster/data";

const noTimes = { count: 0, averageMs: 0, minMs: 0, maxMs: 0, p50Ms: 0, p95Ms: 0, p99Ms: 0 };
const quiet = { ...noTimes, windowMs: 60_000, errorCount: 0, errorRate: 0, perSecond: 0 };

export function healthyReport(at: number): HealthReport {
  return {
    at,
    status: "healthy",
    problems: [],
    database: {
      ...{ state: "normal", isConnected: true, engine: "ready", restartCount: 0, queryCount: 10, errorCount: 1 },
      ...{ lastMinute: quiet, lastFiveMinutes: quiet, pendingWrites: 0, breaker: "closed" },
      pool: { size: 2, inUse: 0, idle: 2, waiting: 0 },
      cache: { hits: 3, misses: 1, hitRate: 0.75, size: 1 },
      queue: { size: 0, deadLetterCount: 0 },
      integrity: { status: "unknown", problemCount: 0 },
    },
    backups: { archive: { isEnabled: false, status: "off" } },
    system: {
      ...{ version: "0.0.0", nodeVersion: "24.0.0", startedAt: at - 1_000, uptimeMs: 1_000, cpuShare: 0 },
      eventLoopDelay: { meanMs: 0, p99Ms: 0, maxMs: 0 },
      memory: { residentBytes: 1, heapUsedBytes: 1, heapTotalBytes: 1 },
    },
    gateway: { isConnected: true, reconnectCount: 0, rateLimitCount: 0, guildCount: 1 },
  };
}

export interface LoggedLine {
  readonly message: string;
  readonly fields: LogFields;
}

/** A monitor over sources that say what a test has them say; not listening, asked with `inject`. */
export class MonitorRig {
  readonly clock = new ManualClock();
  readonly calls = new CallFigures();
  readonly log: LoggedLine[] = [];
  readonly work: FinishedWork[] = [];
  readonly database = { call: (): Promise<unknown> => Promise.resolve([]) };
  report: HealthReport = healthyReport(this.clock.now());
  readonly #sampleListeners = new Set<(sample: HealthSample) => void>();
  readonly #stateListeners = new Set<() => void>();
  app!: FastifyInstance;

  static async create(
    options: Partial<MonitorServerOptions> = {},
    sources: Partial<MonitorSources> = {},
  ): Promise<MonitorRig> {
    const rig = new MonitorRig();
    rig.app = await createMonitorServer({
      ...{ token: TOKEN, clock: rig.clock, logger: rig.#createLogger() },
      pageFolder: join(tmpdir(), "muster-no-page"),
      onWork: (work) => rig.work.push(work),
      ...options,
      sources: { ...rig.#createSources(), ...sources },
    });
    await rig.app.ready();
    return rig;
  }

  setDatabase(change: Partial<DatabaseReport>): void {
    this.report = { ...this.report, database: { ...this.report.database, ...change } };
  }

  setGateway(change: Partial<GatewayReport>): void {
    this.report = { ...this.report, gateway: { ...this.report.gateway, ...change } };
  }

  tellState(): void {
    for (const listener of this.#stateListeners) listener();
  }

  close(): Promise<void> {
    return this.app.close();
  }

  #createSources(): MonitorSources {
    return {
      health: {
        report: () => this.report,
        samples: () => Promise.resolve([]),
        operations: () => [],
        slowQueries: () => [],
        suggestions: () => [],
        onSample: (listener) => {
          this.#sampleListeners.add(listener);
          return () => this.#sampleListeners.delete(listener);
        },
      },
      calls: this.calls,
      onStateChange: (listener) => {
        this.#stateListeners.add(listener);
        return () => this.#stateListeners.delete(listener);
      },
      errors: { recent: () => [] },
      recovery: { list: () => [] },
      alerts: { list: () => [] },
      queue: undefined,
      backups: undefined,
      store: createReadStore({ call: () => this.database.call() }),
    };
  }

  #createLogger(): Logger {
    const take = (message: string, fields: LogFields = {}): void => void this.log.push({ message, fields });
    return { ...silentLogger, error: take, warn: take };
  }
}

export interface Route {
  readonly method: string;
  readonly path: string;
}

/** Every route that the server knows, from its own tree. */
export function listRoutes(app: FastifyInstance): readonly Route[] {
  const trail: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split("\n")
    .flatMap((line): Route[] => {
      const match = /^([│ ]*)[├└]── (\S+)(?: \((.+)\))?$/.exec(line);
      if (!match) return [];
      const depth = match[1]!.length / 4;
      trail.splice(depth, Infinity, match[2]!);
      const path = trail.join("");
      return (match[3]?.split(", ") ?? []).map((method) => ({ method, path }));
    });
}

/** With something in the place of each parameter. */
export function toUrl(path: string): string {
  return path.replace(":id", "0123abcd").replace("*", "index.css");
}
