import { InteractionContextType, PermissionFlagsBits, SlashCommandBuilder, type GuildMember } from "discord.js";
import { listExpected, type ExpectedInput } from "../../roll-call/missing.ts";
import type { EventRecord } from "../../store/events.ts";
import type { Command, CommandAction } from "../command.ts";
import { EMBED_LIMITS, joinWithin } from "../events/embed-limits.ts";
import { formatMoment } from "../format-time.ts";
import { eventTexts } from "../texts/event-texts.ts";
import { describeEvent } from "./event/event-lines.ts";

/** Of those that nobody answered yet, how many are looked at, newest first. */
const MAX_READ = 500;
const MAX_SHOWN = 15;

const mineAction: CommandAction = {
  database: "read",
  async execute({ services, guildId, member }) {
    const { mine, andMore } = services.texts.events;
    const [{ excused }, unanswered] = await Promise.all([
      services.flags.get(guildId),
      services.store.events.listUnanswered({ guildId, userId: member.id, limit: MAX_READ }),
    ]);
    const waiting = unanswered.filter((event) => isExpected(member, event, excused)).sort(compareClosing);
    if (waiting.length === 0) return { content: mine.empty };
    const description = joinWithin(waiting, {
      separator: "\n",
      maxLength: EMBED_LIMITS.description,
      maxCount: MAX_SHOWN,
      more: andMore,
      format: (event) => {
        const closing = event.closesAt === undefined ? undefined : formatMoment(event.closesAt, "relative");
        return mine.line({ ...describeEvent(event), closing });
      },
    });
    return { embeds: [{ title: mine.title, description }] };
  },
};

/** The same rule as for reminders, for one member. */
function isExpected(member: GuildMember, event: EventRecord, excused: ExpectedInput["excused"]): boolean {
  const channel = member.guild.channels.cache.get(event.channelId);
  const self = {
    id: member.id,
    isBot: member.user.bot,
    roleIds: [...member.roles.cache.keys()],
    canSeeChannel: channel?.permissionsFor(member).has(PermissionFlagsBits.ViewChannel) ?? false,
  };
  return listExpected({ members: [self], audienceRoleId: event.audienceRoleId, excused }).length > 0;
}

/** What closes first comes first. */
function compareClosing(a: EventRecord, b: EventRecord): number {
  return (a.closesAt ?? Infinity) - (b.closesAt ?? Infinity) || b.createdAt - a.createdAt;
}

export const mineCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("mine")
    .setDescription(eventTexts.command.mine)
    .setContexts(InteractionContextType.Guild)
    .toJSON(),
  actions: { "": mineAction },
};
