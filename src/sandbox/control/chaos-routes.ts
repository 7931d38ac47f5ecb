import type { FastifyInstance } from "fastify";
import { MusterError } from "../../core/errors.ts";
import { bodyOf, type ControlContext } from "./context.ts";

/** Chaos, and the sandbox's time. */
export function registerChaosRoutes(scope: FastifyInstance, { chaos, time }: ControlContext): void {
  scope.get("/chaos", () => chaos.describe());

  scope.post("/chaos/:id", { schema: bodyOf({ parameters: "object?" }) }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const { parameters } = request.body as { parameters?: Record<string, unknown> };
    await chaos.begin(id, parameters);
    return reply.code(201).send(chaos.describe());
  });

  scope.delete("/chaos/:id", async (request) => {
    await chaos.end((request.params as { id: string }).id);
    return chaos.describe();
  });

  scope.get("/clock", () => requireTime(time).describe());

  scope.post("/clock", { schema: bodyOf({ rate: "number?", skipMs: "number?" }) }, (request) => {
    const { rate, skipMs } = request.body as { rate?: number; skipMs?: number };
    const clock = requireTime(time);
    if (rate === undefined && skipMs === undefined) throw new MusterError("INPUT_INVALID", "give a rate, or skipMs");
    if (rate !== undefined) clock.setRate(rate);
    if (skipMs !== undefined) clock.skip(skipMs);
    return clock.describe();
  });
}

function requireTime<Time>(time: Time | undefined): Time {
  if (time === undefined) throw new MusterError("CONFLICT", "the sandbox was given a clock that is not its own");
  return time;
}
