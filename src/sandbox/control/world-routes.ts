import type { FastifyInstance, FastifyRequest } from "fastify";
import { MusterError } from "../../core/errors.ts";
import { renderGuildChannel, renderMember, renderUser } from "../world/render.ts";
import type { World } from "../world/world.ts";
import { bodyOf, type ControlContext } from "./context.ts";

/** Permissions travel as decimal text, as everywhere at Discord. */
function readBits(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,20}$/.test(text)) throw new MusterError("INPUT_INVALID", `"${text}" is not a permission number`);
  return BigInt(text);
}

function params(request: FastifyRequest): Record<string, string> {
  return request.params as Record<string, string>;
}

/** Leaves out what was not given, so that defaults apply. */
function withoutUndefined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Looking at the world and changing it. */
export function registerWorldRoutes(scope: FastifyInstance, context: ControlContext): void {
  registerReading(scope, context);
  registerPeople(scope, context.world);
  registerGuilds(scope, context.world);
  registerMessages(scope, context.world);
}

function registerReading(scope: FastifyInstance, { world, commands }: ControlContext): void {
  scope.get("/world", () => ({
    users: [...world.state.users.values()].map(renderUser),
    guilds: [...world.state.guilds.values()].map((guild) => ({
      id: guild.id,
      name: guild.name,
      ownerId: guild.ownerId,
      memberCount: guild.members.size,
      isBotPresent: guild.members.has(world.botUserId),
      roles: [...guild.roles.values()],
      channels: [...guild.channelIds].map((id) => renderGuildChannel(world.requireChannel(id))),
      commands: commands.list(guild.id),
    })),
    commands: commands.list(),
  }));

  scope.get("/guilds/:guildId/members", (request) =>
    [...world.requireGuild(params(request)["guildId"]!).members.values()].map((member) => renderMember(world, member)),
  );

  /** `?as=<user id>`: with that person's ephemeral messages. */
  scope.get("/channels/:channelId/messages", (request) => {
    const viewerId = (request.query as { as?: string }).as;
    return world.messages(params(request)["channelId"]!, viewerId);
  });
}

function registerPeople(scope: FastifyInstance, world: World): void {
  scope.post(
    "/users",
    { schema: bodyOf({ username: "text", globalName: "text?", isBot: "flag?" }) },
    (request, reply) => {
      const user = world.addUser(request.body as { username: string; globalName?: string; isBot?: boolean });
      return reply.code(201).send(renderUser(user));
    },
  );

  scope.put("/users/:userId/direct-messages", { schema: bodyOf({ isBlocked: "flag" }) }, (request, reply) => {
    const { userId } = params(request);
    world.requireUser(userId!);
    world.blockDirectMessages(userId!, (request.body as { isBlocked: boolean }).isBlocked);
    return reply.code(204).send();
  });

  scope.put(
    "/application/intents",
    { schema: bodyOf({ guildMembers: "flag?", messageContent: "flag?", presences: "flag?" }) },
    (request) => {
      world.setPrivilegedIntents(request.body as { guildMembers?: boolean });
      return world.state.application.privilegedIntents;
    },
  );

  scope.put(
    "/guilds/:guildId/members/:userId",
    { schema: bodyOf({ nick: "text?", roleIds: "list?" }) },
    (request, reply) => {
      const { guildId, userId } = params(request);
      const member = request.body as { nick?: string; roleIds?: string[] };
      if (world.getMember(guildId!, userId!)) world.updateMember(guildId!, userId!, member);
      else world.addMember(guildId!, userId!, member);
      return reply.code(204).send();
    },
  );

  scope.delete("/guilds/:guildId/members/:userId", (request, reply) => {
    const { guildId, userId } = params(request);
    world.removeMember(guildId!, userId!);
    return reply.code(204).send();
  });

  for (const [method, change] of [
    ["PUT", world.giveRole],
    ["DELETE", world.takeRole],
  ] as const) {
    scope.route({
      method,
      url: "/guilds/:guildId/members/:userId/roles/:roleId",
      handler: (request, reply) => {
        const { guildId, userId, roleId } = params(request);
        change(guildId!, userId!, roleId!);
        return reply.code(204).send();
      },
    });
  }
}

