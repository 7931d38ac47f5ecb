import type { FastifyPluginAsync } from "fastify";

/** A group of routes with a name. Without one, Fastify looks for it among all modules that are loaded, one by one. */
export function namePlugin(name: string, plugin: FastifyPluginAsync): FastifyPluginAsync {
  return Object.assign(plugin, { [Symbol.for("fastify.display-name")]: name });
}
