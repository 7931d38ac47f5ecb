import { PermissionFlagsBits, ReactionType } from "discord-api-types/v10";
import type { FastifyInstance } from "fastify";
import { compareSnowflakes } from "../snowflake.ts";
import { findReaction, MAX_REACTIONS, parseEmoji } from "../world/reaction-changes.ts";
import { renderUser } from "../world/render.ts";
import type { MessageState, ReactionEmoji } from "../world/state.ts";
import type { World } from "../world/world.ts";
import { canBot, requireBotChannel, requireMessageIn } from "./access.ts";
import { refuse } from "./api-error.ts";
import { getParams, getQuery, type RestContext } from "./context.ts";
import { readLimit } from "./guild-routes.ts";

const REACTIONS = "/channels/:channelId/messages/:messageId/reactions";

/** Reactions: the bot's own, taking others' away, and who reacted. */
export function registerReactionRoutes(app: FastifyInstance, context: RestContext): void {
  const { world } = context;

  app.get(`${REACTIONS}/:emoji`, (request) => {
    const { channelId, messageId, emoji } = getParams(request);
    requireBotChannel(world, channelId!, PermissionFlagsBits.ReadMessageHistory);
    const message = requireMessageIn(world, channelId!, messageId!);
    const reaction = findReaction(message, requireEmoji(emoji!));
    const { limit, after = "0", type } = getQuery(request);
    const size = readLimit(limit, { fallback: 25, max: 100 });
    const users = (Number(type ?? 0) === Number(ReactionType.Super) ? reaction?.burst : reaction?.normal) ?? [];
    return users
      .filter((userId) => compareSnowflakes(userId, after) > 0)
      .sort(compareSnowflakes)
      .slice(0, size)
      .map((userId) => renderUser(world.requireUser(userId)));
  });

  app.put(`${REACTIONS}/:emoji/:userId`, (request, reply) => {
    const { channelId, messageId, emoji, userId } = getParams(request);
    if (userId !== "@me") throw refuse("methodNotAllowed");
    requireBotChannel(world, channelId!, PermissionFlagsBits.ReadMessageHistory);
    const message = requireMessageIn(world, channelId!, messageId!);
    const parsed = requireEmoji(emoji!);
    requireReactable(world, message, parsed);
    world.addReaction(message.id, world.botUserId, parsed);
    return reply.code(204).send();
  });

  app.delete(`${REACTIONS}/:emoji/:userId`, (request, reply) => {
    const { channelId, messageId, emoji, userId } = getParams(request);
    requireBotChannel(world, channelId!);
    const message = requireMessageIn(world, channelId!, messageId!);
    const parsed = requireEmoji(emoji!);
    const targetId = userId === "@me" ? world.botUserId : userId!;
    if (targetId !== world.botUserId) requireManageMessages(world, message);
    world.removeReaction(message.id, targetId, parsed);
    return reply.code(204).send();
  });

  app.delete(`${REACTIONS}/:emoji`, (request, reply) => {
    const { channelId, messageId, emoji } = getParams(request);
    requireBotChannel(world, channelId!);
    const message = requireMessageIn(world, channelId!, messageId!);
    requireManageMessages(world, message);
    world.removeReactionsOfEmoji(message.id, requireEmoji(emoji!));
    return reply.code(204).send();
  });

  app.delete(REACTIONS, (request, reply) => {
    const { channelId, messageId } = getParams(request);
    requireBotChannel(world, channelId!);
    const message = requireMessageIn(world, channelId!, messageId!);
    requireManageMessages(world, message);
    world.removeAllReactions(message.id);
    return reply.code(204).send();
  });
}

function requireEmoji(text: string): ReactionEmoji {
  const emoji = parseEmoji(text);
  if (!emoji) throw refuse("unknownEmoji");
  return emoji;
}

function requireManageMessages(world: World, message: MessageState): void {
  if (message.guildId === undefined) throw refuse("wrongChannelType");
  if (!canBot(world, message.channelId, PermissionFlagsBits.ManageMessages)) throw refuse("missingPermissions");
}

/** Joining a reaction that is there needs less than adding a new one: no permission, and no knowledge of the emoji. */
function requireReactable(world: World, message: MessageState, emoji: ReactionEmoji): void {
  if (findReaction(message, emoji)) return;
  if (!canBot(world, message.channelId, PermissionFlagsBits.AddReactions)) throw refuse("missingPermissions");
  const isKnown =
    emoji.id === null ||
    [...world.state.guilds.values()].some((guild) => guild.members.has(world.botUserId) && guild.emojis.has(emoji.id!));
  if (!isKnown) throw refuse("unknownEmoji");
  if (message.reactions.length >= MAX_REACTIONS) throw refuse("tooManyReactions");
}
