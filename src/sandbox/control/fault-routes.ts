import type { GatewayDispatchEvents } from "discord-api-types/v10";
import type { FastifyInstance } from "fastify";
import { MusterError } from "../../core/errors.ts";
import type { RestFault } from "../faults.ts";
import { bodyOf, type ControlContext } from "./context.ts";

const MS = { type: "integer", minimum: 0 } as const;

function effectOf(kind: string, properties: Record<string, object> = {}, required: readonly string[] = []): object {
  return {
    type: "object",
    properties: { kind: { const: kind }, ...properties },
    required: ["kind", ...required],
    additionalProperties: false,
  };
}

const FAULT_BODY = {
  body: {
    type: "object",
    properties: {
      method: { type: "string" },
      path: { type: "string" },
      count: { type: "integer", minimum: 1 },
      when: { enum: ["before", "after"] },
      effect: {
        oneOf: [
          effectOf("rate-limit", { scope: { enum: ["bucket", "global"] }, retryAfterMs: MS }, [
            "scope",
            "retryAfterMs",
          ]),
          effectOf(
            "error",
            {
              status: { type: "integer", minimum: 400, maximum: 599 },
              code: { type: "integer" },
              message: { type: "string" },
            },
            ["status"],
          ),
          effectOf("delay", { delayMs: MS }, ["delayMs"]),
          effectOf("hang"),
          effectOf("drop"),
        ],
      },
    },
    required: ["effect"],
    additionalProperties: false,
  },
};

/** Faults of REST, and what can be done to gateway connections. */
export function registerFaultRoutes(scope: FastifyInstance, context: ControlContext): void {
  const { faults } = context;

  scope.get("/faults", () => faults.list());

  scope.post("/faults", { schema: FAULT_BODY }, (request, reply) =>
    reply.code(201).send({ id: faults.add(request.body as RestFault) }),
  );

  scope.delete("/faults", (_request, reply) => {
    faults.clear();
    return reply.code(204).send();
  });

  scope.delete("/faults/:id", (request, reply) => {
    const { id } = request.params as { id: string };
    if (!faults.remove(Number(id))) throw new MusterError("NOT_FOUND", `there is no fault ${id}`);
    return reply.code(204).send();
  });

  scope.post("/gateway/close", { schema: bodyOf({ code: "number?", reason: "text?" }) }, (request) => {
    const { code, reason } = request.body as { code?: number; reason?: string };
    return { connectionCount: faults.closeGateway(code, reason) };
  });

  scope.post("/gateway/cut", () => ({ connectionCount: faults.cutGateway() }));

  scope.post("/gateway/reconnect", () => ({ connectionCount: faults.requestReconnect() }));

  scope.post("/gateway/invalidate", { schema: bodyOf({ isResumable: "flag?" }) }, (request) => ({
    connectionCount: faults.invalidateSessions((request.body as { isResumable?: boolean }).isResumable),
  }));

  scope.post("/gateway/drop-events", { schema: bodyOf({ type: "text", count: "number?" }) }, (request, reply) => {
    const { type, count } = request.body as { type: GatewayDispatchEvents; count?: number };
    faults.dropEvents(type, count);
    return reply.code(204).send();
  });

  scope.put("/gateway", { schema: bodyOf({ acksHeartbeats: "flag?", acceptsConnections: "flag?" }) }, (request) => {
    const { acksHeartbeats, acceptsConnections } = request.body as {
      acksHeartbeats?: boolean;
      acceptsConnections?: boolean;
    };
    if (acksHeartbeats !== undefined) faults.setHeartbeatAcks(acksHeartbeats);
    if (acceptsConnections !== undefined) faults.setGatewayAccepting(acceptsConnections);
    return { acksHeartbeats: faults.acksHeartbeats, acceptsConnections: faults.acceptsConnections };
  });
}
