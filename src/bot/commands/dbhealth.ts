import { InteractionContextType, PermissionFlagsBits, SlashCommandBuilder, type APIEmbed } from "discord.js";
import type { DatabaseHealth } from "../../database/database-manager.ts";
import type { DegradationState } from "../../resilience/graceful-degradation.ts";
import type { Command, CommandContext, Reply } from "../command.ts";
import { formatDuration, formatMoment } from "../format-time.ts";
import type { BotServices } from "../services.ts";
import { adminTexts } from "../texts/admin-texts.ts";
import type { Texts } from "../texts/texts.ts";
import { describeBackups, describeRecovery, type BackupHealth } from "./dbhealth-backups.ts";

const REQUIRED = PermissionFlagsBits.ModerateMembers;
const COLOURS: Readonly<Record<DegradationState["kind"], number>> = {
  normal: 0x2e9e5b,
  "read-only": 0xe0902f,
  offline: 0xd23c3c,
};
const STARTING_COLOUR = 0xe0c22f;

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

async function showHealth({ interaction, services }: CommandContext): Promise<Reply> {
  const { database, degradation, texts } = services;
  const hasDetails = interaction.options.getBoolean("details") ?? false;
  const backups = readBackupHealth(services);
  return { embeds: [createHealthEmbed(database.health(), degradation.state, { texts, hasDetails, backups })] };
}

function readBackupHealth({ backups, settings, clock }: BotServices): BackupHealth | undefined {
  if (!backups) return undefined;
  return {
    ...{ status: backups.manager.status, recovery: backups.recovery?.status().state ?? { kind: "idle" } },
    ...{ isArchiving: settings.DB_ARCHIVE, archiveIntervalMs: settings.DB_ARCHIVE_INTERVAL, now: clock.now() },
  };
}

/** Says nothing that names a file, a statement or an error's own text: its readers are moderators, not the operator. */
export function createHealthEmbed(
  health: DatabaseHealth,
  state: DegradationState,
  options: {
    readonly texts: Texts;
    readonly hasDetails: boolean;
    /** undefined = the database is in memory. */
    readonly backups: BackupHealth | undefined;
  },
): APIEmbed {
  const { texts, hasDetails, backups } = options;
  const recovery = backups ? describeRecovery(backups.recovery, texts) : [];
  const { description, ...head } = describeState(health, state, texts, recovery.length > 0);
  const figures = [...listFields(health, texts), ...(hasDetails ? listDetails(health, texts) : [])];
  return {
    ...head,
    description: [description, ...recovery].join("\n"),
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
  const lines = [words.reason(state.reason.code), formatSince(state.since, words)];
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

interface Field {
  readonly name: string;
  readonly value: string;
}

function listFields(
  { isConnected, queryCount, errorCount, averageQueryTime, engine }: DatabaseHealth,
  texts: Texts,
): Field[] {
  const words = texts.admin.health;
  const percent = queryCount === 0 ? "0" : ((100 * errorCount) / queryCount).toFixed(1);
  return [
    // The writer, and the readers beside it.
    { name: words.connections, value: isConnected ? words.connected(engine.pool.size + 1) : words.notConnected },
    { name: words.queries, value: String(queryCount) },
    { name: words.errors, value: words.errorRate(errorCount, percent) },
    { name: words.averageTime, value: formatAverage(averageQueryTime) },
    { name: words.restarts, value: String(engine.restartCount) },
  ];
}

function listDetails({ engine, lastHealthCheck }: DatabaseHealth, texts: Texts): Field[] {
  const words = texts.admin.health;
  return [
    { name: words.pool, value: words.poolFigures(engine.pool) },
    { name: words.pendingWrites, value: String(engine.pendingWrites) },
    { name: words.engineVersion, value: engine.engineVersion ?? words.unknown },
    { name: words.lastCheck, value: formatMoment(lastHealthCheck, "relative") },
  ];
}

/** Queries take fractions of a millisecond, which `formatDuration` rounds away. */
function formatAverage(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : formatDuration(ms);
}
