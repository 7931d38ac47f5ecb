import { isMusterError } from "../../../core/errors.ts";
import type { RestoreOutcome } from "../../../database/backup/restorer.ts";
import type { BackupTools } from "../../backup-tools.ts";
import { Refusal, type ButtonContext, type Reply } from "../../command.ts";
import { formatMoment } from "../../format-time.ts";
import type { Texts } from "../../texts/texts.ts";
import { countRows, recordBackupAction, requireBackups, showFinding, startProgress } from "./backup-work.ts";
import { acceptOffer, findOffer, RECOVERED_CHOICE } from "./recovered.ts";
import { decodeQuestion, type QuestionTarget, type RestoreQuestion } from "./restore-question.ts";

export const RESTORE_BUTTON = "restore";
export const CANCEL_BUTTON = "cancel";

const MAX_NOTES = 5;

/** The press that does it. The audit entry is written afterwards: before, it would be in the database that is set aside. */
export async function confirmRestore(context: ButtonContext): Promise<Reply> {
  const { services } = context;
  const backups = requireBackups(context);
  const { target, expiresAt } = requireOwnQuestion(context);
  const words = services.texts.admin.backup;
  if (services.clock.now() >= expiresAt) return replaceQuestion(words.expired);
  if (isRecovering(backups)) return replaceQuestion(words.recoveryRunning);
  if (target.kind === "offer" && findOffer(backups)?.since !== target.since) return replaceQuestion(words.offerGone);
  try {
    if (target.kind === "offer") return replaceQuestion(await acceptOffer(context, backups));
    const onProgress = startProgress(context, "restore");
    const outcome = await backups.restorer.restore(target, onProgress);
    const { snapshotId, reachedAt } = outcome;
    await recordBackupAction(context, { action: "backup.restore", target: snapshotId, details: { reachedAt } });
    return replaceQuestion(describeOutcome(outcome, services.texts));
  } catch (error) {
    // Another one is in progress: this one was never begun.
    if (isMusterError(error, "CONFLICT")) return replaceQuestion(words.restoreRunning);
    await recordBackupAction(context, {
      ...{ action: "backup.restore", target: describeTarget(target), outcome: "failure" },
      details: { code: isMusterError(error) ? error.code : "INTERNAL" },
    });
    throw error;
  }
}

export function cancelRestore(context: ButtonContext): Promise<Reply> {
  requireOwnQuestion(context);
  return Promise.resolve(replaceQuestion(context.services.texts.admin.backup.cancelled));
}

/** Throws a Refusal for anybody else than who asked. */
function requireOwnQuestion({ values, member, services }: ButtonContext): RestoreQuestion {
  const question = decodeQuestion(values);
  if (!question) throw new Refusal(services.texts.general.unknownButton);
  if (question.userId !== member.id) throw new Refusal(services.texts.admin.backup.notYours);
  return question;
}

function replaceQuestion(content: string): Reply {
  return { content, embeds: [], components: [] };
}

/** It puts a file of its own together, under the same name. */
function isRecovering({ recovery }: BackupTools): boolean {
  const kind = recovery?.status().state.kind;
  return kind === "confirming" || kind === "recovering";
}

function describeTarget(target: QuestionTarget): string {
  if (target.kind === "snapshot") return target.id;
  if (target.kind === "offer") return RECOVERED_CHOICE;
  return target.kind === "newest" ? "newest" : new Date(target.at).toISOString();
}

function describeOutcome(outcome: RestoreOutcome, texts: Texts): string {
  const words = texts.admin.backup;
  const { reachedAt, snapshotId, rows, skipped, warnings, quarantineFolder } = outcome;
  return [
    words.restored(formatMoment(reachedAt, "long"), formatMoment(reachedAt, "relative")),
    words.restoredFrom(snapshotId, countRows(rows)),
    ...[...skipped, ...warnings].slice(0, MAX_NOTES).map((note) => words.restoredNote(showFinding(note))),
    ...(quarantineFolder === undefined ? [] : [words.restoredAside]),
  ].join("\n");
}