function registerGuilds(scope: FastifyInstance, world: World): void {
  scope.post(
    "/guilds",
    { schema: bodyOf({ name: "text", ownerId: "text", botPermissions: "text?" }) },
    (request, reply) => {
      const { botPermissions, ...guild } = request.body as { name: string; ownerId: string; botPermissions?: string };
      world.requireUser(guild.ownerId);
      const bits = readBits(botPermissions);
      const added = world.addGuild({ ...guild, ...(bits === undefined ? {} : { botPermissions: bits }) });
      return reply.code(201).send({ id: added.id });
    },
  );

  /** The bot is removed from the guild. */
  scope.delete("/guilds/:guildId", (request, reply) => {
    world.removeGuild(params(request)["guildId"]!);
    return reply.code(204).send();
  });

  scope.put("/guilds/:guildId/outage", { schema: bodyOf({ isOut: "flag" }) }, (request, reply) => {
    world.setGuildOutage(params(request)["guildId"]!, (request.body as { isOut: boolean }).isOut);
    return reply.code(204).send();
  });

  scope.post(
    "/guilds/:guildId/roles",
    { schema: bodyOf({ name: "text", permissions: "text?", isMentionable: "flag?" }) },
    (request, reply) => {
      const { permissions, ...role } = request.body as { name: string; permissions?: string; isMentionable?: boolean };
      const added = world.addRole(
        params(request)["guildId"]!,
        withoutUndefined({ ...role, permissions: readBits(permissions) }),
      );
      return reply.code(201).send(added);
    },
  );

  scope.patch(
    "/guilds/:guildId/roles/:roleId",
    { schema: bodyOf({ name: "text?", permissions: "text?", isMentionable: "flag?" }) },
    (request) => {
      const { guildId, roleId } = params(request);
      const { permissions, ...change } = request.body as { name?: string; permissions?: string };
      return world.updateRole(guildId!, roleId!, withoutUndefined({ ...change, permissions: readBits(permissions) }));
    },
  );

  scope.delete("/guilds/:guildId/roles/:roleId", (request, reply) => {
    const { guildId, roleId } = params(request);
    world.deleteRole(guildId!, roleId!);
    return reply.code(204).send();
  });

  scope.post("/guilds/:guildId/channels", { schema: bodyOf({ name: "text", topic: "text?" }) }, (request, reply) => {
    const channel = world.createChannel(params(request)["guildId"]!, request.body as { name: string; topic?: string });
    return reply.code(201).send(renderGuildChannel(channel));
  });

  scope.delete("/channels/:channelId", (request, reply) => {
    world.deleteChannel(params(request)["channelId"]!);
    return reply.code(204).send();
  });

  scope.put(
    "/channels/:channelId/overwrites/:targetId",
    { schema: bodyOf({ allow: "text?", deny: "text?" }) },
    (request, reply) => {
      const { channelId, targetId } = params(request);
      const { allow, deny } = request.body as { allow?: string; deny?: string };
      world.setOverwrite(channelId!, targetId!, withoutUndefined({ allow: readBits(allow), deny: readBits(deny) }));
      return reply.code(204).send();
    },
  );

  scope.post("/guilds/:guildId/emojis", { schema: bodyOf({ name: "text", isAnimated: "flag?" }) }, (request, reply) => {
    const { name, isAnimated } = request.body as { name: string; isAnimated?: boolean };
    return reply.code(201).send(world.addEmoji(params(request)["guildId"]!, name, isAnimated));
  });
}

function registerMessages(scope: FastifyInstance, world: World): void {
  scope.delete("/messages/:messageId", (request, reply) => {
    world.deleteMessage(params(request)["messageId"]!);
    return reply.code(204).send();
  });

  scope.delete("/messages/:messageId/reactions", (request, reply) => {
    world.removeAllReactions(params(request)["messageId"]!);
    return reply.code(204).send();
  });
}
