import type { ApplicationCommandOptionChoiceData } from "discord.js";
import { isVerified } from "../../../database/backup/snapshot-catalogue.ts";
import type { SnapshotManifest } from "../../../database/backup/snapshot-manifest.ts";
import type { BackupTools } from "../../backup-tools.ts";
import { Refusal, type AutocompleteContext } from "../../command.ts";
import { escapeInline, truncate } from "../../input/escape.ts";
import type { Texts } from "../../texts/texts.ts";
import { createOfferChoice, findOffer, formatUtc } from "./recovered.ts";

const MAX_CHOICES = 25;
const MAX_CHOICE_LENGTH = 100;
const MAX_SHOWN_LENGTH = 100;

/** The backups whose time, id, reason or comment has what was typed, the newest first; before them what was recovered. */
export async function completeBackup({
  interaction,
  services,
  focused,
}: AutocompleteContext): Promise<ApplicationCommandOptionChoiceData<string>[]> {
  const { snapshots } = (await services.backups?.manager.list()) ?? { snapshots: [] };
  const wanted = focused.value.trim().toLowerCase();
  const offer = interaction.options.getSubcommand() === "restore" ? findOffer(services.backups) : undefined;
  const choices = snapshots.map(({ manifest }) => ({
    ...{ name: describeChoice(manifest, services.texts), value: manifest.id },
  }));
  return [...(offer ? [createOfferChoice(offer, services.texts)] : []), ...choices]
    .filter(({ name }) => name.toLowerCase().includes(wanted))
    .slice(0, MAX_CHOICES)
    .map(({ name, value }) => ({ name: truncate(name, MAX_CHOICE_LENGTH), value }));
}

function describeChoice(manifest: SnapshotManifest, texts: Texts): string {
  const { createdAt, id, reason, comment } = manifest;
  return texts.admin.backup.choice({
    time: formatUtc(createdAt),
    id,
    reason,
    comment,
    isDamaged: !isVerified(manifest),
  });
}

/** Throws a Refusal unless there is something with that id, be it usable or not. */
export async function requireBackupId(given: string, { manager }: BackupTools, texts: Texts): Promise<string> {
  const id = given.trim().toLowerCase();
  const { snapshots, problems } = await manager.list();
  if (snapshots.some(({ manifest }) => manifest.id === id) || problems.some((problem) => problem.id === id)) return id;
  throw new Refusal(texts.admin.backup.unknownBackup(escapeInline(truncate(given, MAX_SHOWN_LENGTH))));
}
