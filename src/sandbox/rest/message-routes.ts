import {
  MessageFlags,
  PermissionFlagsBits,
  RESTJSONErrorCodes,
  type APIMessage,
  type APIMessageReference,
} from "discord-api-types/v10";
import type { FastifyInstance } from "fastify";
import { withoutContent } from "../gateway/visibility.ts";
import { compareSnowflakes, getSnowflakeTimestampMs } from "../snowflake.ts";
import { renderChannel, renderMessage } from "../world/render.ts";
import type { ChannelState, MessageState } from "../world/state.ts";
import type { World } from "../world/world.ts";
import { canBot, requireBotChannel, requireMessageIn } from "./access.ts";
import { ApiError, FormErrors, RateLimitError, refuse } from "./api-error.ts";
import { getBody, getParams, getQuery, type RestContext } from "./context.ts";
import { SHAPES } from "./form-shape.ts";
import { readLimit } from "./guild-routes.ts";
import { checkMessageForm, requireSomething, type MessageForm } from "./message-form.ts";
import { mergeAttachments, storeUploads, type Upload } from "./uploads.ts";

const CREATE_FLAGS = MessageFlags.SuppressEmbeds | MessageFlags.SuppressNotifications | MessageFlags.IsComponentsV2;
const OLD_MESSAGE_MS = 3_600_000;
const BULK_DELETE_MAX_AGE_MS = 14 * 86_400_000;
/** A nonce stands for the same message this long. */
const NONCE_LIFETIME_MS = 300_000;

/** Messages in channels. */
export function registerMessageRoutes(app: FastifyInstance, context: RestContext): void {
  const { world } = context;

  app.get("/channels/:channelId", (request) =>
    renderChannel(world, requireBotChannel(world, getParams(request)["channelId"]!)),
  );

  app.post("/channels/:channelId/typing", (request, reply) => {
    const { channelId } = getParams(request);
    requireBotChannel(world, channelId!, PermissionFlagsBits.SendMessages);
    world.startTyping(channelId!, world.botUserId);
    return reply.code(204).send();
  });

  app.get("/channels/:channelId/messages", (request) => {
    const { channelId } = getParams(request);
    const channel = requireBotChannel(world, channelId!);
    if (!canBot(world, channelId!, PermissionFlagsBits.ReadMessageHistory)) return [];
    return selectPage(channel, getQuery(request)).map((id) => showToBot(world, world.requireMessage(id)));
  });

  app.get("/channels/:channelId/messages/:messageId", (request) => {
    const { channelId, messageId } = getParams(request);
    requireBotChannel(world, channelId!, PermissionFlagsBits.ReadMessageHistory);
    return showToBot(world, requireMessageIn(world, channelId!, messageId!));
  });

  app.post("/channels/:channelId/messages", (request) => {
    const { channelId } = getParams(request);
    const form = getBody<MessageForm>(request, SHAPES.message);
    const channel = requireBotChannel(world, channelId!, PermissionFlagsBits.SendMessages);
    const created = createBotMessage(world, channel, form, request.uploads);
    return renderMessage(world, created, world.botUserId);
  });

  app.patch("/channels/:channelId/messages/:messageId", (request) => {
    const { channelId, messageId } = getParams(request);
    requireBotChannel(world, channelId!);
    const message = requireMessageIn(world, channelId!, messageId!);
    const edited = editBotMessage(world, message, getBody<MessageForm>(request, SHAPES.message), request.uploads);
    return renderMessage(world, edited, world.botUserId);
  });

  app.delete("/channels/:channelId/messages/:messageId", (request, reply) => {
    const { channelId, messageId } = getParams(request);
    requireBotChannel(world, channelId!);
    const message = requireMessageIn(world, channelId!, messageId!);
    if (message.authorId !== world.botUserId) {
      const isDirect = message.guildId === undefined;
      if (isDirect || !canBot(world, channelId!, PermissionFlagsBits.ManageMessages))
        throw refuse("missingPermissions");
    }
    world.deleteMessage(messageId!);
    return reply.code(204).send();
  });

  app.post("/channels/:channelId/messages/bulk-delete", (request, reply) => {
    const { channelId } = getParams(request);
    const channel = requireBotChannel(world, channelId!, PermissionFlagsBits.ManageMessages);
    if (channel.guildId === undefined) throw refuse("wrongChannelType");
    const messages = getBody<{ messages: string[] }>(request, SHAPES.bulkDelete).messages ?? [];
    const errors = new FormErrors();
    errors.checkCount("messages", messages, { min: 2, max: 100 });
    errors.throwIfAny();
    const oldestMs = world.clock.now() - BULK_DELETE_MAX_AGE_MS;
    if (messages.some((id) => getSnowflakeTimestampMs(id) < oldestMs)) throw refuse("tooOldForBulkDelete");
    world.deleteMessages(channelId!, messages);
    return reply.code(204).send();
  });
}

