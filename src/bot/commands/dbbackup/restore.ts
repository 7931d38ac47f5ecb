import { ActionRowBuilder, ButtonBuilder, ButtonStyle, type APIEmbed } from "discord.js";
import { isMusterError, type MusterError } from "../../../core/errors.ts";
import type { RestoreTarget } from "../../../database/backup/restore-facts.ts";
import type { RestorableSpan } from "../../../database/backup/restore-plan.ts";
import type { RestorePlanSummary } from "../../../database/backup/restore-sources.ts";
import type { BackupTools } from "../../backup-tools.ts";
import { createButtonId, Refusal, type CommandContext, type Reply } from "../../command.ts";
import { formatMoment } from "../../format-time.ts";
import { escapeInline, truncate } from "../../input/escape.ts";
import { parsePastMoment } from "../../input/time-input.ts";
import type { Texts } from "../../texts/texts.ts";
import { requireBackupId } from "./backup-choices.ts";
import { requireBackups, showFinding } from "./backup-work.ts";
import { createOfferEmbed, describeReach, findOffer, RECOVERED_CHOICE, type Offer } from "./recovered.ts";
import { describeSpans } from "./restorable.ts";
import { CANCEL_BUTTON, RESTORE_BUTTON } from "./restore-confirmation.ts";
import { encodeQuestion, type RestoreQuestion } from "./restore-question.ts";

/** Long enough to read the plan and to ask somebody; what it shows is outdated soon. */
const CONFIRMATION_MS = 5 * 60_000;
const COLOUR = 0xe0902f;
const MAX_SHOWN_LENGTH = 100;
const MAX_WARNINGS = 5;
const FALLBACK_TIME_ZONE = "UTC";

/** Shows what a restore would bring, and asks. Nothing is changed yet. */
export async function askForRestore(context: CommandContext): Promise<Reply> {
  const { services, member } = context;
  const backups = requireBackups(context);
  const offer = findOffer(backups);
  const expiresAt = services.clock.now() + CONFIRMATION_MS;
  if (offer && isOfferWanted(context)) {
    const question = { userId: member.id, target: { kind: "offer", since: offer.since }, expiresAt } as const;
    return {
      embeds: [createOfferEmbed(offer, expiresAt, services.texts)],
      components: [createButtons(question, services.texts)],
    };
  }
  const target = await readTarget(context, backups);
  const plan = await planRestore(backups, target, services.texts);
  const question: RestoreQuestion = { userId: member.id, target, expiresAt };
  return {
    embeds: [createPlanEmbed(plan, { expiresAt, offer }, services.texts)],
    components: [createButtons(question, services.texts)],
  };
}

function isOfferWanted({ interaction }: CommandContext): boolean {
  const { options } = interaction;
  return options.getString("backup") === RECOVERED_CHOICE && options.getString("at") === null;
}

async function readTarget(
  { interaction, services, guildId }: CommandContext,
  backups: BackupTools,
): Promise<RestoreTarget> {
  const { texts, machineClock, flags } = services;
  const words = texts.admin.backup;
  const [backup, at] = [interaction.options.getString("backup"), interaction.options.getString("at")];
  if ((backup === null) === (at === null)) throw new Refusal(words.whichTarget);
  // It was chosen from the list, and meanwhile it has taken its place or was declined.
  if (backup === RECOVERED_CHOICE) throw new Refusal(words.offerGone);
  if (backup !== null) return { kind: "snapshot", id: await requireBackupId(backup, backups, texts) };
  // The zone may be in a database that cannot be read: the plan shows which moment was understood.
  const timeZone = await flags.get(guildId).then(
    (effective) => effective.timeZone,
    () => FALLBACK_TIME_ZONE,
  );
  const nowAt = machineClock.now();
  const moment = parsePastMoment(at ?? "", { nowAt, timeZone }, "end");
  if (!moment.ok) {
    throw new Refusal(words.momentNotUnderstood(escapeInline(truncate(at ?? "", MAX_SHOWN_LENGTH))));
  }
  if (moment.at > nowAt) throw new Refusal(words.momentInFuture(formatMoment(moment.at, "long")));
  return { kind: "instant", at: moment.at };
}

async function planRestore({ manager }: BackupTools, target: RestoreTarget, texts: Texts): Promise<RestorePlanSummary> {
  try {
    return await manager.planRestore(target);
  } catch (error) {
    if (!isMusterError(error, "BACKUP_NOT_FOUND", "BACKUP_DAMAGED")) throw error;
    throw new Refusal(explainRefusal(error, target, texts));
  }
}

/** By what there is: the error's own words are for the operator. */
function explainRefusal(error: MusterError, target: RestoreTarget, texts: Texts): string {
  const words = texts.admin.backup;
  if (target.kind === "snapshot") return words.unusable(target.id, [showFinding(error.message)]);
  const spans = describeSpans((error.details?.spans as readonly RestorableSpan[] | undefined) ?? [], texts);
  return spans.length === 0 ? words.nothingToRestore : words.notRestorable(spans);
}

interface Circumstances {
  readonly expiresAt: number;
  readonly offer: Offer | undefined;
}

function createPlanEmbed(plan: RestorePlanSummary, { expiresAt, offer }: Circumstances, texts: Texts): APIEmbed {
  const words = texts.admin.backup;
  const { target, snapshotId, snapshotCreatedAt, reachesAt, archive, warnings } = plan;
  const made = formatMoment(snapshotCreatedAt, "short");
  const lines = [
    ...(target.kind === "instant" ? [words.planMoment(formatMoment(target.at, "long"))] : []),
    ...(target.kind === "snapshot" ? [words.planBackup(target.id, made)] : []),
    words.planReaches(formatMoment(reachesAt, "long"), formatMoment(reachesAt, "relative")),
    // Who asks for a backup as it is knows what it comes from.
    ...(target.kind === "snapshot" ? [] : [words.planSource(snapshotId, made, archive !== undefined)]),
    ...warnings.slice(0, MAX_WARNINGS).map((warning) => words.planWarning(showFinding(warning))),
    ...(offer ? [words.planDeclines(describeReach(offer, texts))] : []),
    words.planLoses,
    words.planMeanwhile,
    words.planExpires(formatMoment(expiresAt, "relative")),
  ];
  return { title: words.planTitle, description: lines.join("\n\n"), color: COLOUR };
}

function createButtons(question: RestoreQuestion, texts: Texts) {
  const words = texts.admin.backup;
  const values = encodeQuestion(question);
  const buttons = [
    { name: RESTORE_BUTTON, label: words.restoreButton, style: ButtonStyle.Danger },
    { name: CANCEL_BUTTON, label: words.cancelButton, style: ButtonStyle.Secondary },
  ].map(({ name, label, style }) =>
    new ButtonBuilder()
      .setCustomId(createButtonId("dbbackup", name, ...values))
      .setLabel(label)
      .setStyle(style),
  );
  return new ActionRowBuilder<ButtonBuilder>().addComponents(buttons).toJSON();
}
