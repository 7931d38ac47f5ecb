import type { FastifyInstance, FastifyRequest } from "fastify";
import { refuse } from "./api-error.ts";
import type { CommandForm } from "./command-form.ts";
import { getBody, getParams, type RestContext } from "./context.ts";
import { SHAPES } from "./form-shape.ts";

/** Application commands, global and of one guild: the same routes under two paths. */
export function registerCommandRoutes(app: FastifyInstance, context: RestContext): void {
  const { commands, world } = context;

  const scopeOf = (request: FastifyRequest): { guildId: string | undefined; commandId: string } => {
    const { applicationId, guildId, commandId } = getParams(request);
    if (applicationId !== world.state.application.id) throw refuse("unknownApplication");
    if (guildId !== undefined && !world.getMember(guildId, world.botUserId)) throw refuse("missingAccess");
    return { guildId, commandId: commandId ?? "" };
  };

  for (const base of [
    "/applications/:applicationId/commands",
    "/applications/:applicationId/guilds/:guildId/commands",
  ]) {
    app.get(base, (request) => commands.list(scopeOf(request).guildId));

    app.put(base, (request) =>
      commands.overwrite(getBody<CommandForm[]>(request, SHAPES.commands) as CommandForm[], scopeOf(request).guildId),
    );

    app.post(base, (request, reply) => {
      const { command, isNew } = commands.create(
        getBody<CommandForm>(request, SHAPES.command) as CommandForm,
        scopeOf(request).guildId,
      );
      return reply.code(isNew ? 201 : 200).send(command);
    });

    app.get(`${base}/:commandId`, (request) => {
      const { commandId, guildId } = scopeOf(request);
      return commands.require(commandId, guildId);
    });

    app.patch(`${base}/:commandId`, (request) => {
      const { commandId, guildId } = scopeOf(request);
      return commands.update(commandId, getBody<CommandForm>(request, SHAPES.command), guildId);
    });

    app.delete(`${base}/:commandId`, (request, reply) => {
      const { commandId, guildId } = scopeOf(request);
      commands.delete(commandId, guildId);
      return reply.code(204).send();
    });
  }
}
