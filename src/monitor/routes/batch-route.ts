import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Logger } from "../../core/logger.ts";
import type { BatchAnswer } from "../api-types.ts";
import { toErrorAnswer } from "../http-error.ts";
import { validate } from "../validation.ts";
import { requireReadRoute, type ReadRoute } from "./read-routes.ts";

const MAX_PATHS = 20;
const MAX_PATH_LENGTH = 300;

const path = z.string().max(MAX_PATH_LENGTH).startsWith("/");
/** `?path=/api/health&path=/api/samples%3Ffrom%3D…`, each with its own query. */
const query = z.strictObject({
  path: z.union([path.transform((one) => [one]), z.array(path).min(1).max(MAX_PATHS)], {
    error: `expected path once to ${MAX_PATHS} times, each an address that begins with /`,
  }),
});

/** Many reads in one request. One that fails leaves the others as they are. */
export function registerBatchRoute(app: FastifyInstance, routes: readonly ReadRoute[], logger: Logger): void {
  const ask = async (address: string): Promise<BatchAnswer> => {
    try {
      const { pathname, searchParams } = new URL(address, "http://localhost");
      const answer = await requireReadRoute(routes, pathname).answer(Object.fromEntries(searchParams));
      return { path: address, status: 200, body: answer };
    } catch (error) {
      return { path: address, ...toErrorAnswer(error, logger, "/api/batch") };
    }
  };
  app.get("/api/batch", (request): Promise<BatchAnswer[]> => Promise.all(validate(query, request.query).path.map(ask)));
}
