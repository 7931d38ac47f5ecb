import type { FastifyRequest } from "fastify";
import type { Logger } from "../../core/logger.ts";
import type { CommandRegistry } from "../commands.ts";
import type { Faults } from "../faults.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Interactions } from "../interactions.ts";
import type { World } from "../world/world.ts";
import { requireShape, type Shape } from "./form-shape.ts";
import type { RateLimits } from "./rate-limits.ts";
import type { Upload } from "./uploads.ts";

/** What the routes work on. */
export interface RestContext {
  readonly world: World;
  readonly commands: CommandRegistry;
  readonly interactions: Interactions;
  readonly gateway: Gateway;
  readonly faults: Faults;
  readonly rateLimits: RateLimits;
  readonly counters: RestCounters;
  readonly logger: Logger;
}

/** Counted since the start; `invalid` is what Discord bans for: 401, 403 and 429. */
export interface RestCounters {
  requests: number;
  rateLimited: number;
  invalid: number;
  unknownRoutes: number;
}

declare module "fastify" {
  interface FastifyRequest {
    uploads: readonly Upload[];
  }
}

export function getParams(request: FastifyRequest): Record<string, string> {
  return request.params as Record<string, string>;
}

export function getQuery(request: FastifyRequest): Record<string, string | undefined> {
  return request.query as Record<string, string | undefined>;
}

/** The JSON body, or an empty object when there is none; refused when it is of another shape. */
export function getBody<Body extends object>(request: FastifyRequest, shape: Shape): Partial<Body> {
  const body = request.body ?? {};
  requireShape(body, shape);
  return body;
}
