import type { FastifyInstance } from "fastify";
import type { HealthStream } from "../stream.ts";

export function registerStreamRoute(app: FastifyInstance, stream: HealthStream): void {
  app.get("/api/stream", { exposeHeadRoute: false }, (_request, reply) => {
    stream.requireRoom();
    reply.hijack();
    stream.add(reply.raw);
  });
}
