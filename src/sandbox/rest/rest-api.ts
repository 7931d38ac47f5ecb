import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sleep } from "../../core/clock.ts";
import { isMusterError } from "../../core/errors.ts";
import type { RestEffect, RestFault } from "../faults.ts";
import { namePlugin } from "../named-plugin.ts";
import { registerAccountRoutes } from "./account-routes.ts";
import { ApiError, RateLimitError, refuse } from "./api-error.ts";
import { registerCommandRoutes } from "./command-routes.ts";
import { getParams, type RestContext } from "./context.ts";
import { registerGuildRoutes } from "./guild-routes.ts";
import { registerInteractionRoutes } from "./interaction-routes.ts";
import { registerMessageRoutes } from "./message-routes.ts";
import { registerReactionRoutes } from "./reaction-routes.ts";

const PREFIXES = ["/api", "/api/v10"];
/** The token in the path is the key to these; the bot's own is not looked at. */
const KEYLESS_PATH = /^\/(interactions\/|webhooks\/\d+\/[^/]+|gateway$)/;

/** Discord's REST API under `/api` and `/api/v10`: faults, token and rate limits first, then the routes. */
export async function registerRestApi(app: FastifyInstance, context: RestContext): Promise<void> {
  for (const prefix of PREFIXES) {
    await app.register(
      namePlugin("rest", async (scope) => {
        addHooks(scope, context);
        registerAccountRoutes(scope, context);
        registerCommandRoutes(scope, context);
        registerGuildRoutes(scope, context);
        registerMessageRoutes(scope, context);
        registerReactionRoutes(scope, context);
        registerInteractionRoutes(scope, context);
      }),
      { prefix },
    );
  }
}

function addHooks(scope: FastifyInstance, context: RestContext): void {
  const pendingFaults = new WeakMap<FastifyRequest, RestFault>();

  scope.addHook("onRequest", async (request, reply) => {
    context.counters.requests++;
    const path = getPath(request);
    const fault = context.faults.take(request.method, path);
    if (fault?.when === "after") pendingFaults.set(request, fault);
    else if (fault) await applyFault(context, fault, reply);
    if (reply.sent) return;
    const { botToken } = context.world.state.application;
    const isKeyless = KEYLESS_PATH.test(path);
    if (!isKeyless && request.headers.authorization !== `Bot ${botToken}`) throw refuse("unauthorized");
    limitRate(context, request, reply, isKeyless);
  });

  scope.addHook("onSend", (request, reply, payload, done) => {
    const fault = pendingFaults.get(request);
    if (!fault) return done(null, payload);
    pendingFaults.delete(request);
    void replaceAnswer(context, fault, reply, payload).then((replaced) => done(null, replaced));
  });

  scope.addHook("onResponse", async (_request, reply) => countAnswer(context, reply.statusCode));

  scope.setErrorHandler((error, request, reply) => sendError(context, error, request, reply));

  scope.setNotFoundHandler((request, reply) => {
    context.counters.unknownRoutes++;
    context.logger.warn("a bot asked for a route that the sandbox does not have", {
      method: request.method,
      path: getPath(request),
    });
    return reply.code(404).send(refuse("notFound").toBody());
  });
}

