import {
  PermissionFlagsBits,
  type ChatInputCommandInteraction,
  type GuildMember,
  type NewsChannel,
  type TextChannel,
} from "discord.js";
import { readEmojiKey } from "../../../roll-call/emoji.ts";
import type { EventRecord } from "../../../store/events.ts";
import { EVENT_PERMISSIONS, listMissingPermissions, POSTING_PERMISSIONS } from "../../channel-permissions.ts";
import { Refusal, type CommandAction, type CommandContext, type Reply } from "../../command.ts";
import { formatBoth } from "../../events/card-embed.ts";
import { findEmojiAccess } from "../../events/emoji-access.ts";
import { readEventFields, type EventOptions, type InputContext } from "../../events/event-input.ts";
import { EVENT_CHANNEL_TYPES } from "./definition.ts";
import { isModerator } from "./event-access.ts";
import { describeEvent } from "./event-lines.ts";

export type EventChannel = TextChannel | NewsChannel;

export const createAction: CommandAction = {
  database: "write",
  async execute(context) {
    const { services, guildId, member, interaction } = context;
    await requireCreator(context);
    const fields = readEventFields(readOptions(interaction), await createInputContext(context));
    const channel = requireEventChannel(context, interaction.options.getChannel("channel") ?? interaction.channel);
    await requireAccess(context, channel, fields.reactions);
    const event = await services.events.create({ guildId, channelId: channel.id, creatorId: member.id, fields });
    return describeNewEvent(context, event, "created");
  },
};

/** Throws a Refusal unless the member may create events in this server. */
export async function requireCreator({ services, guildId, member }: CommandContext): Promise<void> {
  if (isModerator(member)) return;
  const { eventCreators } = await services.flags.get(guildId);
  if (eventCreators !== "everyone") throw new Refusal(services.texts.events.refusals.notAllowedToCreate);
}

export function readOptions({ options }: ChatInputCommandInteraction<"cached">): EventOptions {
  return {
    title: options.getString("title"),
    every: options.getString("every"),
    reactions: options.getString("reactions"),
    audienceRoleId: options.getRole("audience")?.id ?? null,
    description: options.getString("description"),
    closes: options.getString("closes"),
  };
}

export async function createInputContext({ services, guildId }: CommandContext): Promise<InputContext> {
  const { timeZone } = await services.flags.get(guildId);
  const minIntervalMs = services.settings.REMINDER_MIN_INTERVAL;
  return { texts: services.texts, guildId, minIntervalMs, timeZone, nowAt: services.clock.now() };
}

export function requireEventChannel(
  { services }: CommandContext,
  channel: { readonly type: number } | null,
): EventChannel {
  const isFit = channel !== null && (EVENT_CHANNEL_TYPES as readonly number[]).includes(channel.type);
  if (!isFit) throw new Refusal(services.texts.events.refusals.notAChannel);
  return channel as EventChannel;
}

/** Throws a Refusal that names what the bot, or the member, is not allowed to do in the channel. */
export async function requireAccess(
  context: CommandContext,
  channel: EventChannel,
  reactions: readonly string[],
  neededByMember = POSTING_PERMISSIONS,
): Promise<void> {
  const { services, member } = context;
  const { refusals } = services.texts.events;
  const lackedByMember = listMissingPermissions(channel, member, neededByMember);
  if (lackedByMember.length > 0) throw new Refusal(refusals.memberLacks(channel.id, lackedByMember));
  const needsExternal = await requireUsableEmoji(context, reactions);
  const me = channel.guild.members.me ?? (await channel.guild.members.fetchMe());
  const needed = EVENT_PERMISSIONS | (needsExternal ? PermissionFlagsBits.UseExternalEmojis : 0n);
  const lackedByBot = listMissingPermissions(channel, me, needed);
  if (lackedByBot.length > 0) throw new Refusal(refusals.botLacks(channel.id, lackedByBot));
}

/** Whether any of them is another server's. Throws a Refusal that names the first one that the bot cannot use. */
export async function requireUsableEmoji(
  { services, member }: { readonly services: CommandContext["services"]; readonly member: GuildMember },
  reactions: readonly string[],
): Promise<boolean> {
  let isAnyExternal = false;
  for (const key of reactions) {
    const access = await findEmojiAccess(member.guild, key);
    const emoji = readEmojiKey(key);
    if (access === "unusable" && emoji.kind === "custom") {
      throw new Refusal(services.texts.events.refusals.emojiUnusable(emoji.name));
    }
    isAnyExternal ||= access === "external";
  }
  return isAnyExternal;
}

/** What the creator is told: where it is, its id, what comes next, and who is not counted. */
export function describeNewEvent(
  { services }: CommandContext,
  event: EventRecord,
  what: "created" | "watching",
): Reply {
  const { replies } = services.texts.events;
  const { title, link } = describeEvent(event);
  const { nextReminderAt } = event;
  const lines = [
    replies[what](title, link),
    replies.eventId(event.id),
    nextReminderAt === undefined ? replies.noReminder : replies.nextReminder(formatBoth(nextReminderAt)),
    ...(services.audience.isComplete ? [] : [replies.audienceIncomplete]),
  ];
  return { content: lines.join("\n") };
}
