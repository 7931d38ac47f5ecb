import type { FastifyInstance } from "fastify";
import type { z } from "zod";
import type { ReadAnswers } from "../api-types.ts";
import { HttpRefusal } from "../http-error.ts";
import { validate } from "../validation.ts";

/** A GET route whose answer depends on its query alone, so that a batch can ask it too. */
export interface ReadRoute {
  readonly path: string;
  /** `query` as it came; throws a refusal when it is not valid. */
  readonly answer: (query: unknown) => Promise<unknown>;
}

interface Answers extends ReadAnswers {
  readonly "/health": ReadAnswers["/api/health"];
  readonly "/health/system": ReadAnswers["/api/health"]["system"];
}

export function readRoute<Path extends keyof Answers, Schema extends z.ZodType>(
  path: Path,
  schema: Schema,
  read: (query: z.output<Schema>) => Answers[Path] | Promise<Answers[Path]>,
): ReadRoute {
  return { path, answer: async (query) => read(validate(schema, query)) };
}

export function registerReadRoutes(app: FastifyInstance, routes: readonly ReadRoute[]): void {
  for (const { path, answer } of routes) app.get(path, (request) => answer(request.query));
}

/** Throws a refusal for any other. */
export function requireReadRoute(routes: readonly ReadRoute[], path: string): ReadRoute {
  const route = routes.find((candidate) => candidate.path === path);
  if (!route) throw new HttpRefusal(404, "NOT_FOUND", "There is nothing to read at this address.");
  return route;
}