/** Without the prefix and the query, and readable: `/webhooks/1/token/messages/@original`. */
function getPath(request: FastifyRequest): string {
  const path = request.url.split("?", 1)[0]!.replace(/^\/api(\/v\d+)?/, "");
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function limitRate(context: RestContext, request: FastifyRequest, reply: FastifyReply, isKeyless: boolean): void {
  const route = request.routeOptions.url;
  if (route === undefined) return;
  const params = getParams(request);
  const verdict = context.rateLimits.take({
    method: request.method,
    route: route.replace(/^\/api(\/v10)?/, ""),
    majorId: params["token"] ?? params["channelId"] ?? params["guildId"] ?? "",
    countsGlobally: !isKeyless,
  });
  reply.headers(verdict.headers);
  if (verdict.refusal)
    throw new EarlyAnswer(429, describeRateLimit(verdict.refusal), rateLimitHeaders(verdict.refusal));
}

interface RateLimitRefusal {
  readonly isGlobal: boolean;
  readonly retryAfterMs: number;
}

function describeRateLimit(refusal: RateLimitRefusal): object {
  const retryAfter = refusal.retryAfterMs / 1_000;
  return { message: "You are being rate limited.", retry_after: retryAfter, global: refusal.isGlobal };
}

function rateLimitHeaders(refusal: RateLimitRefusal): Record<string, string> {
  return {
    "Retry-After": (refusal.retryAfterMs / 1_000).toFixed(3),
    "X-RateLimit-Scope": refusal.isGlobal ? "global" : "user",
    ...(refusal.isGlobal ? { "X-RateLimit-Global": "true" } : {}),
  };
}

/** Thrown to answer before the route is reached: whatever a hook sends itself does not stop the route in time. */
class EarlyAnswer extends Error {
  readonly status: number;
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: object, headers: Readonly<Record<string, string>> = {}) {
    super(`answered early with ${status}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** What a fault answers instead of the route; undefined for faults that do not answer. */
function describeAnswer(effect: RestEffect): EarlyAnswer | undefined {
  if (effect.kind === "error") {
    const message = effect.message ?? `${effect.status}: fault`;
    return new EarlyAnswer(effect.status, { message, code: effect.code ?? 0 });
  }
  if (effect.kind !== "rate-limit") return undefined;
  const refusal = { isGlobal: effect.scope === "global", retryAfterMs: effect.retryAfterMs };
  return new EarlyAnswer(429, describeRateLimit(refusal), rateLimitHeaders(refusal));
}

/** Does to the request what the fault says; when that is an answer, the route is not reached. */
async function applyFault(context: RestContext, fault: RestFault, reply: FastifyReply): Promise<void> {
  const { effect } = fault;
  const answer = describeAnswer(effect);
  if (answer) throw answer;
  if (effect.kind === "delay") return sleep(context.world.clock, effect.delayMs);
  reply.hijack();
  if (effect.kind === "drop") reply.raw.destroy();
}

/** The request has taken effect; its answer is what is lost, late or replaced. */
async function replaceAnswer(
  context: RestContext,
  fault: RestFault,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  const { effect } = fault;
  const answer = describeAnswer(effect);
  if (answer) {
    void reply.code(answer.status).headers({ ...answer.headers, "Content-Type": "application/json" });
    void reply.removeHeader("Content-Length");
    return JSON.stringify(answer.body);
  }
  if (effect.kind === "delay") await sleep(context.world.clock, effect.delayMs);
  if (effect.kind === "drop") reply.raw.destroy();
  if (effect.kind === "hang") return new Promise(() => undefined);
  return payload;
}

function sendError(context: RestContext, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof EarlyAnswer) return reply.code(error.status).headers(error.headers).send(error.body);
  if (error instanceof RateLimitError) {
    void reply.headers(rateLimitHeaders({ isGlobal: false, retryAfterMs: error.retryAfterMs }));
  }
  if (error instanceof ApiError) return reply.code(error.status).send(error.toBody());
  const status = (error as { statusCode?: number }).statusCode;
  if (status === 413) return reply.code(413).send(refuse("entityTooLarge").toBody());
  if (status !== undefined && status >= 400 && status < 500) {
    return reply.code(status).send({ message: (error as Error).message, code: 0 });
  }
  // The world lacks something that the routes did not ask about first.
  if (isMusterError(error, "NOT_FOUND")) return reply.code(404).send(refuse("notFound").toBody());
  context.logger.error("the sandbox failed to answer a request", {
    method: request.method,
    path: getPath(request),
    error,
  });
  return reply.code(500).send({ message: "500: Internal Server Error", code: 0 });
}

function countAnswer(context: RestContext, status: number): void {
  if (status === 429) context.counters.rateLimited++;
  if (status === 401 || status === 403 || status === 429) context.counters.invalid++;
}
