import type { APIEmbed, ApplicationCommandOptionChoiceData } from "discord.js";
import { MusterError } from "../../../core/errors.ts";
import type { RecoveryOffer } from "../../../database/backup/recovery.ts";
import type { BackupTools } from "../../backup-tools.ts";
import type { ButtonContext } from "../../command.ts";
import { formatMoment } from "../../format-time.ts";
import type { Texts } from "../../texts/texts.ts";
import { countRows, recordBackupAction, showFinding, startProgress } from "./backup-work.ts";

/** What stands for the recovered database in the place of a backup's id, which is eight hexadecimal digits. */
export const RECOVERED_CHOICE = "recovered";

const COLOUR = 0xe0902f;
const MAX_WARNINGS = 5;

/** A recovered database that waits for somebody to decide, and since when: that tells it from a later one. */
export interface Offer extends RecoveryOffer {
  readonly since: number;
}

export function findOffer(backups: BackupTools | undefined): Offer | undefined {
  const state = backups?.recovery?.status().state;
  return state?.kind === "offered" ? { since: state.since, ...state.offer } : undefined;
}

export function createOfferChoice({ reachesAt }: Offer, texts: Texts): ApplicationCommandOptionChoiceData<string> {
  const time = reachesAt === undefined ? undefined : formatUtc(reachesAt);
  return { name: texts.admin.backup.recoveredChoice(time), value: RECOVERED_CHOICE };
}

/** Choices are plain text, where Discord shows nobody their own time: this is UTC, and says so. */
export function formatUtc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

export function describeReach({ reachesAt }: Pick<Offer, "reachesAt">, texts: Texts): string {
  return reachesAt === undefined ? texts.admin.backup.offerUnknownMoment : formatMoment(reachesAt, "long");
}

export function createOfferEmbed(offer: Offer, expiresAt: number, texts: Texts): APIEmbed {
  const words = texts.admin.backup;
  const { isComplete, warnings } = offer;
  const lines = [
    words.offerReaches(describeReach(offer, texts)),
    isComplete ? words.offerComplete : words.offerIncomplete,
    ...warnings.slice(0, MAX_WARNINGS).map((warning) => words.planWarning(showFinding(warning))),
    words.offerAside,
    words.planExpires(formatMoment(expiresAt, "relative")),
  ];
  return { title: words.offerTitle, description: lines.join("\n\n"), color: COLOUR };
}

/** Puts it in place; what is said of that. Throws what kept it from there. */
export async function acceptOffer(context: ButtonContext, { recovery }: BackupTools): Promise<string> {
  const { texts } = context.services;
  startProgress(context, "restore");
  const report = await recovery?.accept();
  if (!report) throw new MusterError("BACKUP_NOT_FOUND", "put the recovered database in place: there is none");
  const { reachedAt, isComplete, route, rows, missing } = report;
  const details = { reachedAt: reachedAt ?? null, route: route ?? null, isComplete };
  await recordBackupAction(context, { action: "backup.restore", target: RECOVERED_CHOICE, details });
  const words = texts.admin.backup;
  return [
    words.accepted(describeReach({ reachesAt: reachedAt }, texts), countRows(rows)),
    ...missing.slice(0, MAX_WARNINGS).map((note) => words.restoredNote(showFinding(note))),
    words.restoredAside,
  ].join("\n");
}