function showToBot(world: World, message: MessageState): APIMessage {
  const shown = renderMessage(world, message, world.botUserId);
  if (world.state.application.privilegedIntents.messageContent) return shown;
  return withoutContent(world, shown, message.guildId);
}

/** Newest first, like Discord. */
function selectPage(channel: ChannelState, query: Record<string, string | undefined>): string[] {
  const limit = readLimit(query["limit"], { fallback: 50, max: 100 });
  const ids = channel.messageIds;
  const { before, after, around } = query;
  const startOf = (id: string): number => {
    const index = ids.findIndex((known) => compareSnowflakes(known, id) >= 0);
    return index < 0 ? ids.length : index;
  };
  let page: string[];
  if (around !== undefined) {
    const middle = startOf(around);
    page = ids.slice(Math.max(middle - Math.floor(limit / 2), 0), middle + Math.ceil(limit / 2));
  } else if (after !== undefined) {
    const later = ids.slice(startOf(after)).filter((id) => id !== after);
    page = later.slice(0, limit);
  } else {
    page = ids.slice(0, before === undefined ? ids.length : startOf(before)).slice(-limit);
  }
  return page.reverse();
}

function createBotMessage(
  world: World,
  channel: ChannelState,
  form: MessageForm,
  uploads: readonly Upload[],
): MessageState {
  checkMessageForm(form);
  requireSomething(form, uploads.length);
  requireReachable(world, channel);
  requireContentPermissions(world, channel, form, uploads);
  const known = findByNonce(world, channel, form);
  if (known) return known;
  return world.createMessage(channel.id, {
    authorId: world.botUserId,
    content: form.content ?? "",
    embeds: form.embeds ?? [],
    components: form.components ?? [],
    attachmentIds: storeUploads(world, channel.id, form, uploads),
    allowedMentions: form.allowed_mentions ?? undefined,
    flags: (form.flags ?? 0) & CREATE_FLAGS,
    nonce: form.nonce ?? undefined,
    tts: form.tts ?? false,
    reference: resolveReference(world, channel, form),
  });
}

/** Direct messages reach only people who allow them and share a guild with the bot. */
function requireReachable(world: World, channel: ChannelState): void {
  if (channel.recipientId === undefined) return;
  if (world.state.dmBlockers.has(channel.recipientId)) throw refuse("cannotMessageUser");
  const isShared = [...world.state.guilds.values()].some(
    (guild) => guild.members.has(world.botUserId) && guild.members.has(channel.recipientId!),
  );
  if (!isShared) {
    throw new ApiError(
      403,
      RESTJSONErrorCodes.CannotSendMessagesToThisUserDueToHavingNoMutualGuilds,
      "Cannot send messages to this user due to having no mutual guilds",
    );
  }
}

function requireContentPermissions(
  world: World,
  channel: ChannelState,
  form: MessageForm,
  uploads: readonly Upload[],
): void {
  const needed =
    ((form.embeds?.length ?? 0) > 0 ? PermissionFlagsBits.EmbedLinks : 0n) |
    (uploads.length > 0 ? PermissionFlagsBits.AttachFiles : 0n);
  if (!canBot(world, channel.id, needed)) throw refuse("missingPermissions");
}

