import type { FastifyInstance } from "fastify";
import type { ReadinessReport } from "../api-types.ts";
import type { HealthSource } from "../health-source.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { createSafeReport } from "../safe-report.ts";
import { noQuery } from "../validation.ts";
import { readRoute, registerReadRoutes } from "./read-routes.ts";

const UNAVAILABLE = 503;

/** For supervisors, load balancers and Prometheus. */
export function registerHealthRoutes(app: FastifyInstance, health: HealthSource, metrics: Metrics): void {
  // Asked often, by machines that share an address, and never to be refused for that.
  const open = { config: { isPublic: true, rateLimit: false as const } };

  // Only whether the process answers: it looks at nothing, so nothing can make a supervisor restart in vain.
  app.get("/health/live", open, () => ({ status: "alive" }));

  // Of the database it only tells: the bot answers members without it too.
  app.get("/health/ready", open, (_request, reply) => {
    const { gateway, database } = health.report();
    const body: ReadinessReport = { isReady: gateway.isConnected, database: database.state };
    return reply.code(body.isReady ? 200 : UNAVAILABLE).send(body);
  });

  app.get("/health/database", (_request, reply) => {
    const { database } = health.report();
    return reply.code(database.state === "offline" ? UNAVAILABLE : 200).send(database);
  });

  registerReadRoutes(app, [
    readRoute("/health", noQuery, () => createSafeReport(health.report())),
    readRoute("/health/system", noQuery, () => health.report().system),
  ]);

  app.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()));
}
