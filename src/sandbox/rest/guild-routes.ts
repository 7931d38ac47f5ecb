import { PermissionFlagsBits } from "discord-api-types/v10";
import type { FastifyInstance } from "fastify";
import { findMembersByName } from "../gateway/member-requests.ts";
import { hasPermissions } from "../permissions.ts";
import { compareSnowflakes } from "../snowflake.ts";
import { renderEmoji, renderGuild, renderGuildChannel, renderMember } from "../world/render.ts";
import { requireBotChannel, requireBotGuild } from "./access.ts";
import { FormErrors, refuse } from "./api-error.ts";
import { getBody, getParams, getQuery, type RestContext } from "./context.ts";
import { SHAPES } from "./form-shape.ts";

const MAX_MEMBERS_PAGE = 1_000;

/** Guilds, their members, roles and channels. */
export function registerGuildRoutes(app: FastifyInstance, context: RestContext): void {
  const { world } = context;

  app.get("/guilds/:guildId", (request) => renderGuild(world, requireBotGuild(world, getParams(request)["guildId"]!)));

  app.get("/guilds/:guildId/roles", (request) => [
    ...requireBotGuild(world, getParams(request)["guildId"]!).roles.values(),
  ]);

  app.get("/guilds/:guildId/channels", (request) =>
    [...requireBotGuild(world, getParams(request)["guildId"]!).channelIds].map((id) =>
      renderGuildChannel(world.requireChannel(id)),
    ),
  );

  app.get("/guilds/:guildId/emojis", (request) =>
    [...requireBotGuild(world, getParams(request)["guildId"]!).emojis.values()].map(renderEmoji),
  );

  app.get("/guilds/:guildId/members", (request) => {
    const guild = requireBotGuild(world, getParams(request)["guildId"]!);
    if (!world.state.application.privilegedIntents.guildMembers) throw refuse("missingAccess");
    const { limit, after = "0" } = getQuery(request);
    return [...guild.members.values()]
      .filter((member) => compareSnowflakes(member.userId, after) > 0)
      .sort((a, b) => compareSnowflakes(a.userId, b.userId))
      .slice(0, readLimit(limit, { fallback: 1, max: MAX_MEMBERS_PAGE }))
      .map((member) => renderMember(world, member));
  });

  app.get("/guilds/:guildId/members/search", (request) => {
    const guild = requireBotGuild(world, getParams(request)["guildId"]!);
    const { query = "", limit } = getQuery(request);
    return findMembersByName(world, guild, query.toLowerCase())
      .slice(0, readLimit(limit, { fallback: 1, max: MAX_MEMBERS_PAGE }))
      .map((member) => renderMember(world, member));
  });

  app.get("/guilds/:guildId/members/:userId", (request) => {
    const { guildId, userId } = getParams(request);
    const guild = requireBotGuild(world, guildId!);
    const member = guild.members.get(userId === "@me" ? world.botUserId : userId!);
    if (!member) throw refuse(world.state.users.has(userId!) ? "unknownMember" : "unknownUser");
    return renderMember(world, member);
  });

  app.patch("/guilds/:guildId/members/:userId", (request) => {
    const { guildId, userId } = getParams(request);
    requireBotGuild(world, guildId!);
    const target = userId === "@me" ? world.botUserId : userId!;
    if (!world.getMember(guildId!, target)) throw refuse("unknownMember");
    const needed =
      target === world.botUserId ? PermissionFlagsBits.ChangeNickname : PermissionFlagsBits.ManageNicknames;
    if (!hasPermissions(world.guildPermissionsOf(world.botUserId, guildId!), needed))
      throw refuse("missingPermissions");
    const { nick } = getBody<{ nick: string | null }>(request, SHAPES.member);
    const errors = new FormErrors();
    errors.checkLength("nick", nick, { max: 32 });
    errors.throwIfAny();
    if (nick !== undefined) world.updateMember(guildId!, target, { nick });
    return renderMember(world, world.requireMember(guildId!, target));
  });

  for (const method of ["PUT", "DELETE"] as const) {
    app.route({
      method,
      url: "/guilds/:guildId/members/:userId/roles/:roleId",
      handler: (request, reply) => {
        const { guildId, userId, roleId } = getParams(request);
        const guild = requireBotGuild(world, guildId!);
        if (!guild.members.has(userId!)) throw refuse("unknownMember");
        if (!guild.roles.has(roleId!)) throw refuse("unknownRole");
        const held = world.guildPermissionsOf(world.botUserId, guildId!);
        if (!hasPermissions(held, PermissionFlagsBits.ManageRoles)) throw refuse("missingPermissions");
        if (method === "PUT") world.giveRole(guildId!, userId!, roleId!);
        else world.takeRole(guildId!, userId!, roleId!);
        return reply.code(204).send();
      },
    });
  }

  app.delete("/users/:userId/guilds/:guildId", (request, reply) => {
    const { guildId } = getParams(request);
    requireBotGuild(world, guildId!);
    world.removeGuild(guildId!);
    return reply.code(204).send();
  });

  app.delete("/channels/:channelId", (request) => {
    const { channelId } = getParams(request);
    const channel = requireBotChannel(world, channelId!, PermissionFlagsBits.ManageChannels);
    if (channel.guildId === undefined) throw refuse("wrongChannelType");
    world.deleteChannel(channelId!);
    return renderGuildChannel(channel);
  });
}

/** A page size from the query; Discord refuses what is out of range. */
export function readLimit(
  text: string | undefined,
  options: { readonly fallback: number; readonly max: number },
): number {
  if (text === undefined || text === "") return options.fallback;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= options.max) return limit;
  const errors = new FormErrors();
  errors.add("limit", "NUMBER_TYPE_MAX", `int value should be between 1 and ${options.max}.`);
  throw errors.toError();
}
