import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import fastify, { type FastifyInstance } from "fastify";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import { guardRoutes } from "./access.ts";
import { BackupWork } from "./backup-work.ts";
import { HttpRefusal, toErrorAnswer } from "./http-error.ts";
import { Jobs } from "./jobs.ts";
import { Metrics } from "./metrics/metrics.ts";
import type { FinishedWork, MonitorSources } from "./monitor-sources.ts";
import { registerBatchRoute } from "./routes/batch-route.ts";
import { createDataRoutes } from "./routes/data-routes.ts";
import { registerHealthRoutes } from "./routes/health-routes.ts";
import { registerJobRoutes } from "./routes/job-routes.ts";
import { registerPageRoutes } from "./routes/page-routes.ts";
import { registerReadRoutes } from "./routes/read-routes.ts";
import { registerStreamRoute } from "./routes/stream-route.ts";
import { HealthStream } from "./stream.ts";

export interface MonitorServerOptions {
  readonly sources: MonitorSources;
  /** Empty = nothing can be changed, and nobody but this machine itself can look. */
  readonly token: string;
  /** Where the dashboard's built files are, if they are built. */
  readonly pageFolder: string;
  readonly onWork: (work: FinishedWork) => void;
  /** Requests of one address in a minute, those for liveness and readiness not counted. Default 600. */
  readonly maxRequestsPerMinute?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A comment and some ids: nothing that is sent here is large. */
const BODY_LIMIT_BYTES = 16 * 1024;
/** A dashboard asks a dozen times when it opens and then listens; Prometheus once in some seconds. */
const REQUESTS_PER_MINUTE = 600;
/** Whoever sends a request slowly holds a connection. */
const REQUEST_TIMEOUT_MS = 15_000;
const MAX_CONNECTIONS = 256;

/** The HTTP side, not listening yet. Closing it ends open streams first. */
export async function createMonitorServer(options: MonitorServerOptions): Promise<FastifyInstance> {
  const { sources, token, clock, logger, onWork } = options;
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // A connection that waits for its next request would keep the server from closing.
    forceCloseConnections: "idle",
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  app.removeContentTypeParser("text/plain");
  handleErrors(app, logger);
  await app.register(helmet, HEADERS);
  guardRoutes(app, token, clock);
  await app.register(rateLimit, { max: options.maxRequestsPerMinute ?? REQUESTS_PER_MINUTE, timeWindow: "1 minute" });
  app.addHook("onSend", async (_request, reply) => {
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
  });

  const jobs = new Jobs(clock, logger);
  const stream = new HealthStream({ sources, jobs, clock, logger });
  const { health, calls, backups } = sources;
  const work = backups && new BackupWork({ backups, jobs, onWork, logger });
  const readRoutes = createDataRoutes(sources, clock);
  registerHealthRoutes(app, health, new Metrics({ health, calls, getStreamCount: () => stream.count }));
  registerReadRoutes(app, readRoutes);
  registerBatchRoute(app, readRoutes, logger);
  registerStreamRoute(app, stream);
  registerJobRoutes(app, jobs, () => {
    if (!work) throw new HttpRefusal(409, "IN_MEMORY", "The database is in memory: there is nothing to back up.");
    return work;
  });
  await registerPageRoutes(app, options.pageFolder);
  app.addHook("preClose", async () => stream.close());
  return app;
}

function handleErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const { status, body } = toErrorAnswer(error, logger, `${request.method} ${request.routeOptions.url ?? "unknown"}`);
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler(() => {
    throw new HttpRefusal(404, "NOT_FOUND", "There is nothing at this address.");
  });
}

/** Plain HTTP on the operator's own machine: nothing here may ask for HTTPS. */
const HEADERS = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      // Charts place what they show beside the pointer by style attributes.
      styleSrcAttr: ["'unsafe-inline'"],
      imgSrc: ["'self'", "data:"],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      manifestSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  strictTransportSecurity: false,
  referrerPolicy: { policy: "no-referrer" },
} as const;
