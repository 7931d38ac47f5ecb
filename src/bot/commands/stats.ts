import { InteractionContextType, PermissionFlagsBits, SlashCommandBuilder, type APIEmbed } from "discord.js";
import { listMomentsAt, toWallMs } from "../../roll-call/time-zone.ts";
import type { UsageReport } from "../../store/usage-report.ts";
import type { Command, CommandContext, Reply } from "../command.ts";
import { EMBED_LIMITS, joinWithin } from "../events/embed-limits.ts";
import { formatDuration } from "../format-time.ts";
import { attachPicture } from "../pictures.ts";
import { statsTexts } from "../texts/stats-texts.ts";
import type { Texts } from "../texts/texts.ts";

const REQUIRED = PermissionFlagsBits.ModerateMembers;
const COLOUR = 0x5865f2;
const DEFAULT_DAYS = 7;
const MAX_DAYS = 90;
const MAX_COMMANDS = 10;
const DAY_MS = 86_400_000;
const PICTURE_NAME = "use-of-commands.png";

const { define } = statsTexts;

/** How commands are used, from records that do not say by whom. */
export const statsCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("stats")
    .setDescription(define.command)
    .setContexts(InteractionContextType.Guild)
    .setDefaultMemberPermissions(REQUIRED)
    .addIntegerOption((option) =>
      option.setName("days").setDescription(define.days).setMinValue(1).setMaxValue(MAX_DAYS),
    )
    .toJSON(),
  actions: { "": { database: "read", permissions: REQUIRED, execute: showUsage } },
};

async function showUsage({ interaction, services, guildId }: CommandContext): Promise<Reply> {
  const { store, flags, clock, texts } = services;
  const days = interaction.options.getInteger("days") ?? DEFAULT_DAYS;
  const { timeZone } = await flags.get(guildId);
  const report = await store.usage.report({ guildId, timeZone, ...lastDays(days, timeZone, clock.now()) });
  const embed = createUsageEmbed(report, { days, timeZone, texts });
  if (report.total === 0) return { embeds: [embed] };
  const picture = await attachPicture(services, PICTURE_NAME, texts.stats.picture, async () => ({
    kind: "usage",
    report,
  }));
  return picture ? { embeds: [{ ...embed, image: picture.image }], files: picture.files } : { embeds: [embed] };
}

/** From midnight to midnight in the zone, today included: the same all day, so that its answer can be kept. */
export function lastDays(days: number, timeZone: string, now: number): { from: number; to: number } {
  const today = Math.floor(toWallMs(timeZone, now) / DAY_MS) * DAY_MS;
  const midnight = (wallMs: number): number => listMomentsAt(timeZone, wallMs)[0];
  return { from: midnight(today - (days - 1) * DAY_MS), to: midnight(today + DAY_MS) };
}

export function createUsageEmbed(
  report: UsageReport,
  { days, timeZone, texts }: { readonly days: number; readonly timeZone: string; readonly texts: Texts },
): APIEmbed {
  const words = texts.stats;
  const head = { title: words.title, color: COLOUR, footer: { text: words.footer(timeZone) } };
  if (report.total === 0) return { ...head, description: words.none(days) };
  const mostUsed = joinWithin(report.byCommand, {
    separator: "\n",
    maxLength: EMBED_LIMITS.fieldValue,
    maxCount: MAX_COMMANDS,
    format: ({ command, count, averageMs, failed }) => words.command(command, count, formatDuration(averageMs), failed),
    more: words.more,
  });
  return {
    ...head,
    description: [words.total(report.total, days), words.outcomes(report)].join("\n"),
    fields: [{ name: words.mostUsed, value: mostUsed }],
  };
}
