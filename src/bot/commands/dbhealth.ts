import { InteractionContextType, PermissionFlagsBits, SlashCommandBuilder, type APIEmbed } from "discord.js";
import type { DatabaseHealth } from "../../database/database-manager.ts";
import type { HealthReport } from "../../database/health/health-types.ts";
import type { DegradationState } from "../../resilience/graceful-degradation.ts";
import type { Command, CommandContext, Reply } from "../command.ts";
import { formatMoment } from "../format-time.ts";
import { attachPicture, type AttachedPicture } from "../pictures.ts";
import type { BotServices } from "../services.ts";
import { adminTexts } from "../texts/admin-texts.ts";
import type { Texts } from "../texts/texts.ts";
import { describeBackups, describeNotice, describeRecovery, type BackupHealth } from "./dbhealth-backups.ts";
import { formatQueryTime, listHealthDetails, type HealthField } from "./dbhealth-details.ts";

const REQUIRED = PermissionFlagsBits.ModerateMembers;
const COLOURS: Readonly<Record<DegradationState["kind"], number>> = {
  normal: 0x2e9e5b,
  "read-only": 0xe0902f,
  offline: 0xd23c3c,
};
const STARTING_COLOUR = 0xe0c22f;
const PICTURE_HOURS = 6;
const PICTURE_NAME = "health.png";
const DEFAULT_TIME_ZONE = "UTC";

const { define } = adminTexts.health;

/** Answers in every state of the database, from what is in memory alone. */
export const dbhealthCommand: Command = {
  definition: new SlashCommandBuilder()
    .setName("dbhealth")
    .setDescription(define.command)
    .setContexts(InteractionContextType.Guild)
    .setDefaultMemberPermissions(REQUIRED)
    .addBooleanOption((option) => option.setName("details").setDescription(define.details))
    .toJSON(),
  actions: { "": { database: "none", permissions: REQUIRED, execute: showHealth } },
};

async function showHealth({ interaction, services, guildId }: CommandContext): Promise<Reply> {
  const { database, degradation, health, texts } = services;
  const hasDetails = interaction.options.getBoolean("details") ?? false;
  const embed = createHealthEmbed(database.health(), degradation.state, {
    ...{ texts, backups: readBackupHealth(services) },
    report: hasDetails ? health.report() : undefined,
  });
  const picture = await drawHealth(services, guildId);
  if (!picture) return { embeds: [embed] };
  return { embeds: [{ ...embed, image: picture.image }], files: picture.files };
}

/** Of the last hours, from the samples, which are not in the database; undefined when there are none or not in time. */
async function drawHealth(services: BotServices, guildId: string): Promise<AttachedPicture | undefined> {
  const { health, machineClock, texts, flags } = services;
  const to = machineClock.now();
  const from = to - PICTURE_HOURS * 3_600_000;
  return attachPicture(services, PICTURE_NAME, texts.admin.health.picture(PICTURE_HOURS), async () => {
    const [samples, timeZone] = await Promise.all([
      health.samples(from, to),
      // While the database is away they may be out of reach.
      flags.get(guildId).then(
        (flags) => flags.timeZone,
        () => DEFAULT_TIME_ZONE,
      ),
    ]);
    return samples.length === 0 ? undefined : { kind: "health", samples, span: { from, to, timeZone } };
  });
}

function readBackupHealth({ backups, settings }: BotServices): BackupHealth | undefined {
  if (!backups) return undefined;
  const recovery = backups.recovery?.status();
  return {
    ...{ status: backups.manager.status, recovery: recovery?.state ?? { kind: "idle" }, notice: recovery?.notice },
    ...{ isArchiving: settings.DB_ARCHIVE, archiveIntervalMs: settings.DB_ARCHIVE_INTERVAL },
  };
}

/** Says nothing that names a file, a statement or an error's own text: its readers are moderators, not the operator. */
export function createHealthEmbed(
  health: DatabaseHealth,
  state: DegradationState,
  options: {
    readonly texts: Texts;
    /** undefined = the database is in memory. */
    readonly backups: BackupHealth | undefined;
    /** Given = with details. */
    readonly report?: HealthReport | undefined;
  },
): APIEmbed {
  const { texts, backups, report } = options;
  const recovery = backups ? describeRecovery(backups.recovery, texts) : [];
  const { description, ...head } = describeState(health, state, texts, recovery.length > 0);
  const notice = backups?.notice === undefined ? [] : [describeNotice(backups.notice, texts)];
  const figures = [
    ...listFields(health, texts),
    ...(report ? [...listDetails(health, texts), ...listHealthDetails(report, texts)] : []),
  ];
  return {
    ...head,
    description: [description, ...recovery, ...notice].join("\n"),
    fields: [
      ...figures.map((field) => ({ ...field, inline: true })),
      { name: texts.admin.health.backups.title, value: describeBackups(backups, texts) },
    ],
  };
}

function describeState(health: DatabaseHealth, state: DegradationState, texts: Texts, isInRecovery: boolean): APIEmbed {
  const words = texts.admin.health;
  const engine = health.engine.state;
  if (state.kind === "normal") {
    if (engine.kind === "starting") return createHead(words.starting, STARTING_COLOUR, []);
    if (engine.kind === "closed") return createHead(words.closed, STARTING_COLOUR, []);
    const since = engine.kind === "ready" ? [formatSince(engine.since, words)] : [];
    return createHead(words.state.normal, COLOURS.normal, since);
  }
  const lines = [words.reason(state.reason.code), formatSince(state.since, words), words.lastKnown];
  // While it is recovered nobody tries to connect.
  if (engine.kind === "recovering" && !isInRecovery) lines.push(words.reconnecting(engine.attempt));
  return createHead(words.state[state.kind], COLOURS[state.kind], lines);
}

function createHead(words: { title: string; meaning: string }, color: number, lines: readonly string[]): APIEmbed {
  return { title: words.title, description: [words.meaning, ...lines].join("\n"), color };
}

function formatSince(at: number, words: Texts["admin"]["health"]): string {
  return words.since(formatMoment(at, "short"), formatMoment(at, "relative"));
}

function listFields(
  { isConnected, queryCount, errorCount, averageQueryTime, engine }: DatabaseHealth,
  texts: Texts,
): HealthField[] {
  const words = texts.admin.health;
  const percent = queryCount === 0 ? "0" : ((100 * errorCount) / queryCount).toFixed(1);
  return [
    // The writer, and the readers beside it.
    { name: words.connections, value: isConnected ? words.connected(engine.pool.size + 1) : words.notConnected },
    { name: words.queries, value: String(queryCount) },
    { name: words.errors, value: words.errorRate(errorCount, percent) },
    { name: words.averageTime, value: formatQueryTime(averageQueryTime) },
    { name: words.restarts, value: String(engine.restartCount) },
  ];
}

function listDetails({ engine, lastHealthCheck }: DatabaseHealth, texts: Texts): HealthField[] {
  const words = texts.admin.health;
  return [
    { name: words.pool, value: words.poolFigures(engine.pool) },
    { name: words.pendingWrites, value: String(engine.pendingWrites) },
    { name: words.engineVersion, value: engine.engineVersion ?? words.unknown },
    { name: words.lastCheck, value: formatMoment(lastHealthCheck, "relative") },
  ];
}
