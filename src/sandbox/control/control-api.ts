import type { FastifyInstance } from "fastify";
import { isMusterError, toError, type ErrorCode } from "../../core/errors.ts";
import { namePlugin } from "../named-plugin.ts";
import { isOwnPage } from "../own-page.ts";
import type { WorldEvent } from "../world/events.ts";
import { registerActorRoutes } from "./actor-routes.ts";
import { registerChaosRoutes } from "./chaos-routes.ts";
import type { ControlContext } from "./context.ts";
import { registerFaultRoutes } from "./fault-routes.ts";
import { registerWorldRoutes } from "./world-routes.ts";

const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = {
  INPUT_INVALID: 400,
  NOT_FOUND: 404,
  CONFLICT: 409,
  OPERATION_TIMEOUT: 504,
};
const KEEP_ALIVE_MS = 15_000;

/**
 * The sandbox's own routes under `/sandbox`: everything a test can do in process, for pages and for bots in other
 * languages. `docs/sandbox.md` describes them.
 */
export async function registerControlApi(app: FastifyInstance, context: ControlContext): Promise<void> {
  await app.register(
    namePlugin("control", async (scope) => {
      scope.addHook("onRequest", async (request, reply) => {
        if (isOwnPage(request.headers)) return;
        const message = "only reachable as localhost, and not from other pages";
        return reply.code(403).send({ error: { code: "FORBIDDEN", message } });
      });
      scope.addHook("preValidation", async (request) => {
        if (request.method !== "GET") request.body ??= {};
      });
      scope.setErrorHandler((error, _request, reply) => {
        const code = isMusterError(error) ? error.code : undefined;
        const given = (error as { statusCode?: number }).statusCode;
        const status = (code === undefined ? given : STATUS_OF_CODE[code]) ?? 500;
        if (status === 500) context.logger.error("a control request failed", { error });
        const shownCode = code ?? (status === 500 ? "INTERNAL" : "INPUT_INVALID");
        return reply.code(status).send({ error: { code: shownCode, message: toError(error).message } });
      });
      scope.get("/", () => describeSandbox(context));
      scope.get("/bot", () => context.live.describeBot());
      serveEvents(scope, context);
      registerWorldRoutes(scope, context);
      registerActorRoutes(scope, context);
      registerFaultRoutes(scope, context);
      registerChaosRoutes(scope, context);
    }),
    { prefix: "/sandbox" },
  );
}

function describeSandbox(context: ControlContext): object {
  const { world, gateway, counters, getApiUrl } = context;
  const { application } = world.state;
  return {
    apiUrl: getApiUrl(),
    gatewayUrl: gateway.url,
    botToken: application.botToken,
    applicationId: application.id,
    botUserId: application.botUserId,
    privilegedIntents: application.privilegedIntents,
    isBotConnected: gateway.isBotConnected,
    identifyCount: gateway.identifyCount,
    counters,
    limits: world.limits,
  };
}

/** Everything that happens, as server-sent events named like Discord's own. */
function serveEvents(scope: FastifyInstance, context: ControlContext): void {
  const { world } = context;
  scope.get("/events", (request, reply) => {
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    raw.write(": connected\n\n");
    const unsubscribe = world.events.subscribe((event) => raw.write(formatEvent(event, world.clock.now())));
    let cancelKeepAlive = (): void => undefined;
    const keepAlive = (): void => {
      raw.write(": still here\n\n");
      cancelKeepAlive = world.clock.schedule(KEEP_ALIVE_MS, keepAlive);
    };
    cancelKeepAlive = world.clock.schedule(KEEP_ALIVE_MS, keepAlive);
    request.raw.on("close", () => {
      unsubscribe();
      cancelKeepAlive();
    });
  });
}

function formatEvent(event: WorldEvent, atMs: number): string {
  return `event: ${event.type}\ndata: ${JSON.stringify({ ...event, atMs })}\n\n`;
}