function findByNonce(world: World, channel: ChannelState, form: MessageForm): MessageState | undefined {
  if (form.enforce_nonce !== true || form.nonce === undefined || form.nonce === null) return undefined;
  const oldestMs = world.clock.now() - NONCE_LIFETIME_MS;
  for (let index = channel.messageIds.length - 1; index >= 0; index--) {
    const message = world.requireMessage(channel.messageIds[index]!);
    if (message.timestampMs < oldestMs) return undefined;
    if (message.authorId === world.botUserId && message.nonce === form.nonce) return message;
  }
  return undefined;
}

function resolveReference(world: World, channel: ChannelState, form: MessageForm): APIMessageReference | undefined {
  const messageId = form.message_reference?.message_id;
  if (messageId === undefined) return undefined;
  if (!canBot(world, channel.id, PermissionFlagsBits.ReadMessageHistory)) throw refuse("cannotReplyWithoutHistory");
  const referenced = world.state.messages.get(messageId);
  if (referenced?.channelId !== channel.id || referenced.ephemeralFor !== undefined) {
    if (form.message_reference?.fail_if_not_exists === false) return undefined;
    const errors = new FormErrors();
    errors.add("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message");
    throw errors.toError();
  }
  return {
    message_id: messageId,
    channel_id: channel.id,
    ...(channel.guildId === undefined ? {} : { guild_id: channel.guildId }),
  };
}

function editBotMessage(
  world: World,
  message: MessageState,
  form: MessageForm,
  uploads: readonly Upload[],
): MessageState {
  if (message.authorId !== world.botUserId) throw refuse("notTheAuthor");
  checkMessageForm(form);
  takeLateEdit(world, message);
  const channel = world.requireChannel(message.channelId);
  requireContentPermissions(world, channel, form, uploads);
  const attachmentIds = mergeAttachments(message.attachmentIds, form, storeUploads(world, channel.id, form, uploads));
  requireSomething(
    {
      content: form.content === undefined ? message.content : form.content,
      embeds: form.embeds === undefined ? message.embeds : form.embeds,
      components: form.components === undefined ? message.components : form.components,
      flags: form.flags === undefined ? message.flags : form.flags,
    },
    attachmentIds?.length ?? message.attachmentIds.length,
  );
  return world.editMessage(message.id, {
    ...(form.content === undefined ? {} : { content: form.content ?? "" }),
    ...(form.embeds === undefined ? {} : { embeds: form.embeds ?? [] }),
    ...(form.components === undefined ? {} : { components: form.components ?? [] }),
    ...(attachmentIds === undefined ? {} : { attachmentIds }),
    ...(form.flags === undefined
      ? {}
      : { flags: (message.flags & ~CREATE_FLAGS) | ((form.flags ?? 0) & CREATE_FLAGS) }),
    allowedMentions: form.allowed_mentions ?? undefined,
  });
}

/** Messages older than an hour can be edited only so often (30046, as a 429). */
function takeLateEdit(world: World, message: MessageState): void {
  const nowMs = world.clock.now();
  if (nowMs - message.timestampMs < OLD_MESSAGE_MS) return;
  const { oldMessageEdits, oldMessageEditWindowMs } = world.limits;
  const edits = message.lateEditsAtMs;
  while (edits.length > 0 && nowMs - edits[0]! >= oldMessageEditWindowMs) edits.shift();
  if (edits.length >= oldMessageEdits) {
    throw new RateLimitError(RESTJSONErrorCodes.MaximumNumberOfEditsToMessagesOlderThanOneHourReached, {
      message: "Maximum number of edits to messages older than 1 hour reached. Try again later",
      retryAfterMs: edits[0]! + oldMessageEditWindowMs - nowMs,
    });
  }
  edits.push(nowMs);
}
