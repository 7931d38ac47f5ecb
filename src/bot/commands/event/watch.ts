import { PermissionFlagsBits, RESTJSONErrorCodes, DiscordAPIError, Routes, type APIMessage } from "discord.js";
import { emojiKey, isSameEmoji } from "../../../roll-call/emoji.ts";
import { EVENT_PERMISSIONS, listMissingPermissions, POSTING_PERMISSIONS } from "../../channel-permissions.ts";
import { Refusal, type CommandAction, type CommandContext } from "../../command.ts";
import { readEventFields } from "../../events/event-input.ts";
import { parseMessageReference } from "../../input/message-reference.ts";
import {
  createInputContext,
  describeNewEvent,
  readOptions,
  requireAccess,
  requireCreator,
  requireEventChannel,
  type EventChannel,
} from "./create.ts";
import { describeEvent } from "./event-lines.ts";

/** The member has to be able to read the message that is adopted. */
const WATCHING_PERMISSIONS = POSTING_PERMISSIONS | PermissionFlagsBits.ReadMessageHistory;

export const watchAction: CommandAction = {
  database: "write",
  async execute(context) {
    const { services, guildId, member, interaction } = context;
    await requireCreator(context);
    const { channel, messageId } = findPlace(context, interaction.options.getString("message", true));
    requireUnwatched(context, messageId);
    const message = await requireMessage(context, channel, messageId);
    const present = (message.reactions ?? []).map(({ emoji }) => emojiKey(emoji));
    const fields = readEventFields(readOptions(interaction), await createInputContext(context), present);
    // Anyone may join a reaction that is there, so those need not be usable otherwise.
    const added = fields.reactions.filter((key) => !present.some((other) => isSameEmoji(key, other)));
    await requireAccess(context, channel, added, WATCHING_PERMISSIONS);
    const creatorId = member.id;
    const event = await services.events.watch({ guildId, channelId: channel.id, messageId, creatorId, fields });
    return describeNewEvent(context, event, "watching");
  },
};

function findPlace(context: CommandContext, text: string): { channel: EventChannel; messageId: string } {
  const { services, guildId, interaction } = context;
  const { refusals } = services.texts.events;
  const reference = parseMessageReference(text);
  if (!reference) throw new Refusal(refusals.notAMessage);
  if (reference.guildId !== undefined && reference.guildId !== guildId) throw new Refusal(refusals.messageElsewhere);
  const { channelId, messageId } = reference;
  if (channelId === undefined) return { channel: requireEventChannel(context, interaction.channel), messageId };
  const channel = interaction.guild.channels.cache.get(channelId);
  if (!channel?.permissionsFor(context.member).has(WATCHING_PERMISSIONS & ~PermissionFlagsBits.SendMessages)) {
    // The same words as for a message that does not exist: nobody learns of a channel that is hidden from them.
    throw new Refusal(refusals.messageNotFound);
  }
  return { channel: requireEventChannel(context, channel), messageId };
}

function requireUnwatched({ services }: CommandContext, messageId: string): void {
  const watched = services.tracked.findByMessage(messageId);
  if (!watched) return;
  throw new Refusal(services.texts.events.refusals.alreadyWatched(describeEvent(watched).title, watched.id));
}

async function requireMessage(
  { services }: CommandContext,
  channel: EventChannel,
  messageId: string,
): Promise<APIMessage> {
  const { refusals } = services.texts.events;
  const me = channel.guild.members.me ?? (await channel.guild.members.fetchMe());
  const lacked = listMissingPermissions(channel, me, EVENT_PERMISSIONS);
  if (lacked.length > 0) throw new Refusal(refusals.botLacks(channel.id, lacked));
  try {
    const message = (await services.client.rest.get(Routes.channelMessage(channel.id, messageId))) as APIMessage;
    if (message.author.id === services.client.user.id) throw new Refusal(refusals.messageIsMine);
    return message;
  } catch (error) {
    const isUnknown = error instanceof DiscordAPIError && error.code === RESTJSONErrorCodes.UnknownMessage;
    throw isUnknown ? new Refusal(refusals.messageNotFound) : error;
  }
}
